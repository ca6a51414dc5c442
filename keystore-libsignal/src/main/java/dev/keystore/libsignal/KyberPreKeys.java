package dev.keystore.libsignal;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import java.util.ArrayList;
import java.util.List;
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
            byte[] key = tx.find(KeyTypes.KYBER_PRE_KEY, Ids.of(id)).orElse(null);
            if (key != null) {
                try {
                    records.add(new KyberPreKeyRecord(key));
                } catch (InvalidMessageException e) {
                    throw Ids.unreadable(tx, KeyTypes.KYBER_PRE_KEY, Ids.of(id), e);
                }
            }
        }
        return records;
    }

    @Override
    public void storeKyberPreKey(int kyberPreKeyId, KyberPreKeyRecord record) {
        tx.put(KeyTypes.KYBER_PRE_KEY, Ids.of(kyberPreKeyId), record.serialize());
        tx.delete(ONE_TIME, Ids.of(kyberPreKeyId));
    }

    void storeOneTime(int kyberPreKeyId, KyberPreKeyRecord record) {
        tx.put(KeyTypes.KYBER_PRE_KEY, Ids.of(kyberPreKeyId), record.serialize());
        tx.put(ONE_TIME, Ids.of(kyberPreKeyId), MARK);
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
