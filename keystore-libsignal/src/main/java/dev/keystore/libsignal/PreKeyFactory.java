package dev.keystore.libsignal;

import dev.keystore.KeyReader;
import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.ecc.ECPublicKey;
import org.signal.libsignal.protocol.kem.KEMKeyPair;
import org.signal.libsignal.protocol.kem.KEMKeyType;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * Generates pre-keys within a transaction, so that the keys, the ids issued for them and what else the transaction
 * writes are one commit.
 *
 * <p>A factory is confined to the thread of its transaction and valid until the transaction ends. Two transactions that
 * generate pre-keys conflict unless both hold {@link SignalAccount#preKeyLockKey()}:
 *
 * <pre>{@code
 * List<PreKeyRecord> keys = store.transaction(SignalAccount.preKeyLockKey(), tx -> {
 *     List<PreKeyRecord> generated = account.preKeyFactory(tx).preKeys(100);
 *     tx.put(OUTBOX, "upload", encode(generated));
 *     return generated;
 * });
 * }</pre>
 *
 * <p>Every method throws {@link IllegalStateException} if too few ids are free; nothing was written then.
 */
public final class PreKeyFactory {

    private final Transaction tx;
    private final InstantSource clock;
    private final PreKeys preKeys;
    private final SignedPreKeys signedPreKeys;
    private final KyberPreKeys kyberPreKeys;
    private final AccountIdentity identity;
    private final PreKeyIds ids;

    /**
     * Creates a factory.
     *
     * @param committed reads committed entries, outside the transaction
     */
    PreKeyFactory(Transaction tx, KeyReader committed, InstantSource clock) {
        this.tx = tx;
        this.clock = clock;
        preKeys = new PreKeys(tx);
        signedPreKeys = new SignedPreKeys(tx);
        kyberPreKeys = new KyberPreKeys(tx);
        identity = AccountRecord.loadIdentity(tx);
        ids = new PreKeyIds(tx, committed);
    }

    /**
     * Generates and stores one-time pre-keys.
     *
     * @param count the number of pre-keys, at least 1
     * @return the new pre-keys, with increasing ids except where they continue at 1
     */
    public List<PreKeyRecord> preKeys(int count) {
        requirePositive(count);
        List<PreKeyRecord> records = new ArrayList<>(count);
        for (int id : ids.issue(KeyTypes.PRE_KEY, count)) {
            PreKeyRecord record = new PreKeyRecord(id, ECKeyPair.generate());
            preKeys.storePreKey(id, record);
            records.add(record);
        }
        return records;
    }

    /**
     * Generates and stores a signed pre-key.
     *
     * @return the new pre-key
     */
    public SignedPreKeyRecord signedPreKey() {
        int id = ids.issue(KeyTypes.SIGNED_PRE_KEY, 1).get(0);
        ECKeyPair pair = ECKeyPair.generate();
        SignedPreKeyRecord record = new SignedPreKeyRecord(
                id, clock.millis(), pair, sign(pair.getPublicKey().serialize()));
        signedPreKeys.storeSignedPreKey(id, record);
        return record;
    }

    /** Returns the newest signed pre-key, or a new one if it was removed or is damaged, or none was ever generated. */
    private SignedPreKeyRecord newestSignedPreKey() {
        return ids.last(KeyTypes.SIGNED_PRE_KEY)
                .flatMap(signedPreKeys::readable)
                .orElseGet(this::signedPreKey);
    }

    /**
     * Generates and stores one-time Kyber pre-keys.
     *
     * @param count the number of pre-keys, at least 1
     * @return the new pre-keys, with increasing ids except where they continue at 1
     */
    public List<KyberPreKeyRecord> oneTimeKyberPreKeys(int count) {
        requirePositive(count);
        List<KyberPreKeyRecord> records = newKyberPreKeys(count);
        records.forEach(record -> kyberPreKeys.storeOneTime(record.getId(), record));
        return records;
    }

    /**
     * Generates and stores a last-resort Kyber pre-key.
     *
     * @return the new pre-key
     */
    public KyberPreKeyRecord lastResortKyberPreKey() {
        KyberPreKeyRecord record = newKyberPreKeys(1).get(0);
        kyberPreKeys.storeKyberPreKey(record.getId(), record);
        return record;
    }

    PreKeyUpload upload(int count) {
        return new PreKeyUpload(preKeys(count), signedPreKey(), oneTimeKyberPreKeys(count), lastResortKyberPreKey());
    }

    PreKeyBundle newBundle(int deviceId) {
        PreKeyRecord preKey = preKeys(1).get(0);
        SignedPreKeyRecord signedPreKey = newestSignedPreKey();
        KyberPreKeyRecord kyberPreKey = oneTimeKyberPreKeys(1).get(0);
        handOut(PreKeyKind.ONE_TIME, preKey.getId());
        handOut(PreKeyKind.ONE_TIME_KYBER, kyberPreKey.getId());
        return bundle(deviceId, preKey, signedPreKey, kyberPreKey);
    }

    /** Keeps a key that one contact receives directly out of later uploads, which would hand it out to another. */
    private void handOut(PreKeyKind kind, int id) {
        tx.find(PreKeyLog.TYPE, kind.name())
                .ifPresent(log -> log.withHandedOut(id, clock.instant()).save(tx, kind));
    }

    /** Returns what issues the ids. */
    PreKeyIds ids() {
        return ids;
    }

    PreKeyBundle bundle(
            int deviceId,
            @Nullable PreKeyRecord preKey,
            SignedPreKeyRecord signedPreKey,
            KyberPreKeyRecord kyberPreKey) {
        try {
            ECPublicKey preKeyPublic =
                    preKey == null ? null : preKey.getKeyPair().getPublicKey();
            return new PreKeyBundle(
                    identity.registrationId(),
                    deviceId,
                    preKey == null ? PreKeyBundle.NULL_PRE_KEY_ID : preKey.getId(),
                    preKeyPublic,
                    signedPreKey.getId(),
                    signedPreKey.getKeyPair().getPublicKey(),
                    signedPreKey.getSignature(),
                    identity.keyPair().getPublicKey(),
                    kyberPreKey.getId(),
                    kyberPreKey.getKeyPair().getPublicKey(),
                    kyberPreKey.getSignature());
        } catch (InvalidKeyException e) {
            throw new IllegalArgumentException("a pre-key record holds no valid key pair", e);
        }
    }

    private List<KyberPreKeyRecord> newKyberPreKeys(int count) {
        List<KyberPreKeyRecord> records = new ArrayList<>(count);
        for (int id : ids.issue(KeyTypes.KYBER_PRE_KEY, count)) {
            KEMKeyPair pair = KEMKeyPair.generate(KEMKeyType.KYBER_1024);
            records.add(new KyberPreKeyRecord(
                    id, clock.millis(), pair, sign(pair.getPublicKey().serialize())));
        }
        return records;
    }

    private static void requirePositive(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("count must be at least 1, was " + count);
        }
    }

    private byte[] sign(byte[] publicKey) {
        return identity.keyPair().getPrivateKey().calculateSignature(publicKey);
    }
}
