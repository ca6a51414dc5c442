package dev.keystore.libsignal;

import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.ecc.ECPrivateKey;
import org.signal.libsignal.protocol.ecc.ECPublicKey;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyStore;

/** One-time pre-keys, stored by number. */
final class PreKeys implements PreKeyStore {

    private final Transaction tx;

    PreKeys(Transaction tx) {
        this.tx = tx;
    }

    @Override
    public PreKeyRecord loadPreKey(int preKeyId) throws InvalidKeyIdException {
        String id = Ids.of(preKeyId);
        KeyPair pair = tx.find(KeyTypes.PRE_KEY, id)
                .orElseThrow(() -> new InvalidKeyIdException("no one-time pre-key " + id + Ids.inContext(tx)));
        try {
            return new PreKeyRecord(preKeyId, toLibsignal(pair));
        } catch (InvalidKeyException e) {
            throw new InvalidKeyIdException(Ids.unreadable(tx, KeyTypes.PRE_KEY, id, e));
        }
    }

    @Override
    public void storePreKey(int preKeyId, PreKeyRecord record) {
        Ids.requireSame(preKeyId, record.getId());
        try {
            tx.put(KeyTypes.PRE_KEY, Ids.of(preKeyId), toStore(record.getKeyPair()));
        } catch (InvalidKeyException e) {
            throw new IllegalArgumentException("record of pre-key " + preKeyId + " holds no valid key pair", e);
        }
    }

    @Override
    public boolean containsPreKey(int preKeyId) {
        return tx.find(KeyTypes.PRE_KEY, Ids.of(preKeyId)).isPresent();
    }

    @Override
    public void removePreKey(int preKeyId) {
        tx.delete(KeyTypes.PRE_KEY, Ids.of(preKeyId));
    }

    static ECKeyPair toLibsignal(KeyPair pair) throws InvalidKeyException {
        return new ECKeyPair(new ECPublicKey(pair.publicKey()), new ECPrivateKey(pair.privateKey()));
    }

    static KeyPair toStore(ECKeyPair pair) {
        return new KeyPair(pair.getPublicKey().serialize(), pair.getPrivateKey().serialize());
    }
}
