package dev.keystore.encryption;

import java.security.SecureRandom;

/** What the contexts of an opened store share: its id, its keys, and how values are sealed. */
final class StoreKeys {

    private final byte[] storeId;
    private final KeyRing ring;
    private final int paddingStepBytes;
    private final SecureRandom random;

    /** Creates it. It owns the ring from now on; the id is not copied. */
    StoreKeys(byte[] storeId, KeyRing ring, int paddingStepBytes, SecureRandom random) {
        this.storeId = storeId;
        this.ring = ring;
        this.paddingStepBytes = paddingStepBytes;
        this.random = random;
    }

    /** Returns the id of the store, not copied. */
    byte[] storeId() {
        return storeId;
    }

    KeyRing ring() {
        return ring;
    }

    int paddingStepBytes() {
        return paddingStepBytes;
    }

    SecureRandom random() {
        return random;
    }

    /** Returns the same without the former keys of the store. */
    StoreKeys withoutFormer() {
        return new StoreKeys(storeId, ring.withoutFormer(), paddingStepBytes, random);
    }
}
