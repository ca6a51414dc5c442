package dev.keystore.libsignal;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;

/** The kinds of pre-keys. */
public enum PreKeyKind {
    /** One-time pre-keys, deleted when they are used. */
    ONE_TIME,

    /** Signed pre-keys, which many messages use. */
    SIGNED,

    /**
     * One-time Kyber pre-keys, deleted when they are used. Their ids are counted together with those of last resort.
     */
    ONE_TIME_KYBER,

    /** Last-resort Kyber pre-keys, which many messages use. */
    LAST_RESORT_KYBER;

    /** Returns the type of the entries, whose counter the kind's ids come from. */
    KeyType<?> type() {
        return switch (this) {
            case ONE_TIME -> KeyTypes.PRE_KEY;
            case SIGNED -> KeyTypes.SIGNED_PRE_KEY;
            case ONE_TIME_KYBER, LAST_RESORT_KYBER -> KeyTypes.KYBER_PRE_KEY;
        };
    }

    boolean isOneTime() {
        return this == ONE_TIME || this == ONE_TIME_KYBER;
    }
}
