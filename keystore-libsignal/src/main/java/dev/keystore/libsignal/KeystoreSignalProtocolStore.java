package dev.keystore.libsignal;

import dev.keystore.Transaction;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.ReusedBaseKeyException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.ecc.ECPublicKey;
import org.signal.libsignal.protocol.groups.state.SenderKeyRecord;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SessionRecord;
import org.signal.libsignal.protocol.state.SignalProtocolStore;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * All stores that libsignal asks for, over one transaction.
 *
 * <p>libsignal makes up to eleven calls to decrypt one message. Through this store they are one commit or none: when the
 * transaction commits, the new session, the identity, the used pre-key and the Kyber mark are durable together; when
 * anything fails, decrypting the same message again finds everything as it was.
 *
 * <p>It lives as long as the transaction and on its thread. {@link SignalAccount} makes one for each piece of work; who
 * runs transactions of their own makes one in each:
 *
 * <pre>{@code
 * byte[] plaintext = store.transaction(SignalAccount.lockKey(bob), tx -> {
 *     SignalProtocolStore signal = new KeystoreSignalProtocolStore(tx);
 *     return new SessionCipher(signal, bob).decrypt(message);
 * });
 * }</pre>
 *
 * <p>The account must exist: {@link SignalAccount#create} creates it.
 *
 * <p>Every method may throw what {@link Transaction} throws; libsignal passes such exceptions on as the same object. A
 * key that the store holds and libsignal can't read is {@link InvalidKeyIdException}, with a
 * {@link dev.keystore.CorruptEntryException} as its cause, from the methods that declare it, and
 * {@link dev.keystore.CorruptEntryException} from the others.
 */
public final class KeystoreSignalProtocolStore implements SignalProtocolStore {

    private final Identities identities;
    private final PreKeys preKeys;
    private final SignedPreKeys signedPreKeys;
    private final KyberPreKeys kyberPreKeys;
    private final Sessions sessions;
    private final SenderKeys senderKeys;

    /** Makes a store over a transaction that trusts an identity on first use. */
    public KeystoreSignalProtocolStore(Transaction tx) {
        this(tx, TrustPolicy.FIRST_USE);
    }

    /** Makes a store over a transaction with a trust policy of the application's own. */
    public KeystoreSignalProtocolStore(Transaction tx, TrustPolicy trust) {
        Objects.requireNonNull(tx, "tx");
        identities = new Identities(tx, Objects.requireNonNull(trust, "trust"));
        preKeys = new PreKeys(tx);
        signedPreKeys = new SignedPreKeys(tx);
        kyberPreKeys = new KyberPreKeys(tx);
        sessions = new Sessions(tx);
        senderKeys = new SenderKeys(tx);
    }

    /**
     * Returns the identity of this account.
     *
     * @throws IllegalStateException if the context holds no account
     */
    @Override
    public IdentityKeyPair getIdentityKeyPair() {
        return identities.getIdentityKeyPair();
    }

    /**
     * Returns the registration id of this account.
     *
     * @throws IllegalStateException if the context holds no account
     */
    @Override
    public int getLocalRegistrationId() {
        return identities.getLocalRegistrationId();
    }

    /** Saves the identity of a device as the trusted one. One that is saved already is not written again. */
    @Override
    public IdentityChange saveIdentity(SignalProtocolAddress address, IdentityKey identityKey) {
        return identities.saveIdentity(address, Objects.requireNonNull(identityKey, "identityKey"));
    }

    /** Asks the trust policy. */
    @Override
    public boolean isTrustedIdentity(SignalProtocolAddress address, IdentityKey identityKey, Direction direction) {
        return identities.isTrustedIdentity(address, identityKey, direction);
    }

    @Override
    public @Nullable IdentityKey getIdentity(SignalProtocolAddress address) {
        return identities.getIdentity(address);
    }

    @Override
    public PreKeyRecord loadPreKey(int preKeyId) throws InvalidKeyIdException {
        return preKeys.loadPreKey(preKeyId);
    }

    @Override
    public void storePreKey(int preKeyId, PreKeyRecord record) {
        preKeys.storePreKey(preKeyId, Objects.requireNonNull(record, "record"));
    }

    @Override
    public boolean containsPreKey(int preKeyId) {
        return preKeys.containsPreKey(preKeyId);
    }

    /** Deletes a one-time pre-key. Two transactions that used the same one conflict: one of them commits. */
    @Override
    public void removePreKey(int preKeyId) {
        preKeys.removePreKey(preKeyId);
    }

    @Override
    public SignedPreKeyRecord loadSignedPreKey(int signedPreKeyId) throws InvalidKeyIdException {
        return signedPreKeys.loadSignedPreKey(signedPreKeyId);
    }

    @Override
    public List<SignedPreKeyRecord> loadSignedPreKeys() {
        return signedPreKeys.loadSignedPreKeys();
    }

    @Override
    public void storeSignedPreKey(int signedPreKeyId, SignedPreKeyRecord record) {
        signedPreKeys.storeSignedPreKey(signedPreKeyId, Objects.requireNonNull(record, "record"));
    }

    @Override
    public boolean containsSignedPreKey(int signedPreKeyId) {
        return signedPreKeys.containsSignedPreKey(signedPreKeyId);
    }

    /** Deletes a signed pre-key, and forgets the base keys that were used with it. */
    @Override
    public void removeSignedPreKey(int signedPreKeyId) {
        signedPreKeys.removeSignedPreKey(signedPreKeyId);
    }

    @Override
    public KyberPreKeyRecord loadKyberPreKey(int kyberPreKeyId) throws InvalidKeyIdException {
        return kyberPreKeys.loadKyberPreKey(kyberPreKeyId);
    }

    @Override
    public List<KyberPreKeyRecord> loadKyberPreKeys() {
        return kyberPreKeys.loadKyberPreKeys();
    }

    /** Stores a Kyber pre-key of last resort: one that stays when it is used. */
    @Override
    public void storeKyberPreKey(int kyberPreKeyId, KyberPreKeyRecord record) {
        kyberPreKeys.storeKyberPreKey(kyberPreKeyId, Objects.requireNonNull(record, "record"));
    }

    /** Stores a one-time Kyber pre-key: one that is deleted when it is used. */
    public void storeOneTimeKyberPreKey(int kyberPreKeyId, KyberPreKeyRecord record) {
        kyberPreKeys.storeOneTime(kyberPreKeyId, Objects.requireNonNull(record, "record"));
    }

    @Override
    public boolean containsKyberPreKey(int kyberPreKeyId) {
        return kyberPreKeys.containsKyberPreKey(kyberPreKeyId);
    }

    /**
     * Deletes a one-time Kyber pre-key. Of a last-resort one, remembers the base key until the Kyber or the signed
     * pre-key is removed, and refuses a base key that it remembers.
     *
     * @throws ReusedBaseKeyException if the base key was used before with these two pre-keys, or the Kyber pre-key is
     *     gone
     */
    @Override
    public void markKyberPreKeyUsed(int kyberPreKeyId, int signedPreKeyId, ECPublicKey baseKey)
            throws ReusedBaseKeyException {
        kyberPreKeys.markKyberPreKeyUsed(kyberPreKeyId, signedPreKeyId, Objects.requireNonNull(baseKey, "baseKey"));
    }

    /** Deletes a Kyber pre-key, and forgets the base keys that were used with it. */
    public void removeKyberPreKey(int kyberPreKeyId) {
        kyberPreKeys.remove(kyberPreKeyId);
    }

    @Override
    public @Nullable SessionRecord loadSession(SignalProtocolAddress address) {
        return sessions.loadSession(address);
    }

    /**
     * Returns the sessions with all of the addresses, in their order.
     *
     * @throws NoSessionException if there is none with one of them, which it names
     */
    @Override
    public List<SessionRecord> loadExistingSessions(List<SignalProtocolAddress> addresses) throws NoSessionException {
        return sessions.loadExistingSessions(addresses);
    }

    /** Returns the devices, but for device 1, with which there is a session under exactly this name, rising. */
    @Override
    public List<Integer> getSubDeviceSessions(String name) {
        return sessions.getSubDeviceSessions(name);
    }

    @Override
    public void storeSession(SignalProtocolAddress address, SessionRecord record) {
        sessions.storeSession(address, Objects.requireNonNull(record, "record"));
    }

    @Override
    public boolean containsSession(SignalProtocolAddress address) {
        return sessions.containsSession(address);
    }

    @Override
    public void deleteSession(SignalProtocolAddress address) {
        sessions.deleteSession(address);
    }

    /** Deletes the sessions with all devices of exactly this name, device 1 included. */
    @Override
    public void deleteAllSessions(String name) {
        sessions.deleteAllSessions(name);
    }

    @Override
    public void storeSenderKey(SignalProtocolAddress sender, UUID distributionId, SenderKeyRecord record) {
        senderKeys.storeSenderKey(sender, distributionId, Objects.requireNonNull(record, "record"));
    }

    @Override
    public @Nullable SenderKeyRecord loadSenderKey(SignalProtocolAddress sender, UUID distributionId) {
        return senderKeys.loadSenderKey(sender, distributionId);
    }
}
