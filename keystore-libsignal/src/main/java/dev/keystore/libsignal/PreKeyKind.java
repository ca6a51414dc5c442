package dev.keystore.libsignal;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;

/** The kinds of pre-keys. */
public enum PreKeyKind {
    /** One-time pre-keys, deleted when they are used. */
    ONE_TIME(KeyTypes.PRE_KEY),

    /** Signed pre-keys, which many messages use. */
    SIGNED(KeyTypes.SIGNED_PRE_KEY),

    /**
     * One-time Kyber pre-keys, deleted when they are used. Their ids are counted together with those of last resort.
     */
    ONE_TIME_KYBER(KeyTypes.KYBER_PRE_KEY),

    /** Last-resort Kyber pre-keys, which many messages use. */
    LAST_RESORT_KYBER(KeyTypes.KYBER_PRE_KEY);

    private final KeyType<?> type;

    PreKeyKind(KeyType<?> type) {
        this.type = type;
    }

    /** Returns the type of the entries, whose counter the kind's ids come from. */
    KeyType<?> type() {
        return type;
    }

    boolean isOneTime() {
        return this == ONE_TIME || this == ONE_TIME_KYBER;
    }
}
