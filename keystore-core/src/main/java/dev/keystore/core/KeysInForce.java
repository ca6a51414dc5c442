package dev.keystore.core;

import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;

/** The keys of an encrypted store that are in force, and what their phase means for values. */
final class KeysInForce {

    private volatile StoreSealing sealing;

    KeysInForce(StoreSealing sealing) {
        this.sealing = sealing;
    }

    StoreSealing sealing() {
        return sealing;
    }

    /** Replaces the keys; other threads may still be using the former ones. */
    void replace(StoreSealing next) {
        sealing = next;
    }

    /** Returns whether values that are written now are sealed. */
    boolean sealsValues() {
        return sealing.phase() != Phase.DECRYPTING;
    }

    /** Returns whether values that are not sealed are accepted. */
    boolean hasPlainValues() {
        return sealing.phase() != Phase.ENCRYPTED;
    }
}
