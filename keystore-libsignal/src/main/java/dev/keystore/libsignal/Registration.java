package dev.keystore.libsignal;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import java.util.List;
import java.util.stream.Stream;

/** Gives an account another identity, in the transaction of a new registration. */
final class Registration {

    /** What was made with the former identity, or is of use only to its contacts. */
    private static final List<KeyType<?>> OF_THE_FORMER_IDENTITY = List.of(
            KeyTypes.SESSION,
            SessionStarts.TYPE,
            KeyTypes.SENDER_KEY,
            KeyTypes.SENDER_KEY_MEMORY,
            KeyTypes.PRE_KEY,
            KeyTypes.SIGNED_PRE_KEY,
            KeyTypes.KYBER_PRE_KEY,
            KyberPreKeys.ONE_TIME,
            UsedBaseKeys.TYPE,
            PreKeyLog.REPLACED_UP_TO,
            PreKeyLog.TYPE);

    private Registration() {}

    /**
     * Replaces the identity, and deletes the sessions, sender keys and pre-keys of the former one. The counters of ids
     * continue.
     */
    static void change(Transaction tx, AccountIdentity identity) {
        SessionStarts.conflictWithStarts(tx);
        AccountRecord former = AccountRecord.load(tx);
        new AccountRecord(identity, former.applicationData()).saveTo(tx);
        for (KeyType<?> type : OF_THE_FORMER_IDENTITY) {
            ids(tx, type).forEach(id -> tx.delete(type, id));
        }
        Restored.set(tx);
    }

    private static List<String> ids(Transaction tx, KeyType<?> type) {
        try (Stream<String> ids = tx.ids(type, "")) {
            return ids.toList();
        }
    }
}
