package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.NameHiding;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Encryption whose opened keys are counted until they are closed, and whose records can be observed. */
public class ObservedSealing implements Sealing {

    private final Sealing sealing;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicInteger retired = new AtomicInteger();
    private final Set<String> contexts = ConcurrentHashMap.newKeySet();

    public ObservedSealing(Sealing sealing) {
        this.sealing = sealing;
    }

    /** Called with each value that was sealed. */
    protected void sealed(String context, String type, String id, byte[] value, byte[] record) {}

    /** Called with each name that was hidden. */
    protected void hid(String name, String hidden) {}

    /** Called before a record is opened. */
    protected void opening() {}

    /** Returns how many keys are open: of stores and of contexts. */
    int openKeys() {
        return open.get();
    }

    /** Returns how many keys of stores were overwritten because others had replaced them. */
    int retiredKeys() {
        return retired.get();
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
        public byte[] storeId() {
            return store.storeId();
        }

        @Override
        public Optional<NameHiding> names() {
            return store.names().map(ObservedNames::new);
        }

        @Override
        public String contextOf(String hiddenContext, byte[] keys) {
            return store.contextOf(hiddenContext, keys);
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
        public Phase phase() {
            return store.phase();
        }

        @Override
        public StoreSealing withPhase(Phase phase) {
            return new CountedStore(store.withPhase(phase));
        }

        @Override
        public boolean isOfBackup() {
            return store.isOfBackup();
        }

        @Override
        public StoreSealing forBackup() {
            return new CountedStore(store.forBackup());
        }

        @Override
        public Optional<StoreSealing> reopened(byte[] mark) {
            return store.reopened(mark).map(CountedStore::new);
        }

        @Override
        public byte[] sealKeys(String context, ContextSealing keys) {
            return store.sealKeys(context, ((CountedContext) keys).context);
        }

        @Override
        public boolean isSealedWithNewestKey(String context, byte[] keys) {
            return store.isSealedWithNewestKey(context, keys);
        }

        @Override
        public int formerKeys() {
            return store.formerKeys();
        }

        @Override
        public StoreSealing withoutFormerKeys() {
            return new CountedStore(store.withoutFormerKeys());
        }

        @Override
        public void retire() {
            retired.incrementAndGet();
            store.retire();
        }

        @Override
        public void close() {
            if (closed.compareAndSet(false, true)) {
                open.decrementAndGet();
            }
            store.close();
        }
    }

    private final class ObservedNames implements NameHiding {

        private final NameHiding names;

        ObservedNames(NameHiding names) {
            this.names = names;
        }

        private String observed(String name, String hidden) {
            hid(name, hidden);
            return hidden;
        }

        @Override
        public String context(String context) {
            return observed(context, names.context(context));
        }

        @Override
        public String type(String context, String type) {
            return observed(type, names.type(context, type));
        }

        @Override
        public String id(String context, String type, String id) {
            return observed(id, names.id(context, type, id));
        }

        @Override
        public String idPrefix(String context, String type, String idPrefix) {
            return names.idPrefix(context, type, idPrefix);
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
        public EntryId entryOf(EntryId hidden, byte[] record) {
            opening();
            return context.entryOf(hidden, record);
        }

        @Override
        public int formerKeys() {
            return context.formerKeys();
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
