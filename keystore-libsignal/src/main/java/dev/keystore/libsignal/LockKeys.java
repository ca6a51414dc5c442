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

    private LockKeys() {}

    static String ofDevice(SignalProtocolAddress remote) {
        return "session:" + Ids.of(Objects.requireNonNull(remote, "remote"));
    }

    static String ofSenderKey(UUID distributionId, SignalProtocolAddress sender) {
        return "sender-key:" + Ids.of(distributionId, sender);
    }
}
