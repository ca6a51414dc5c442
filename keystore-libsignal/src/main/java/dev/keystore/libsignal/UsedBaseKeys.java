package dev.keystore.libsignal;

import dev.keystore.KeyType;
import dev.keystore.Transaction;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.signal.libsignal.protocol.ecc.ECPublicKey;

/**
 * Records the base keys of remote devices that were used with a last-resort Kyber pre-key, as one small entry each
 * under {@code kyberPreKeyId.signedPreKeyId.baseKey}.
 *
 * <p>An entry is kept as long as both pre-keys exist; if it were removed earlier, its message could be replayed. The
 * number of entries is therefore bounded by the sessions started during the lifetime of a pre-key, and rotation removes
 * them.
 */
final class UsedBaseKeys {

    static final KeyType<byte[]> TYPE = KeyType.ofBytes("libsignal-used-base-key");
    private static final byte[] USED = {};

    private UsedBaseKeys() {}

    /** Records a base key and returns whether it is new. */
    static boolean add(Transaction tx, int kyberPreKeyId, int signedPreKeyId, ECPublicKey baseKey) {
        String id = kyberPreKeyId + "." + signedPreKeyId + "." + HexFormat.of().formatHex(baseKey.serialize());
        if (tx.find(TYPE, id).isPresent()) {
            return false;
        }
        tx.put(TYPE, id, USED);
        return true;
    }

    static void forgetKyberPreKey(Transaction tx, int kyberPreKeyId) {
        forget(tx, kyberPreKeyId + ".", id -> true);
    }

    /** Scans all entries, because ids begin with the Kyber pre-key; called only once per rotation. */
    static void forgetSignedPreKey(Transaction tx, int signedPreKeyId) {
        String part = "." + signedPreKeyId + ".";
        forget(tx, "", id -> id.contains(part));
    }

    private static void forget(Transaction tx, String prefix, Predicate<String> which) {
        List<String> forgotten;
        try (Stream<String> ids = tx.ids(TYPE, prefix)) {
            forgotten = ids.filter(which).toList();
        }
        forgotten.forEach(id -> tx.delete(TYPE, id));
    }
}
