package dev.keystore.libsignal;

import dev.keystore.ContextNotFoundException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyReader;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.TransactionOptions;
import dev.keystore.TransactionWork;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Supplier;
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
 * SignalAccount alice = SignalAccount.create(stores.forContext("alice")); // the first time
 * SignalAccount alice = SignalAccount.open(stores.forContext("alice"));   // from then on
 *
 * alice.startSession(bobAddress, bundleOfBob);
 * CiphertextMessage message = alice.encrypt(bobAddress, plaintext);
 * byte[] received = alice.decrypt(bobAddress, answer);
 * }</pre>
 *
 * <p>The account's identity key pair and registration id, which never change, and the application data
 * ({@link #saveApplicationData}) are in the context's credentials, which this class alone writes: {@code clear()} keeps
 * them.
 *
 * <p>Ids of pre-keys begin at a random one, rise, and continue at 1 after 16,777,214, for each kind of pre-key. An id whose
 * pre-key still exists is skipped. The counters are removed by {@code clear()} and {@code erase()}, together with the
 * pre-keys, and ids then begin at another random one: an id that a server still holds from before is met by chance only,
 * with a probability of about one in 16,777,214 for each pair of an old and a new pre-key. An old copy of a store that
 * replaces the store issues the ids again that the store has issued since.
 *
 * <p>Each method is one transaction, and so one commit or none. It throws what
 * {@link SignalKeyStore#transaction(String, TransactionWork)} does; nothing is written then. Called within a transaction
 * of the same store, it is refused with {@link IllegalStateException}. The methods that take no {@link ProtocolWork} are
 * run up to 5 times when the commit meets a conflict; {@link #transaction} runs its work once unless its options say
 * otherwise.
 *
 * <p>Safe for use by any number of threads. Calls about one remote device run in the order in which they arrived; calls
 * about several devices run in parallel. Methods that make pre-keys run one at a time. Messages, making pre-keys and saving
 * application data never conflict with each other. A message conflicts only with a change to the entries that it uses:
 * {@code clear()}, {@code erase()}, the removal of its pre-keys, another message with the same one-time pre-key, and
 * transactions of the application that write these entries under other lock keys.
 */
public final class SignalAccount {

    private static final String ACCOUNT_LOCK = "account";
    private static final String PRE_KEY_LOCK = "pre-key-ids";
    private static final TransactionOptions RETRY = TransactionOptions.retryOnConflict(5);

    private final SignalKeyStore store;
    private final TrustPolicy trust;

    private SignalAccount(SignalKeyStore store, TrustPolicy trust) {
        this.store = Objects.requireNonNull(store, "store");
        this.trust = Objects.requireNonNull(trust, "trust");
    }

    /**
     * Creates an account that trusts identities on first use; else like {@link #create(SignalKeyStore, TrustPolicy)}.
     */
    public static SignalAccount create(SignalKeyStore store) {
        return create(store, TrustPolicy.FIRST_USE);
    }

    /**
     * Creates an account, with a new identity and registration id, in a context that has none (R58). Of any number of
     * concurrent calls, one creates it.
     *
     * @throws EntryExistsException if the context has an account already; nothing was changed
     * @throws dev.keystore.UnsupportedFormatException as {@link #open(SignalKeyStore, TrustPolicy)} says
     * @throws dev.keystore.CorruptEntryException as {@link #open(SignalKeyStore, TrustPolicy)} says
     */
    public static SignalAccount create(SignalKeyStore store, TrustPolicy trust) {
        SignalAccount account = new SignalAccount(store, trust);
        store.transaction(ACCOUNT_LOCK, RETRY, tx -> {
            if (AccountRecord.find(tx).isPresent()) {
                throw new EntryExistsException(tx.context(), AccountRecord.ENTRY);
            }
            AccountRecord.generate().saveTo(tx);
            return Boolean.TRUE;
        });
        return account;
    }

    /**
     * Opens an account that trusts identities on first use; else like {@link #open(SignalKeyStore, TrustPolicy)}.
     */
    public static SignalAccount open(SignalKeyStore store) {
        return open(store, TrustPolicy.FIRST_USE);
    }

    /**
     * Opens the account of a context, which must exist (R58).
     *
     * <p>Usually nothing is written. An account of an earlier format is brought to the newest one, in one commit, and the
     * entry that transactions read the identity from is restored from the credentials if it is missing or damaged.
     *
     * @throws ContextNotFoundException if the context has no account; nothing was created
     * @throws dev.keystore.UnsupportedFormatException if something other than this class wrote the context's credentials,
     *     or a newer version did; nothing was changed
     * @throws dev.keystore.CorruptEntryException if the account's record is damaged; nothing was changed
     */
    public static SignalAccount open(SignalKeyStore store, TrustPolicy trust) {
        SignalAccount account = new SignalAccount(store, trust);
        account.settle(() -> {
            throw new ContextNotFoundException(store.context(), "an account");
        });
        return account;
    }

    /**
     * Opens or creates an account that trusts identities on first use; else like
     * {@link #openOrCreate(SignalKeyStore, TrustPolicy)}.
     */
    public static SignalAccount openOrCreate(SignalKeyStore store) {
        return openOrCreate(store, TrustPolicy.FIRST_USE);
    }

    /**
     * Opens the account of a context, and creates it if there is none: of any number of concurrent calls, one creates it.
     *
     * <p>Where the account must be there already, {@link #open(SignalKeyStore, TrustPolicy)} is safer: this method
     * answers a lost store, or a mistyped name of a context, with a new identity.
     *
     * @throws dev.keystore.UnsupportedFormatException as {@link #open(SignalKeyStore, TrustPolicy)} says
     * @throws dev.keystore.CorruptEntryException as {@link #open(SignalKeyStore, TrustPolicy)} says
     */
    public static SignalAccount openOrCreate(SignalKeyStore store, TrustPolicy trust) {
        SignalAccount account = new SignalAccount(store, trust);
        account.settle(AccountRecord::generate);
        return account;
    }

    /**
     * Writes the account's record, and the entries that transactions read, unless both are as they should be.
     *
     * @param absent returns the record if there is none, or throws
     */
    private void settle(Supplier<AccountRecord> absent) {
        if (isSettled(store)) {
            return;
        }
        store.transaction(ACCOUNT_LOCK, RETRY, tx -> {
            if (!isSettled(tx)) {
                AccountRecord.find(tx).orElseGet(absent).saveTo(tx);
            }
            return Boolean.TRUE;
        });
    }

    private static boolean isSettled(KeyReader keys) {
        return AccountRecord.find(keys).filter(record -> record.isSavedIn(keys)).isPresent();
    }

    /**
     * Restores the entry that transactions read the identity from, which {@code clear()} removes. Without it they read the
     * credentials, and conflict with whoever saves application data.
     */
    private void restoreIdentity() {
        if (store.find(AccountIdentity.TYPE, AccountIdentity.ID).isEmpty()) {
            settle(() -> {
                throw AccountRecord.noAccount(store.context());
            });
        }
    }

    /**
     * Returns the lock key of all work with a remote device: first and later messages, sent and received. No other
     * device shares it.
     */
    public static String lockKey(SignalProtocolAddress remote) {
        return "session:" + Ids.of(Objects.requireNonNull(remote, "remote"));
    }

    /** Returns the lock key of all work with the sender key of a device for a group. */
    public static String lockKey(UUID distributionId, SignalProtocolAddress sender) {
        return "sender-key:" + Ids.of(distributionId, sender);
    }

    /** Returns the public identity key of this account. */
    public IdentityKey identityKey() {
        return AccountIdentity.load(store).keyPair().getPublicKey();
    }

    /** Returns the registration id of this account. */
    public int registrationId() {
        return AccountIdentity.load(store).registrationId();
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
        Objects.requireNonNull(signedPreKey, "signedPreKey");
        Objects.requireNonNull(kyberPreKey, "kyberPreKey");
        return PreKeyFactory.bundle(AccountIdentity.load(store), deviceId, preKey, signedPreKey, kyberPreKey);
    }

    /**
     * Begins a session with a remote device from its bundle.
     *
     * @throws UntrustedIdentityException if the trust policy refuses the bundle's identity; nothing was written
     * @throws InvalidKeyException if a signature of the bundle is not its identity's; nothing was written
     */
    public void startSession(SignalProtocolAddress remote, PreKeyBundle bundle)
            throws UntrustedIdentityException, InvalidKeyException {
        Objects.requireNonNull(bundle, "bundle");
        try {
            run(lockKey(remote), RETRY, (signal, tx) -> {
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
        Objects.requireNonNull(plaintext, "plaintext");
        try {
            return run(lockKey(remote), RETRY, (signal, tx) -> new SessionCipher(signal, remote).encrypt(plaintext));
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
        Objects.requireNonNull(message, "message");
        try {
            return run(lockKey(remote), RETRY, (signal, tx) -> decrypt(new SessionCipher(signal, remote), message));
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
        return transaction(remote, TransactionOptions.DEFAULT, work);
    }

    /**
     * Runs {@code work} like {@link #transaction(SignalProtocolAddress, ProtocolWork)}, with options.
     *
     * @param options how to run it, for example {@link TransactionOptions#retryOnConflict(int)}; {@code work} is given a
     *     new {@code signal} and a new {@code tx} each time
     */
    public <R, X extends Exception> R transaction(
            SignalProtocolAddress remote, TransactionOptions options, ProtocolWork<R, X> work) throws X {
        return run(lockKey(remote), options, work);
    }

    /**
     * Runs {@code work} with a sender key in one transaction, under {@link #lockKey(UUID, SignalProtocolAddress)}; else
     * like {@link #transaction(SignalProtocolAddress, ProtocolWork)}.
     *
     * @param sender whose sender key it is: this account's own address to encrypt, the sender's to decrypt
     */
    public <R, X extends Exception> R transaction(
            UUID distributionId, SignalProtocolAddress sender, ProtocolWork<R, X> work) throws X {
        return transaction(distributionId, sender, TransactionOptions.DEFAULT, work);
    }

    /**
     * Runs {@code work} like {@link #transaction(UUID, SignalProtocolAddress, ProtocolWork)}, with options.
     *
     * @param options as {@link #transaction(SignalProtocolAddress, TransactionOptions, ProtocolWork)} says
     */
    public <R, X extends Exception> R transaction(
            UUID distributionId, SignalProtocolAddress sender, TransactionOptions options, ProtocolWork<R, X> work)
            throws X {
        return run(lockKey(distributionId, sender), options, work);
    }

    /** Returns libsignal's stores over a transaction of this account's context, with this account's trust policy. */
    public KeystoreSignalProtocolStore in(Transaction tx) {
        return new KeystoreSignalProtocolStore(tx, trust);
    }

    /** Returns the application's own bytes, empty until first saved. */
    public byte[] applicationData() {
        return applicationData(store);
    }

    /**
     * Returns the application's own bytes as a transaction sees them, empty until first saved. A transaction that reads
     * them conflicts with one that saves them.
     */
    public byte[] applicationData(KeyReader keys) {
        return AccountRecord.load(Objects.requireNonNull(keys, "keys"))
                .applicationData()
                .clone();
    }

    /**
     * Saves bytes of the application's own in the credentials, replacing those saved before: {@code clear()} keeps them.
     */
    public void saveApplicationData(byte[] data) {
        Objects.requireNonNull(data, "data");
        restoreIdentity();
        store.transaction(ACCOUNT_LOCK, RETRY, tx -> {
            saveApplicationData(tx, data);
            return Boolean.TRUE;
        });
    }

    /**
     * Saves bytes of the application's own in the credentials, within a transaction of this account's context. Of several
     * transactions that do so without reading them before, the last to commit wins, and none conflicts.
     *
     * @throws dev.keystore.UnsupportedFormatException if something other than this class has written the credentials
     *     meanwhile; they were not changed
     */
    public void saveApplicationData(Transaction tx, byte[] data) {
        Objects.requireNonNull(tx, "tx");
        Objects.requireNonNull(data, "data");
        AccountRecord.load(store); // outside of the transaction, so that its commit does not depend on it
        tx.saveCredentials(new AccountRecord(AccountIdentity.load(tx), data).encode());
    }

    private <R> R make(Make<R> make) {
        restoreIdentity();
        return store.transaction(PRE_KEY_LOCK, RETRY, tx -> make.with(new PreKeyFactory(tx, store)));
    }

    private <R, X extends Exception> R run(String lockKey, TransactionOptions options, ProtocolWork<R, X> work)
            throws X {
        Objects.requireNonNull(options, "options");
        Objects.requireNonNull(work, "work");
        restoreIdentity();
        return store.transaction(lockKey, options, tx -> work.run(in(tx), tx));
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
