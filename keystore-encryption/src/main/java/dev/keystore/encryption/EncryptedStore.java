package dev.keystore.encryption;

import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.StoreSealing;

/** The opened keys of one store, and its mark. */
final class EncryptedStore implements StoreSealing {

    private final StoreMark mark;
    private final StoreKeys keys;

    /** Creates it. It owns the keys from now on. */
    EncryptedStore(StoreMark mark, StoreKeys keys) {
        this.mark = mark;
        this.keys = keys;
    }

    @Override
    public byte[] mark() {
        return mark.toBytes();
    }

    @Override
    public ContextSealing createContext(String context) {
        return EncryptedContext.create(keys, context);
    }

    @Override
    public ContextSealing openContext(String context, byte[] stored) {
        return EncryptedContext.open(keys, context, stored);
    }

    @Override
    public StoreSealing withoutFormerKeys() {
        StoreKeys newest = keys.withoutFormer();
        return new EncryptedStore(mark.withKeys(newest.ring(), newest.random()), newest);
    }

    @Override
    public void close() {
        keys.ring().close();
    }

    /** Returns the ids of the store and of its keys. */
    @Override
    public String toString() {
        return "EncryptedStore[" + mark + ", " + keys.ring() + "]";
    }
}
