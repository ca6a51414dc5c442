package dev.keystore.encryption;

import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/** What the contexts of an opened store share: its id, its keys, and how values are sealed. */
final class StoreKeys implements AutoCloseable {

    private final byte[] storeId;
    private final MarkKeys keys;
    private final int paddingStepBytes;
    private final SecureRandom random;
    private final RecordCiphers ciphers;

    /** Creates it. It owns the keys from now on; the id is not copied. */
    StoreKeys(byte[] storeId, MarkKeys keys, int paddingStepBytes, SecureRandom random) {
        this.storeId = storeId;
        this.keys = keys;
        this.paddingStepBytes = paddingStepBytes;
        this.random = random;
        this.ciphers = new RecordCiphers(random);
    }

    /** Returns the id of the store, not copied. */
    byte[] storeId() {
        return storeId;
    }

    MarkKeys keys() {
        return keys;
    }

    KeyRing ring() {
        return keys.ring();
    }

    /** Returns the hidden names, or null if the names are stored as they are. */
    @Nullable
    HiddenNames names() {
        return keys.names();
    }

    HiddenNames requireHiddenNames() {
        HiddenNames names = names();
        if (names == null) {
            throw new IllegalStateException("The names in this store are not hidden");
        }
        return names;
    }

    int paddingStepBytes() {
        return paddingStepBytes;
    }

    SecureRandom random() {
        return random;
    }

    /** Returns the ciphers that seal values. */
    RecordCiphers ciphers() {
        return ciphers;
    }

    /** Returns copies of the same keys. */
    StoreKeys copy() {
        return new StoreKeys(storeId, keys.copy(), paddingStepBytes, random);
    }

    /** Returns copies of the same keys without the former ones of the store. */
    StoreKeys withoutFormer() {
        return new StoreKeys(storeId, keys.withoutFormer(), paddingStepBytes, random);
    }

    /** Returns other keys of the same store, which are owned from now on. */
    StoreKeys with(MarkKeys others) {
        return new StoreKeys(storeId, others, paddingStepBytes, random);
    }

    @Override
    public void close() {
        keys.close();
        ciphers.close();
    }
}
