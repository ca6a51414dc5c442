package dev.keystore.libsignal;

import dev.keystore.Transaction;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Supplier;
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
 * Implements all stores that libsignal requires on top of one transaction.
 *
 * <p>To decrypt a message, libsignal makes up to eleven calls. With this store they are one atomic commit: the new
 * session, the identity, the removal of the used pre-key and the mark of the used Kyber pre-key become durable
 * together. If the commit fails, nothing has changed, and the same message can be decrypted again.
 *
 * <p>A store is confined to the thread of its transaction and valid until the transaction ends. {@link SignalAccount}
 * creates one for each piece of work. An application that runs a transaction itself creates one in it:
 *
 * <pre>{@code
 * byte[] plaintext = store.transaction(SignalAccount.lockKey(bob), tx -> {
 *     SignalProtocolStore signal = new KeystoreSignalProtocolStore(tx);
 *     return new SessionCipher(signal, bob).decrypt(message);
 * });
 * }</pre>
 *
 * <p>That constructor of the cipher exists up to libsignal 0.90; {@link SignalAccount#sessionCipher} works with every
 * version.
 *
 * <p>The account must have been created by {@link SignalAccount}, unless the application supplies its identity.
 *
 * <p>Every method may throw the exceptions of {@link Transaction}; libsignal propagates them unchanged. If libsignal
 * can't read a stored key, a method that declares {@link InvalidKeyIdException} throws it with a
 * {@link dev.keystore.CorruptEntryException} as its cause; every other method throws the
 * {@link dev.keystore.CorruptEntryException} itself.
 */
public final class KeystoreSignalProtocolStore implements SignalProtocolStore {

    private final Identities identities;
    private final PreKeys preKeys;
    private final SignedPreKeys signedPreKeys;
    private final KyberPreKeys kyberPreKeys;
    private final Sessions sessions;
    private final SenderKeys senderKeys;

    /** Whether a one-time pre-key was removed, or a Kyber pre-key used. */
    private boolean hasUsedPreKey;

    /**
     * Creates a store that trusts identities on first use.
     *
     * @param tx the transaction
     */
    public KeystoreSignalProtocolStore(Transaction tx) {
        this(tx, TrustPolicy.FIRST_USE);
    }

    /**
     * Creates a store with a trust policy.
     *
     * @param tx the transaction
     * @param trust decides whether to trust the identity keys of remote devices
     */
    public KeystoreSignalProtocolStore(Transaction tx, TrustPolicy trust) {
        this(tx, trust, InstantSource.system(), () -> AccountRecord.loadIdentity(tx));
    }

    /**
     * Creates a store for an account whose identity the application keeps itself, in a context that needs no
     * {@link SignalAccount}. The credentials of the context are not read.
     *
     * @param tx the transaction
     * @param trust decides whether to trust the identity keys of remote devices
     * @param identity the identity key pair of the account
     * @param registrationId the registration id of the account, from 1 to 16,383
     * @throws IllegalArgumentException if {@code registrationId} is out of range
     */
    public KeystoreSignalProtocolStore(
            Transaction tx, TrustPolicy trust, IdentityKeyPair identity, int registrationId) {
        this(tx, trust, InstantSource.system(), always(AccountIdentity.of(identity, registrationId)));
    }

    /** Creates a store with the options of an account. */
    KeystoreSignalProtocolStore(Transaction tx, AccountOptions options) {
        this(tx, options.trust(), options.clock(), () -> AccountRecord.loadIdentity(tx));
    }

    private KeystoreSignalProtocolStore(
            Transaction tx, TrustPolicy trust, InstantSource clock, Supplier<AccountIdentity> own) {
        Objects.requireNonNull(tx, "tx");
        identities = new Identities(tx, Objects.requireNonNull(trust, "trust"), own);
        preKeys = new PreKeys(tx);
        signedPreKeys = new SignedPreKeys(tx);
        kyberPreKeys = new KyberPreKeys(tx);
        sessions = new Sessions(tx, clock);
        senderKeys = new SenderKeys(tx);
    }

    /**
     * Lets the rest of the transaction replace damaged sessions: {@link #loadSession} then returns null for one instead
     * of throwing, as if it did not exist. To be called before a message is decrypted that may be the first one of a
     * new session, such as one of a sealed sender:
     *
     * <pre>{@code
     * account.transaction(local, TransactionOptions.retryOnConflict(5), (signal, tx) -> {
     *     signal.replaceDamagedSessions();
     *     return new SealedSessionCipher(signal, localUuid, null, 1).decrypt(validator, message, now);
     * });
     * }</pre>
     *
     * <p>If the message is a later one, libsignal then reports a damaged session as an absent one, and nothing is
     * written. {@link SignalAccount#decrypt} and {@link SignalAccount#startSession} call this method themselves.
     */
    public void replaceDamagedSessions() {
        sessions.replaceDamaged();
    }

    /** Lets the rest of the transaction replace damaged sender keys, by new ones that are created or received. */
    void replaceDamagedSenderKeys() {
        senderKeys.replaceDamaged();
    }

    private static Supplier<AccountIdentity> always(AccountIdentity identity) {
        return () -> identity;
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

    /**
     * Saves the identity key of a device, replacing any existing one. A key that is already saved is not written again.
     * If another one is replaced, the device is removed from the memory of who has this account's sender keys.
     */
    @Override
    public IdentityChange saveIdentity(SignalProtocolAddress address, IdentityKey identityKey) {
        IdentityChange change = identities.saveIdentity(address, Objects.requireNonNull(identityKey, "identityKey"));
        if (change == IdentityChange.REPLACED_EXISTING) {
            senderKeys.forget(address);
        }
        return change;
    }

    /**
     * Returns what was known of the identity key that was saved last in this transaction, as after a message was
     * decrypted, for example one of a sealed sender:
     *
     * <pre>{@code
     * account.transaction(local, TransactionOptions.retryOnConflict(5), (signal, tx) -> {
     *     var received = new SealedSessionCipher(signal, localUuid, null, 1).decrypt(validator, message, now);
     *     return new ReceivedMessage(received.getPaddedMessage(), signal.identityStatus());
     * });
     * }</pre>
     *
     * @return whether the key was new or had changed; {@link IdentityStatus#UNCHANGED} if none was saved
     */
    public IdentityStatus identityStatus() {
        return identities.status();
    }

    KnownIdentities knownIdentities() {
        return identities;
    }

    /** Returns whether the trust policy trusts an identity key of a device. */
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

    /** Deletes a one-time pre-key. If two concurrent transactions use the same one, only one of them commits. */
    @Override
    public void removePreKey(int preKeyId) {
        preKeys.removePreKey(preKeyId);
        hasUsedPreKey = true;
    }

    @Override
    public SignedPreKeyRecord loadSignedPreKey(int signedPreKeyId) throws InvalidKeyIdException {
        return signedPreKeys.loadSignedPreKey(signedPreKeyId);
    }

    /** Returns all signed pre-keys that can be read. Damaged ones are left out; {@code verify()} reports them. */
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

    /** Deletes a signed pre-key and the records of the base keys that were used with it. */
    @Override
    public void removeSignedPreKey(int signedPreKeyId) {
        signedPreKeys.removeSignedPreKey(signedPreKeyId);
    }

    @Override
    public KyberPreKeyRecord loadKyberPreKey(int kyberPreKeyId) throws InvalidKeyIdException {
        return kyberPreKeys.loadKyberPreKey(kyberPreKeyId);
    }

    /**
     * Returns all Kyber pre-keys, one-time and last-resort, that can be read. Damaged ones are left out;
     * {@code verify()} reports them.
     */
    @Override
    public List<KyberPreKeyRecord> loadKyberPreKeys() {
        return kyberPreKeys.loadKyberPreKeys();
    }

    /**
     * Returns the Kyber pre-keys of one kind that can be read.
     *
     * @param kind {@link PreKeyKind#ONE_TIME_KYBER} or {@link PreKeyKind#LAST_RESORT_KYBER}
     * @return the pre-keys, by increasing ids
     * @throws IllegalArgumentException if {@code kind} is another kind
     */
    public List<KyberPreKeyRecord> kyberPreKeys(PreKeyKind kind) {
        Objects.requireNonNull(kind, "kind");
        if (kind != PreKeyKind.ONE_TIME_KYBER && kind != PreKeyKind.LAST_RESORT_KYBER) {
            throw new IllegalArgumentException("kind must be a kind of Kyber pre-keys, was " + kind);
        }
        return kyberPreKeys.loadKyberPreKeys(kind.isOneTime());
    }

    /**
     * Stores a last-resort Kyber pre-key, which is kept when it is used. It replaces a one-time pre-key of the same id.
     *
     * @throws IllegalArgumentException if the record has another id
     * @throws dev.keystore.EntryExistsException if there is a last-resort pre-key of that id
     */
    @Override
    public void storeKyberPreKey(int kyberPreKeyId, KyberPreKeyRecord record) {
        kyberPreKeys.storeKyberPreKey(kyberPreKeyId, Objects.requireNonNull(record, "record"));
    }

    /**
     * Stores a one-time Kyber pre-key, which is deleted when it is used.
     *
     * @param kyberPreKeyId the id of the pre-key
     * @param record the pre-key
     * @throws IllegalArgumentException if the record has another id
     * @throws dev.keystore.EntryExistsException if there is a last-resort pre-key of that id
     */
    public void storeOneTimeKyberPreKey(int kyberPreKeyId, KyberPreKeyRecord record) {
        kyberPreKeys.storeOneTime(kyberPreKeyId, Objects.requireNonNull(record, "record"));
    }

    @Override
    public boolean containsKyberPreKey(int kyberPreKeyId) {
        return kyberPreKeys.containsKyberPreKey(kyberPreKeyId);
    }

    /**
     * Marks a Kyber pre-key as used. A one-time pre-key is deleted. For a last-resort pre-key, the base key is recorded
     * until the Kyber pre-key or the signed pre-key is removed.
     *
     * @throws ReusedBaseKeyException if the base key was used before with these two pre-keys, or the Kyber pre-key does
     *     not exist
     */
    @Override
    public void markKyberPreKeyUsed(int kyberPreKeyId, int signedPreKeyId, ECPublicKey baseKey)
            throws ReusedBaseKeyException {
        kyberPreKeys.markKyberPreKeyUsed(kyberPreKeyId, signedPreKeyId, Objects.requireNonNull(baseKey, "baseKey"));
        hasUsedPreKey = true;
    }

    boolean hasUsedPreKey() {
        return hasUsedPreKey;
    }

    /**
     * Deletes a Kyber pre-key and the records of the base keys that were used with it.
     *
     * @param kyberPreKeyId the id of the pre-key
     */
    public void removeKyberPreKey(int kyberPreKeyId) {
        kyberPreKeys.remove(kyberPreKeyId);
    }

    @Override
    public @Nullable SessionRecord loadSession(SignalProtocolAddress address) {
        return sessions.loadSession(address);
    }

    /**
     * Returns the sessions with all the addresses, in the same order.
     *
     * @throws NoSessionException if there is no session with one of the addresses, which the exception names
     */
    @Override
    public List<SessionRecord> loadExistingSessions(List<SignalProtocolAddress> addresses) throws NoSessionException {
        return sessions.loadExistingSessions(addresses);
    }

    /** Returns the devices of exactly this name that have a session, except device 1, in ascending order. */
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

    /** Returns whether there is a session, damaged or not. */
    boolean hasSession(SignalProtocolAddress address) {
        return sessions.exists(Ids.of(address));
    }

    @Override
    public void deleteSession(SignalProtocolAddress address) {
        sessions.deleteSession(address);
    }

    /** Deletes the sessions with all devices of exactly this name, including device 1. */
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
