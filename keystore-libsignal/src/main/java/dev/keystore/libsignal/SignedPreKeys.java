package dev.keystore.libsignal;

import dev.keystore.KeyTypes;
import dev.keystore.SignedPreKey;
import dev.keystore.Transaction;
import dev.keystore.UnreadableEntryException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyStore;

/** Signed pre-keys, stored by number. Removing one also removes its records from {@link UsedBaseKeys}. */
final class SignedPreKeys implements SignedPreKeyStore {

    private final Transaction tx;

    SignedPreKeys(Transaction tx) {
        this.tx = tx;
    }

    @Override
    public SignedPreKeyRecord loadSignedPreKey(int signedPreKeyId) throws InvalidKeyIdException {
        String id = Ids.of(signedPreKeyId);
        SignedPreKey key = tx.find(KeyTypes.SIGNED_PRE_KEY, id)
                .orElseThrow(() -> new InvalidKeyIdException("no signed pre-key " + id + Ids.inContext(tx)));
        try {
            return read(signedPreKeyId, key);
        } catch (InvalidKeyException e) {
            throw new InvalidKeyIdException(Ids.unreadable(tx, KeyTypes.SIGNED_PRE_KEY, id, e));
        }
    }

    @Override
    public List<SignedPreKeyRecord> loadSignedPreKeys() {
        List<SignedPreKeyRecord> records = new ArrayList<>();
        for (int id : Ids.numbers(tx, KeyTypes.SIGNED_PRE_KEY)) {
            readable(id).ifPresent(records::add);
        }
        return records;
    }

    /** Returns a key, or empty if it is damaged or was removed since the ids were listed. */
    Optional<SignedPreKeyRecord> readable(int id) {
        try {
            return Optional.of(loadSignedPreKey(id));
        } catch (InvalidKeyIdException | UnreadableEntryException e) {
            return Optional.empty();
        }
    }

    @Override
    public void storeSignedPreKey(int signedPreKeyId, SignedPreKeyRecord record) {
        Ids.requireSame(signedPreKeyId, record.getId());
        try {
            tx.put(
                    KeyTypes.SIGNED_PRE_KEY,
                    Ids.of(signedPreKeyId),
                    new SignedPreKey(
                            PreKeys.toStore(record.getKeyPair()), record.getSignature(), record.getTimestamp()));
        } catch (InvalidKeyException e) {
            throw new IllegalArgumentException(
                    "record of signed pre-key " + signedPreKeyId + " holds no valid key pair", e);
        }
    }

    @Override
    public boolean containsSignedPreKey(int signedPreKeyId) {
        return tx.find(KeyTypes.SIGNED_PRE_KEY, Ids.of(signedPreKeyId)).isPresent();
    }

    @Override
    public void removeSignedPreKey(int signedPreKeyId) {
        tx.delete(KeyTypes.SIGNED_PRE_KEY, Ids.of(signedPreKeyId));
        UsedBaseKeys.forgetSignedPreKey(tx, signedPreKeyId);
    }

    private static SignedPreKeyRecord read(int id, SignedPreKey key) throws InvalidKeyException {
        return new SignedPreKeyRecord(id, key.timestampMillis(), PreKeys.toLibsignal(key.keyPair()), key.signature());
    }
}
