package dev.keystore.libsignal;

import java.util.Objects;
import java.util.UUID;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/** The lock keys of an account's transactions. */
final class LockKeys {

    /** For the account's own records. */
    static final String ACCOUNT = "account";

    /** For the generation of pre-keys, which issues ids, and all other upkeep of them. */
    static final String PRE_KEYS = "pre-key-ids";

    /** For counting pre-keys, which must not wait for their generation. */
    static final String COUNTS = "pre-key-counts";

    /** For the removal of messages from the inbox and the outbox. */
    static final String MESSAGES = "messages";

    private LockKeys() {}

    static String ofDevice(SignalProtocolAddress remote) {
        return "session:" + Ids.of(Objects.requireNonNull(remote, "remote"));
    }

    /**
     * Returns a lock key that sorts after those of devices: a transaction that holds the lock of a device may acquire
     * it, and so does one that acquires both at once (R25).
     */
    static String ofSenderKey(UUID distributionId, SignalProtocolAddress sender) {
        return "shared-key:" + Ids.of(distributionId, sender);
    }
}
