package dev.keystore.libsignal;

import dev.keystore.EntryExistsException;
import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import dev.keystore.UnreadableEntryException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.ReusedBaseKeyException;
import org.signal.libsignal.protocol.ecc.ECPublicKey;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.KyberPreKeyStore;

/**
 * Kyber pre-keys, stored by number.
 *
 * <p>A key is a last-resort key unless an additional entry marks it as a one-time key. If in doubt, a key is thus kept
 * too long rather than deleted while messages that need it are in transit.
 */
final class KyberPreKeys implements KyberPreKeyStore {

    /** Marks one-time keys. */
    static final KeyType<byte[]> ONE_TIME = KeyType.ofBytes("libsignal-one-time-kyber-pre-key");

    private static final byte[] MARK = {};

    private final Transaction tx;

    KyberPreKeys(Transaction tx) {
        this.tx = tx;
    }

    @Override
    public KyberPreKeyRecord loadKyberPreKey(int kyberPreKeyId) throws InvalidKeyIdException {
        String id = Ids.of(kyberPreKeyId);
        byte[] key = tx.find(KeyTypes.KYBER_PRE_KEY, id)
                .orElseThrow(() -> new InvalidKeyIdException("no Kyber pre-key " + id + Ids.inContext(tx)));
        try {
            return new KyberPreKeyRecord(key);
        } catch (InvalidMessageException e) {
            throw new InvalidKeyIdException(Ids.unreadable(tx, KeyTypes.KYBER_PRE_KEY, id, e));
        }
    }

    @Override
    public List<KyberPreKeyRecord> loadKyberPreKeys() {
        List<KyberPreKeyRecord> records = new ArrayList<>();
        for (int id : Ids.numbers(tx, KeyTypes.KYBER_PRE_KEY)) {
            readable(id).ifPresent(records::add);
        }
        return records;
    }

    /** Returns a key, or empty if it is damaged or was removed since the ids were listed. */
    private Optional<KyberPreKeyRecord> readable(int id) {
        try {
            return Optional.of(loadKyberPreKey(id));
        } catch (InvalidKeyIdException | UnreadableEntryException e) {
            return Optional.empty();
        }
    }

    /** Returns the keys of one kind, without damaged ones. */
    List<KyberPreKeyRecord> loadKyberPreKeys(boolean oneTime) {
        Set<Integer> marked = new HashSet<>(Ids.numbers(tx, ONE_TIME));
        return loadKyberPreKeys().stream()
                .filter(record -> marked.contains(record.getId()) == oneTime)
                .toList();
    }

    @Override
    public void storeKyberPreKey(int kyberPreKeyId, KyberPreKeyRecord record) {
        requireFree(kyberPreKeyId, record);
        tx.put(KeyTypes.KYBER_PRE_KEY, Ids.of(kyberPreKeyId), record.serialize());
        tx.delete(ONE_TIME, Ids.of(kyberPreKeyId));
    }

    void storeOneTime(int kyberPreKeyId, KyberPreKeyRecord record) {
        requireFree(kyberPreKeyId, record);
        tx.put(KeyTypes.KYBER_PRE_KEY, Ids.of(kyberPreKeyId), record.serialize());
        tx.put(ONE_TIME, Ids.of(kyberPreKeyId), MARK);
    }

    /** Refuses to replace a last-resort key: messages in transit may need it. */
    private void requireFree(int kyberPreKeyId, KyberPreKeyRecord record) {
        Ids.requireSame(kyberPreKeyId, record.getId());
        String id = Ids.of(kyberPreKeyId);
        if (tx.find(KeyTypes.KYBER_PRE_KEY, id).isPresent()
                && tx.find(ONE_TIME, id).isEmpty()) {
            throw new EntryExistsException(tx.context(), new EntryId(KeyTypes.KYBER_PRE_KEY.name(), id));
        }
    }

    @Override
    public boolean containsKyberPreKey(int kyberPreKeyId) {
        return tx.find(KeyTypes.KYBER_PRE_KEY, Ids.of(kyberPreKeyId)).isPresent();
    }

    @Override
    public void markKyberPreKeyUsed(int kyberPreKeyId, int signedPreKeyId, ECPublicKey baseKey)
            throws ReusedBaseKeyException {
        String id = Ids.of(kyberPreKeyId);
        if (tx.find(KeyTypes.KYBER_PRE_KEY, id).isEmpty()) {
            throw new ReusedBaseKeyException(
                    "Kyber pre-key " + id + " does not exist" + Ids.inContext(tx) + ": it was used before or removed");
        }
        if (tx.find(ONE_TIME, id).isPresent()) {
            tx.delete(KeyTypes.KYBER_PRE_KEY, id);
            tx.delete(ONE_TIME, id);
        } else if (!UsedBaseKeys.add(tx, kyberPreKeyId, signedPreKeyId, baseKey)) {
            throw new ReusedBaseKeyException("the base key was used before with Kyber pre-key " + id
                    + " and signed pre-key " + signedPreKeyId + Ids.inContext(tx));
        }
    }

    void remove(int kyberPreKeyId) {
        tx.delete(KeyTypes.KYBER_PRE_KEY, Ids.of(kyberPreKeyId));
        tx.delete(ONE_TIME, Ids.of(kyberPreKeyId));
        UsedBaseKeys.forgetKyberPreKey(tx, kyberPreKeyId);
    }
}
