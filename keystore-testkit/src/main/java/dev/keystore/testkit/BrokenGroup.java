package dev.keystore.testkit;

import dev.keystore.spi.Batch;
import java.util.AbstractList;
import java.util.List;

/** A group of batches whose first half, rounded up, can be read, and that fails where the next one should be. */
final class BrokenGroup extends AbstractList<Batch> {

    private final List<Batch> firstHalf;
    private final RuntimeException failure;

    BrokenGroup(List<Batch> group, RuntimeException failure) {
        this.firstHalf = List.copyOf(group.subList(0, (group.size() + 1) / 2));
        this.failure = failure;
    }

    @Override
    public Batch get(int index) {
        if (index >= firstHalf.size()) {
            throw failure;
        }
        return firstHalf.get(index);
    }

    @Override
    public int size() {
        return firstHalf.size() + 1;
    }
}
