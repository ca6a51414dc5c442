package dev.keystore.libsignal;

import dev.keystore.KeyReader;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.TransactionOptions;
import dev.keystore.TransactionWork;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.InvalidVersionException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SessionBuilder;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * An account of the Signal protocol in a context of a key store.
 *
 * <pre>{@code
 * SignalAccount alice = SignalAccount.of(stores.forContext("alice"));
 * SignalAccount bob = SignalAccount.of(stores.forContext("bob"));
 *
 * alice.startSession(bobAddress, bob.newPreKeyBundle(1));
 * CiphertextMessage message = alice.encrypt(bobAddress, plaintext);
 * byte[] received = bob.decrypt(aliceAddress, message);
 * }</pre>
 *
 * <p>The account's identity, registration id and the ids of its next pre-keys are in the context's credentials, which
 * this class alone writes: {@code clear()} keeps them, and an id is never given out twice, whatever is deleted and
 * whenever the process dies. Applications keep bytes of their own beside them: {@link #saveApplicationData}.
 *
 * <p>Each method is one transaction, and so one commit or none. It throws what
 * {@link SignalKeyStore#transaction(String, TransactionWork)} does; nothing is written then. Called within a transaction
 * of the same store, it is refused with {@link IllegalStateException}. Methods that do nothing but what is written here
 * run up to 5 times when the commit meets a conflict; {@link #transaction} runs its work once.
 *
 * <p>Safe for use by any number of threads. What is done with one remote device runs in the order in which it came;
 * several devices run in parallel.
 */
public final class SignalAccount {

    private static final String ACCOUNT_LOCK = "account";
    private static final TransactionOptions RETRY = TransactionOptions.retryOnConflict(5);

    private final SignalKeyStore store;
    private final TrustPolicy trust;

    private SignalAccount(SignalKeyStore store, TrustPolicy trust) {
        this.store = store;
        this.trust = trust;
    }

    /**
     * Returns the account of a context that trusts identities on first use; else like
     * {@link #of(SignalKeyStore, TrustPolicy)}.
     */
    public static SignalAccount of(SignalKeyStore store) {
        return of(store, TrustPolicy.FIRST_USE);
    }

    /**
     * Returns the account of a context. The first call for a context makes its identity and registration id; however
     * many calls race, they make one.
     *
     * @throws dev.keystore.CorruptEntryException if the context has credentials that this class did not write
     */
    public static SignalAccount of(SignalKeyStore store, TrustPolicy trust) {
        Objects.requireNonNull(trust, "trust");
        store.transaction(ACCOUNT_LOCK, RETRY, tx -> {
            if (tx.credentials().isEmpty()) {
                tx.saveCredentials(AccountRecord.generate().encode());
            }
            return AccountRecord.load(tx);
        });
        return new SignalAccount(store, trust);
    }

    /**
     * Returns the lock key of all work with a remote device: first and later messages, sent and received. No other
     * device shares it.
     */
    public static String lockKey(SignalProtocolAddress remote) {
        return "session:" + Ids.of(remote);
    }

    /** Returns the lock key of all work with the sender key of a device for a group. */
    public static String lockKey(UUID distributionId, SignalProtocolAddress sender) {
        return "sender-key:" + Ids.of(distributionId, sender);
    }

    /** Returns the public identity key of this account. */
    public IdentityKey identityKey() {
        return AccountRecord.load(store).identity().getPublicKey();
    }

    /** Returns the registration id of this account. */
    public int registrationId() {
        return AccountRecord.load(store).registrationId();
    }

    /** Makes one-time pre-keys and stores them. */
    public List<PreKeyRecord> generatePreKeys(int count) {
        requirePositive(count);
        return make(factory -> factory.preKeys(count));
    }

    /** Makes a signed pre-key and stores it. Older ones stay until they are removed. */
    public SignedPreKeyRecord generateSignedPreKey() {
        return make(PreKeyFactory::signedPreKey);
    }

    /** Makes one-time Kyber pre-keys, each deleted when it is used, and stores them. */
    public List<KyberPreKeyRecord> generateKyberPreKeys(int count) {
        requirePositive(count);
        return make(factory -> factory.oneTimeKyberPreKeys(count));
    }

    /**
     * Makes a last-resort Kyber pre-key, which stays when it is used, and stores it. Older ones stay until
     * {@link KeystoreSignalProtocolStore#removeKyberPreKey} removes them, and with them what is remembered against the
     * replay of their messages: rotate them, and remove those that no message on its way can need.
     */
    public KyberPreKeyRecord generateLastResortKyberPreKey() {
        return make(PreKeyFactory::lastResortKyberPreKey);
    }

    /**
     * Makes a bundle for one remote device: a new one-time pre-key, a new one-time Kyber pre-key, and the newest signed
     * pre-key, which is made if there is none.
     *
     * @param deviceId the device id of this account
     */
    public PreKeyBundle newPreKeyBundle(int deviceId) {
        return make(factory -> factory.newBundle(deviceId));
    }

    /**
     * Returns a bundle of pre-keys that were made before. Nothing is written.
     *
     * @param deviceId the device id of this account
     * @param preKey a one-time pre-key, or {@code null} when there is none left
     */
    public PreKeyBundle preKeyBundle(
            int deviceId,
            @Nullable PreKeyRecord preKey,
            SignedPreKeyRecord signedPreKey,
            KyberPreKeyRecord kyberPreKey) {
        return PreKeyFactory.bundle(AccountRecord.load(store), deviceId, preKey, signedPreKey, kyberPreKey);
    }

    /**
     * Begins a session with a remote device from its bundle.
     *
     * @throws UntrustedIdentityException if the trust policy refuses the bundle's identity; nothing was written
     * @throws InvalidKeyException if a signature of the bundle is not its identity's; nothing was written
     */
    public void startSession(SignalProtocolAddress remote, PreKeyBundle bundle)
            throws UntrustedIdentityException, InvalidKeyException {
        try {
            run(remote, RETRY, (signal, tx) -> {
                new SessionBuilder(signal, remote).process(bundle);
                return Boolean.TRUE;
            });
        } catch (UntrustedIdentityException | InvalidKeyException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw undeclared(e);
        }
    }

    /**
     * Encrypts a message to a remote device. When this returns, the session that it left behind is durable.
     *
     * @throws NoSessionException if there is no session with the device
     * @throws UntrustedIdentityException if the trust policy refuses the device's identity; nothing was written
     */
    public CiphertextMessage encrypt(SignalProtocolAddress remote, byte[] plaintext)
            throws NoSessionException, UntrustedIdentityException {
        try {
            return run(remote, RETRY, (signal, tx) -> new SessionCipher(signal, remote).encrypt(plaintext));
        } catch (NoSessionException | UntrustedIdentityException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw undeclared(e);
        }
    }

    /**
     * Decrypts a message from a remote device, the first one of a session or a later one.
     *
     * <p>When this throws, nothing was written, and the same message may be decrypted again.
     *
     * @param message a {@link PreKeySignalMessage} or a {@link SignalMessage}
     * @throws IllegalArgumentException if it is neither
     */
    public byte[] decrypt(SignalProtocolAddress remote, CiphertextMessage message)
            throws DuplicateMessageException, InvalidMessageException, InvalidVersionException, InvalidKeyIdException,
                    InvalidKeyException, NoSessionException, UntrustedIdentityException {
        try {
            return run(remote, RETRY, (signal, tx) -> decrypt(new SessionCipher(signal, remote), message));
        } catch (DuplicateMessageException
                | InvalidMessageException
                | InvalidVersionException
                | InvalidKeyIdException
                | InvalidKeyException
                | NoSessionException
                | UntrustedIdentityException
                | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw undeclared(e);
        }
    }

    /**
     * Runs {@code work} with a remote device in one transaction, under {@link #lockKey(SignalProtocolAddress)}. What it
     * does through {@code signal} and what it writes to {@code tx} is one commit or none. It is run once.
     *
     * @return what {@code work} returned
     * @throws X what {@code work} threw; nothing was written
     */
    public <R, X extends Exception> R transaction(SignalProtocolAddress remote, ProtocolWork<R, X> work) throws X {
        return run(remote, TransactionOptions.DEFAULT, work);
    }

    /**
     * Runs {@code work} with a sender key in one transaction, under {@link #lockKey(UUID, SignalProtocolAddress)}; else
     * like {@link #transaction(SignalProtocolAddress, ProtocolWork)}.
     *
     * @param sender whose sender key it is: this account's own address to encrypt, the sender's to decrypt
     */
    public <R, X extends Exception> R transaction(
            UUID distributionId, SignalProtocolAddress sender, ProtocolWork<R, X> work) throws X {
        return store.transaction(lockKey(distributionId, sender), tx -> work.run(in(tx), tx));
    }

    /** Returns libsignal's stores over a transaction of this account's context, with this account's trust policy. */
    public KeystoreSignalProtocolStore in(Transaction tx) {
        return new KeystoreSignalProtocolStore(tx, trust);
    }

    /** Returns the application's own bytes, empty until first saved. */
    public byte[] applicationData() {
        return applicationData(store);
    }

    /** Returns the application's own bytes as a transaction sees them, empty until first saved. */
    public byte[] applicationData(KeyReader keys) {
        return AccountRecord.load(keys).applicationData().clone();
    }

    /** Saves bytes of the application's own in the credentials: {@code clear()} keeps them. */
    public void saveApplicationData(byte[] data) {
        store.transaction(ACCOUNT_LOCK, RETRY, tx -> {
            saveApplicationData(tx, data);
            return Boolean.TRUE;
        });
    }

    /** Saves bytes of the application's own in the credentials, within a transaction of this account's context. */
    public void saveApplicationData(Transaction tx, byte[] data) {
        tx.saveCredentials(AccountRecord.load(tx).withApplicationData(data).encode());
    }

    private <R> R make(Make<R> make) {
        return store.transaction(ACCOUNT_LOCK, RETRY, tx -> make.with(new PreKeyFactory(tx)));
    }

    private <R, X extends Exception> R run(
            SignalProtocolAddress remote, TransactionOptions options, ProtocolWork<R, X> work) throws X {
        return store.transaction(lockKey(remote), options, tx -> work.run(in(tx), tx));
    }

    private static byte[] decrypt(SessionCipher cipher, CiphertextMessage message) throws Exception {
        if (message instanceof PreKeySignalMessage first) {
            return cipher.decrypt(first);
        }
        if (message instanceof SignalMessage later) {
            return cipher.decrypt(later);
        }
        throw new IllegalArgumentException(
                "message must be a PreKeySignalMessage or a SignalMessage, was of type " + message.getType());
    }

    private static void requirePositive(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("count must be at least 1, was " + count);
        }
    }

    private static AssertionError undeclared(Exception e) {
        return new AssertionError("libsignal does not declare it", e);
    }

    private interface Make<R> {
        R with(PreKeyFactory factory);
    }
}
