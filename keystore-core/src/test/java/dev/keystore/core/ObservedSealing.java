package dev.keystore.core;

import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Encryption whose opened keys are counted until they are closed, and whose records can be observed. */
public class ObservedSealing implements Sealing {

    private final Sealing sealing;
    private final AtomicInteger open = new AtomicInteger();
    private final Set<String> contexts = ConcurrentHashMap.newKeySet();

    public ObservedSealing(Sealing sealing) {
        this.sealing = sealing;
    }

    /** Called with each value that was sealed. */
    protected void sealed(String context, String type, String id, byte[] value, byte[] record) {}

    /** Called before a record is opened. */
    protected void opening() {}

    /** Returns how many keys are open: of stores and of contexts. */
    int openKeys() {
        return open.get();
    }

    Set<String> contexts() {
        return contexts;
    }

    @Override
    public StoreSealing open(byte[] mark) {
        return new CountedStore(sealing.open(mark));
    }

    @Override
    public StoreSealing rotate(byte[] mark) {
        return new CountedStore(sealing.rotate(mark));
    }

    private final class CountedStore implements StoreSealing {

        private final StoreSealing store;
        private final AtomicBoolean closed = new AtomicBoolean();

        CountedStore(StoreSealing store) {
            this.store = store;
            open.incrementAndGet();
        }

        @Override
        public byte[] mark() {
            return store.mark();
        }

        @Override
        public ContextSealing createContext(String context) {
            contexts.add(context);
            return new CountedContext(context, store.createContext(context));
        }

        @Override
        public ContextSealing openContext(String context, byte[] keys) {
            contexts.add(context);
            return new CountedContext(context, store.openContext(context, keys));
        }

        @Override
        public StoreSealing withoutFormerKeys() {
            return new CountedStore(store.withoutFormerKeys());
        }

        @Override
        public void close() {
            if (closed.compareAndSet(false, true)) {
                open.decrementAndGet();
            }
            store.close();
        }
    }

    private final class CountedContext implements ContextSealing {

        private final String name;
        private final ContextSealing context;
        private final AtomicBoolean closed = new AtomicBoolean();

        CountedContext(String name, ContextSealing context) {
            this.name = name;
            this.context = context;
            open.incrementAndGet();
        }

        @Override
        public byte[] seal(String type, String id, byte[] value) {
            byte[] record = context.seal(type, id, value);
            sealed(name, type, id, value, record);
            return record;
        }

        @Override
        public byte[] open(String type, String id, byte[] record) {
            opening();
            return context.open(type, id, record);
        }

        @Override
        public byte[] keys() {
            return context.keys();
        }

        @Override
        public String keyId() {
            return context.keyId();
        }

        @Override
        public String keyIdOf(String type, String id, byte[] record) {
            return context.keyIdOf(type, id, record);
        }

        @Override
        public ContextSealing rotated() {
            return new CountedContext(name, context.rotated());
        }

        @Override
        public ContextSealing withoutFormerKeys() {
            return new CountedContext(name, context.withoutFormerKeys());
        }

        @Override
        public void close() {
            if (closed.compareAndSet(false, true)) {
                open.decrementAndGet();
            }
            context.close();
        }
    }
}
