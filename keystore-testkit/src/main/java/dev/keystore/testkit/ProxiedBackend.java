package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What proxies of a backend have in common. */
final class ProxiedBackend {

    private ProxiedBackend() {}

    /** Returns the interfaces of the SPI that a class of backends implements. */
    static Set<Class<?>> capabilities(Class<?> type) {
        return Stream.<Class<?>>iterate(type, each -> each != null, Class::getSuperclass)
                .flatMap(each -> Arrays.stream(each.getInterfaces()))
                .filter(each -> each.getPackage().equals(Backend.class.getPackage()))
                .collect(Collectors.toSet());
    }

    /** Returns the argument of a group commit. */
    @SuppressWarnings("unchecked") // the parameter of GroupCommit.commit
    static List<Batch> group(Object argument) {
        return (List<Batch>) argument;
    }

    /** Returns a view of a group that changes each batch when it is read: reading the group may fail midway. */
    static List<Batch> view(List<Batch> group, UnaryOperator<Batch> change) {
        return new AbstractList<>() {

            @Override
            public Batch get(int index) {
                return change.apply(group.get(index));
            }

            @Override
            public int size() {
                return group.size();
            }

            @Override
            public Iterator<Batch> iterator() {
                Iterator<Batch> batches = group.iterator();
                return new Iterator<>() {

                    @Override
                    public boolean hasNext() {
                        return batches.hasNext();
                    }

                    @Override
                    public Batch next() {
                        return change.apply(batches.next());
                    }
                };
            }
        };
    }
}
