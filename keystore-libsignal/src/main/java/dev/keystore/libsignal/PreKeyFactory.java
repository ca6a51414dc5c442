package dev.keystore.libsignal;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.ecc.ECPublicKey;
import org.signal.libsignal.protocol.kem.KEMKeyPair;
import org.signal.libsignal.protocol.kem.KEMKeyType;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * Makes pre-keys within a transaction: the keys and the counter of the next id are one commit.
 *
 * <p>Ids run from 1 to {@link Ids#MAX_KEY_ID} and begin again. An id of which there is a key still is passed over.
 */
final class PreKeyFactory {

    private final Transaction tx;
    private final PreKeys preKeys;
    private final SignedPreKeys signedPreKeys;
    private final KyberPreKeys kyberPreKeys;
    private AccountRecord account;

    PreKeyFactory(Transaction tx) {
        this.tx = tx;
        preKeys = new PreKeys(tx);
        signedPreKeys = new SignedPreKeys(tx);
        kyberPreKeys = new KyberPreKeys(tx);
        account = AccountRecord.load(tx);
    }

    List<PreKeyRecord> preKeys(int count) {
        List<PreKeyRecord> records = new ArrayList<>(count);
        for (int id : freeIds(KeyTypes.PRE_KEY, account.nextPreKeyId(), count)) {
            PreKeyRecord record = new PreKeyRecord(id, ECKeyPair.generate());
            preKeys.storePreKey(id, record);
            records.add(record);
            account = account.withNextPreKeyId(after(id));
        }
        tx.saveCredentials(account.encode());
        return records;
    }

    SignedPreKeyRecord signedPreKey() {
        int id = freeIds(KeyTypes.SIGNED_PRE_KEY, account.nextSignedPreKeyId(), 1)
                .get(0);
        ECKeyPair pair = ECKeyPair.generate();
        SignedPreKeyRecord record = new SignedPreKeyRecord(
                id, System.currentTimeMillis(), pair, sign(pair.getPublicKey().serialize()));
        signedPreKeys.storeSignedPreKey(id, record);
        account = account.withNextSignedPreKeyId(after(id));
        tx.saveCredentials(account.encode());
        return record;
    }

    /** Returns the signed pre-key made last, or a new one if it is gone or there never was one. */
    private SignedPreKeyRecord newestSignedPreKey() {
        int newest = before(account.nextSignedPreKeyId());
        try {
            return signedPreKeys.containsSignedPreKey(newest) ? signedPreKeys.loadSignedPreKey(newest) : signedPreKey();
        } catch (InvalidKeyIdException e) {
            throw Ids.unreadable(tx, KeyTypes.SIGNED_PRE_KEY, Ids.of(newest), e);
        }
    }

    List<KyberPreKeyRecord> oneTimeKyberPreKeys(int count) {
        List<KyberPreKeyRecord> records = newKyberPreKeys(count);
        records.forEach(record -> kyberPreKeys.storeOneTime(record.getId(), record));
        return records;
    }

    KyberPreKeyRecord lastResortKyberPreKey() {
        KyberPreKeyRecord record = newKyberPreKeys(1).get(0);
        kyberPreKeys.storeKyberPreKey(record.getId(), record);
        return record;
    }

    PreKeyBundle newBundle(int deviceId) {
        PreKeyRecord preKey = preKeys(1).get(0);
        SignedPreKeyRecord signedPreKey = newestSignedPreKey();
        KyberPreKeyRecord kyberPreKey = oneTimeKyberPreKeys(1).get(0);
        return bundle(account, deviceId, preKey, signedPreKey, kyberPreKey);
    }

    static PreKeyBundle bundle(
            AccountRecord account,
            int deviceId,
            @Nullable PreKeyRecord preKey,
            SignedPreKeyRecord signedPreKey,
            KyberPreKeyRecord kyberPreKey) {
        try {
            ECPublicKey preKeyPublic =
                    preKey == null ? null : preKey.getKeyPair().getPublicKey();
            return new PreKeyBundle(
                    account.registrationId(),
                    deviceId,
                    preKey == null ? PreKeyBundle.NULL_PRE_KEY_ID : preKey.getId(),
                    preKeyPublic,
                    signedPreKey.getId(),
                    signedPreKey.getKeyPair().getPublicKey(),
                    signedPreKey.getSignature(),
                    account.identity().getPublicKey(),
                    kyberPreKey.getId(),
                    kyberPreKey.getKeyPair().getPublicKey(),
                    kyberPreKey.getSignature());
        } catch (InvalidKeyException e) {
            throw new IllegalArgumentException("a pre-key record holds no valid key pair", e);
        }
    }

    private List<KyberPreKeyRecord> newKyberPreKeys(int count) {
        List<KyberPreKeyRecord> records = new ArrayList<>(count);
        for (int id : freeIds(KeyTypes.KYBER_PRE_KEY, account.nextKyberPreKeyId(), count)) {
            KEMKeyPair pair = KEMKeyPair.generate(KEMKeyType.KYBER_1024);
            records.add(new KyberPreKeyRecord(
                    id,
                    System.currentTimeMillis(),
                    pair,
                    sign(pair.getPublicKey().serialize())));
            account = account.withNextKyberPreKeyId(after(id));
        }
        tx.saveCredentials(account.encode());
        return records;
    }

    private byte[] sign(byte[] publicKey) {
        return account.identity().getPrivateKey().calculateSignature(publicKey);
    }

    private List<Integer> freeIds(KeyType<?> type, int first, int count) {
        List<Integer> free = new ArrayList<>(count);
        int next = first;
        for (int seen = 0; free.size() < count; ) {
            int size = Math.min(count - free.size(), Ids.MAX_KEY_ID - seen);
            if (size == 0) {
                throw new IllegalStateException("every id of type " + type + " is in use");
            }
            List<Integer> candidates = IntStream.iterate(next, PreKeyFactory::after)
                    .limit(size)
                    .boxed()
                    .toList();
            Map<String, ?> taken = tx.get(type, candidates.stream().map(Ids::of).toList());
            candidates.stream().filter(id -> !taken.containsKey(Ids.of(id))).forEach(free::add);
            next = after(candidates.get(size - 1));
            seen += size;
        }
        return free;
    }

    private static int after(int id) {
        return id == Ids.MAX_KEY_ID ? 1 : id + 1;
    }

    private static int before(int id) {
        return id == 1 ? Ids.MAX_KEY_ID : id - 1;
    }
}
