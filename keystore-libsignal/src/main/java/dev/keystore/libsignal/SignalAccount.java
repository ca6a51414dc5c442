package dev.keystore.libsignal;

import dev.keystore.ContextNotFoundException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyReader;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.TransactionOptions;
import dev.keystore.TransactionWork;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
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
import org.signal.libsignal.protocol.state.SignalProtocolStore;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * An account of the Signal protocol, stored in a context of a key store.
 *
 * <pre>{@code
 * SignalAccount alice = SignalAccount.create(database.forContext("alice")); // the first time
 * SignalAccount alice = SignalAccount.open(database.forContext("alice"));   // afterwards
 *
 * alice.startSession(bobAddress, bundleOfBob);
 * CiphertextMessage message = alice.encrypt(bobAddress, plaintext);
 * byte[] received = alice.decrypt(bobAddress, answer);
 * }</pre>
 *
 * <p>The context's credentials hold the identity key pair and the registration id of the account, which change only
 * with {@link #changeIdentity}, and the application data ({@link #saveApplicationData}). Only this class may write the
 * credentials; {@code clear()} keeps them.
 *
 * <p>Pre-key ids: for each type of pre-key, ids begin at a random number, increase by one and continue at 1 after
 * 16,777,214. An id whose pre-key still exists is skipped. An id may be issued again in three cases: after all other
 * ids were issued; after {@code clear()} or {@code erase()}, which remove the counters together with the pre-keys, so
 * that ids begin at another random number (for any given old and new pre-key, the probability of equal ids is about 1
 * in 16,777,214); and after the store was replaced by an older copy, for the ids that were issued since the copy was
 * made. A restore from a backup advances the counters, by 1,000,000 by default, so that no id is issued again
 * ({@link #needsUpload}).
 *
 * <p>Atomicity: each method is at most one transaction, and so one commit. It throws the exceptions of
 * {@link SignalKeyStore#transaction(String, TransactionWork)}, whose types state what was written. A method called
 * inside a transaction of the same store throws {@link IllegalStateException}. Methods without a {@link ProtocolWork}
 * argument run up to 5 times if the commit ends in a conflict; {@link #transaction} runs its work once by default.
 *
 * <p>Threads: an account is safe for use by multiple threads. Calls for one remote device run one at a time, in order
 * of arrival; calls for different devices run in parallel. Methods that generate pre-keys run one at a time.
 *
 * <p>Conflicts: messages, the generation of pre-keys and the saving of application data do not conflict with each
 * other, with one exception: a message that saves a changed identity key conflicts with a message that a
 * {@link SignalGroup} encrypts concurrently, since both use the memory of which devices have the sender key. Otherwise,
 * a message conflicts only with a change to the entries that it uses. Such changes are {@code clear()},
 * {@code erase()}, the removal of its pre-keys, another message with the same one-time pre-key, and transactions of the
 * application that write these entries under other lock keys.
 */
public final class SignalAccount {

    private final AccountStore store;
    private final AccountOptions options;
    private final Messages messages;

    private SignalAccount(SignalKeyStore store, AccountOptions options) {
        this.options = Objects.requireNonNull(options, "options");
        this.store = new AccountStore(store, options);
        this.messages = new Messages(this.store, options);
    }

    /**
     * Creates an account with the default options; otherwise like {@link #create(SignalKeyStore, AccountOptions)}.
     *
     * @param store the store of the context
     * @return the account
     * @throws EntryExistsException if the context already holds an account; nothing was changed
     */
    public static SignalAccount create(SignalKeyStore store) {
        return create(store, AccountOptions.DEFAULT);
    }

    /**
     * Creates an account, with a new identity and registration id, in a context that holds none (R58). Of any number of
     * concurrent calls, exactly one succeeds.
     *
     * @param store the store of the context
     * @param options the options
     * @return the account
     * @throws EntryExistsException if the context already holds an account; nothing was changed
     * @throws dev.keystore.UnsupportedFormatException if the context's credentials were not written by this class, or
     *     by a newer version of it; nothing was changed
     * @throws dev.keystore.CorruptEntryException if the record of an existing account is damaged; nothing was changed
     */
    public static SignalAccount create(SignalKeyStore store, AccountOptions options) {
        SignalAccount account = new SignalAccount(store, options);
        account.store.create();
        return account;
    }

    /**
     * Opens an account with the default options; otherwise like {@link #open(SignalKeyStore, AccountOptions)}.
     *
     * @param store the store of the context
     * @return the account
     * @throws ContextNotFoundException if the context holds no account; nothing was created
     */
    public static SignalAccount open(SignalKeyStore store) {
        return open(store, AccountOptions.DEFAULT);
    }

    /**
     * Opens the account of a context, which must exist (R58).
     *
     * <p>Usually nothing is written. An account in an earlier format is converted to the current one, in one commit.
     * The entry from which transactions read the identity is restored from the credentials if it is missing or damaged.
     *
     * @param store the store of the context
     * @param options the options
     * @return the account
     * @throws ContextNotFoundException if the context holds no account; nothing was created
     * @throws dev.keystore.UnsupportedFormatException if the context's credentials were not written by this class, or
     *     by a newer version of it; nothing was changed
     * @throws dev.keystore.CorruptEntryException if the account's record is damaged; nothing was changed
     */
    public static SignalAccount open(SignalKeyStore store, AccountOptions options) {
        SignalAccount account = new SignalAccount(store, options);
        account.store.open();
        return account;
    }

    /**
     * Opens or creates an account with the default options; otherwise like {@link #openOrCreate(SignalKeyStore,
     * AccountOptions)}.
     *
     * @param store the store of the context
     * @return the account
     */
    public static SignalAccount openOrCreate(SignalKeyStore store) {
        return openOrCreate(store, AccountOptions.DEFAULT);
    }

    /**
     * Opens the account of a context, or creates it if there is none. Of any number of concurrent calls, exactly one
     * creates it.
     *
     * <p>If the account must already exist, {@link #open(SignalKeyStore, AccountOptions)} is safer: after the loss of a
     * store, or for a mistyped context name, this method silently creates a new identity.
     *
     * @param store the store of the context
     * @param options the options
     * @return the account
     * @throws dev.keystore.UnsupportedFormatException if the context's credentials were not written by this class, or
     *     by a newer version of it; nothing was changed
     * @throws dev.keystore.CorruptEntryException if the account's record is damaged; nothing was changed
     */
    public static SignalAccount openOrCreate(SignalKeyStore store, AccountOptions options) {
        SignalAccount account = new SignalAccount(store, options);
        account.store.openOrCreate();
        return account;
    }

    /**
     * Returns the options of this account.
     *
     * @return the options
     */
    public AccountOptions options() {
        return options;
    }

    /**
     * Returns a cipher for the session with a remote device, within a transaction, on every version of libsignal.
     *
     * <p>Up to 0.90, it is {@code new SessionCipher(signal, remote)}; since then, the cipher also needs the address of
     * this account's device.
     *
     * @param signal the store of the transaction
     * @param remote the address of the remote device
     * @return the cipher, valid as long as the transaction
     * @throws IllegalStateException if this version of libsignal needs the address of this account's device, and
     *     {@link AccountOptions.Builder#localAddress} was not set
     */
    public SessionCipher sessionCipher(SignalProtocolStore signal, SignalProtocolAddress remote) {
        Objects.requireNonNull(signal, "signal");
        Objects.requireNonNull(remote, "remote");
        return messages.ciphers().cipher(signal, remote);
    }

    /**
     * Returns a builder of the session with a remote device, within a transaction, on every version of libsignal.
     *
     * <p>Up to 0.92, it is {@code new SessionBuilder(signal, remote)}; since then, the builder also needs the address
     * of this account's device.
     *
     * @param signal the store of the transaction
     * @param remote the address of the remote device
     * @return the builder, valid as long as the transaction
     * @throws IllegalStateException if this version of libsignal needs the address of this account's device, and
     *     {@link AccountOptions.Builder#localAddress} was not set
     */
    public SessionBuilder sessionBuilder(SignalProtocolStore signal, SignalProtocolAddress remote) {
        Objects.requireNonNull(signal, "signal");
        Objects.requireNonNull(remote, "remote");
        return messages.ciphers().builder(signal, remote);
    }

    /**
     * Imports an account that was registered elsewhere, into a context that holds none (R58). Entries that the context
     * already holds, such as imported sessions and pre-keys, are kept.
     *
     * <p>The account must no longer be used where it came from: two places that use one session repeat its keys.
     *
     * @param store the store of the context
     * @param options the options
     * @param identity the identity key pair
     * @param registrationId the registration id, from 1 to 16,383
     * @param next the ids to issue next; beyond all that were ever issued for the account
     * @return the account
     * @throws EntryExistsException if the context already holds an account; nothing was changed
     * @throws IllegalArgumentException if {@code registrationId} is out of range; nothing was changed
     * @throws dev.keystore.UnsupportedFormatException if the context's credentials were not written by this class, or
     *     by a newer version of it; nothing was changed
     * @throws dev.keystore.CorruptEntryException if the record of an existing account is damaged; nothing was changed
     */
    public static SignalAccount importAccount(
            SignalKeyStore store,
            AccountOptions options,
            IdentityKeyPair identity,
            int registrationId,
            NextKeyIds next) {
        SignalAccount account = new SignalAccount(store, options);
        account.store.create(AccountIdentity.of(identity, registrationId), Objects.requireNonNull(next, "next"));
        return account;
    }

    /**
     * Gives this account another identity and registration id, as for a new registration, in one commit.
     *
     * <p>The sessions, the sender keys with the memory of who has them, and all pre-keys are deleted: they belong to
     * the former identity, and contacts cannot use them any more. The identity keys of contacts, the application data
     * and all other entries are kept. Ids of pre-keys continue, and {@link #needsUpload} is true. A message that is
     * decrypted or encrypted at the same time conflicts with this call, or ends before it. Messages in the outbox stay
     * as they are: contacts can decrypt them only in the sessions with the former identity.
     *
     * @param identity the new identity key pair
     * @param registrationId the new registration id, from 1 to 16,383
     * @throws IllegalArgumentException if {@code registrationId} is out of range; nothing was changed
     * @throws IllegalStateException if the account was erased; nothing was changed
     */
    public void changeIdentity(IdentityKeyPair identity, int registrationId) {
        store.changeIdentity(AccountIdentity.of(identity, registrationId));
    }

    /**
     * Returns the lock key of the generation of pre-keys and of their upkeep, for transactions of the application that
     * use {@link #preKeyFactory}.
     *
     * @return the lock key
     */
    public static String preKeyLockKey() {
        return LockKeys.PRE_KEYS;
    }

    /**
     * Returns the lock key of the account's record, for transactions of the application that save application data
     * depending on what they read.
     *
     * @return the lock key
     */
    public static String accountLockKey() {
        return LockKeys.ACCOUNT;
    }

    /**
     * Returns the lock key of the removal of messages by {@link Outbox#confirm}, {@link Inbox#discard} and
     * {@code expire}, for transactions of the application that must not run at the same time.
     *
     * @return the lock key
     */
    public static String messageLockKey() {
        return LockKeys.MESSAGES;
    }

    /**
     * Returns the lock key for all work with a remote device, such as sending and receiving messages. No other device
     * shares it.
     *
     * @param remote the address of the remote device
     * @return the lock key
     */
    public static String lockKey(SignalProtocolAddress remote) {
        return LockKeys.ofDevice(remote);
    }

    /**
     * Returns the lock key for all work with the sender key of a device for a group.
     *
     * @param distributionId the distribution id of the group
     * @param sender the address of the device whose sender key it is
     * @return the lock key
     */
    public static String lockKey(UUID distributionId, SignalProtocolAddress sender) {
        return LockKeys.ofSenderKey(distributionId, sender);
    }

    /**
     * Returns the public identity key of this account.
     *
     * @return the public key
     * @throws IllegalStateException if the account was erased
     */
    public IdentityKey identityKey() {
        return store.identity().keyPair().getPublicKey();
    }

    /**
     * Returns the registration id of this account.
     *
     * @return the registration id
     * @throws IllegalStateException if the account was erased
     */
    public int registrationId() {
        return store.identity().registrationId();
    }

    /**
     * Generates and stores one-time pre-keys.
     *
     * @param count the number of pre-keys, at least 1
     * @return the new pre-keys, with increasing ids except where they continue at 1
     * @throws IllegalStateException if the account was erased, or too few ids are free; nothing was written
     */
    public List<PreKeyRecord> generatePreKeys(int count) {
        return store.generate(factory -> factory.preKeys(count));
    }

    /**
     * Generates and stores a signed pre-key. Older ones stay until they are removed.
     *
     * @return the new pre-key
     * @throws IllegalStateException if the account was erased, or no id is free; nothing was written
     */
    public SignedPreKeyRecord generateSignedPreKey() {
        return store.generate(PreKeyFactory::signedPreKey);
    }

    /**
     * Generates and stores one-time Kyber pre-keys. Each is deleted when it is used.
     *
     * @param count the number of pre-keys, at least 1
     * @return the new pre-keys, with increasing ids except where they continue at 1
     * @throws IllegalStateException if the account was erased, or too few ids are free; nothing was written
     */
    public List<KyberPreKeyRecord> generateKyberPreKeys(int count) {
        return store.generate(factory -> factory.oneTimeKyberPreKeys(count));
    }

    /**
     * Generates and stores a last-resort Kyber pre-key, which is kept when it is used.
     *
     * <p>Older ones stay until {@link KeystoreSignalProtocolStore#removeKyberPreKey} removes them, together with the
     * records that prevent the replay of their messages. Rotate these pre-keys regularly, and remove those that no
     * message in transit can still need.
     *
     * @return the new pre-key
     * @throws IllegalStateException if the account was erased, or no id is free; nothing was written
     */
    public KyberPreKeyRecord generateLastResortKyberPreKey() {
        return store.generate(PreKeyFactory::lastResortKyberPreKey);
    }

    /**
     * Returns what generates pre-keys within a transaction of the application, which holds {@link #preKeyLockKey}.
     *
     * @param tx a transaction of this account's context
     * @return a factory that is valid as long as the transaction
     * @throws IllegalStateException if the account was erased
     */
    public PreKeyFactory preKeyFactory(Transaction tx) {
        return store.factory(Objects.requireNonNull(tx, "tx"));
    }

    /**
     * Returns whether the server's pre-keys of this account are unusable. They are after a restore from a backup and
     * after a {@linkplain #changeIdentity change of identity}, and for an account that is new or was cleared, from its
     * first upload on; in each case until {@link #confirmUpload} of an upload with one-time pre-keys of both kinds.
     *
     * <p>A restore drops the sessions, the sender keys and the one-time pre-keys, and advances the counters of ids. The
     * server still holds the public parts of the pre-keys that were dropped; contacts who use one send messages that
     * cannot be decrypted. So generate new ones with {@link PreKeyUpkeep#replenish()} or {@link #generateUpload}, let
     * them replace all that the server holds, and confirm that. Messages to contacts need new sessions: fetch the
     * bundles of the contacts and start them.
     *
     * @return whether to upload
     */
    public boolean needsUpload() {
        return store.isRestored();
    }

    /**
     * Generates and stores pre-keys of all kinds, to replace all that a server holds of this account: after a restore,
     * or at registration. If the process ends before the upload is confirmed, call it again: it generates other ones,
     * since a contact may have received those of the first call.
     *
     * @param count the number of one-time pre-keys, and of one-time Kyber pre-keys, at least 1
     * @return the new pre-keys
     * @throws IllegalStateException if the account was erased, or too few ids are free; nothing was written
     */
    public PreKeyUpload generateUpload(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("count must be at least 1, was " + count);
        }
        return store.reportedUpkeep(keys -> keys.generate(count));
    }

    /**
     * Records that the server has replaced what it held of this account by an upload, for each kind of one-time
     * pre-keys that is not empty. Older ones of these kinds are not counted as left from now on, and are deleted when
     * they are stale. Confirming an upload again changes nothing.
     *
     * <p>Nothing is recorded if the signed pre-key of the upload is no longer stored. For example, it was deleted by a
     * {@linkplain #changeIdentity change of identity} since: then the server holds keys of the former identity, and
     * {@link #needsUpload} stays true.
     *
     * @param upload the upload
     */
    public void confirmUpload(PreKeyUpload upload) {
        Objects.requireNonNull(upload, "upload");
        store.confirmUpload(upload);
    }

    /**
     * Records that an upload has certainly not reached the server, for example because it refused it: the next upload
     * holds the same one-time pre-keys again.
     *
     * <p>If the outcome is not known, for example because the connection was lost, do not call this method: the server
     * may have handed out some of these pre-keys, and would hand them out a second time. The next upload then holds
     * other ones.
     *
     * <p>Nothing is recorded if the upload was confirmed, if another one with one-time pre-keys was returned since, or
     * if the signed pre-key of the upload is no longer stored.
     *
     * @param upload the upload
     */
    public void uploadFailed(PreKeyUpload upload) {
        Objects.requireNonNull(upload, "upload");
        store.uploadFailed(upload);
    }

    /**
     * Returns the upkeep of this account's pre-keys: counts, replenishment, rotation and uploads.
     *
     * @return the upkeep
     */
    public PreKeyUpkeep preKeys() {
        return new PreKeyUpkeep(store);
    }

    /**
     * Generates a bundle for one remote device: a new one-time pre-key, a new one-time Kyber pre-key and the newest
     * signed pre-key, which is generated if there is none.
     *
     * @param deviceId the device id of this account
     * @return the bundle; all of its pre-keys are stored
     * @throws IllegalStateException if the account was erased, or no id is free; nothing was written
     */
    public PreKeyBundle newPreKeyBundle(int deviceId) {
        return store.generate(factory -> factory.newBundle(deviceId));
    }

    /**
     * Returns a bundle of existing pre-keys for one remote device. One-time pre-keys of it that are still to be
     * uploaded are left out of {@linkplain PreKeyUpkeep#replenish() uploads} from now on, so that no other device
     * receives them. Those of an upload that was returned before are part of that upload.
     *
     * @param deviceId the device id of this account
     * @param preKey a one-time pre-key, or {@code null} if none is left
     * @param signedPreKey a signed pre-key
     * @param kyberPreKey a one-time or last-resort Kyber pre-key
     * @return the bundle
     * @throws IllegalArgumentException if a record holds no valid key pair
     * @throws IllegalStateException if the account was erased
     */
    public PreKeyBundle preKeyBundle(
            int deviceId,
            @Nullable PreKeyRecord preKey,
            SignedPreKeyRecord signedPreKey,
            KyberPreKeyRecord kyberPreKey) {
        Objects.requireNonNull(signedPreKey, "signedPreKey");
        Objects.requireNonNull(kyberPreKey, "kyberPreKey");
        return store.upkeep(keys -> keys.bundle(deviceId, preKey, signedPreKey, kyberPreKey));
    }

    /**
     * Starts a session with a remote device from its bundle. It replaces a session that is damaged.
     *
     * @param remote the address of the remote device
     * @param bundle the bundle of the remote device
     * @return whether the device's identity is new or has changed
     * @throws UntrustedIdentityException if the trust policy refuses the bundle's identity; nothing was written
     * @throws InvalidKeyException if a signature in the bundle was not made by its identity key; nothing was written
     */
    public IdentityStatus startSession(SignalProtocolAddress remote, PreKeyBundle bundle)
            throws UntrustedIdentityException, InvalidKeyException {
        Objects.requireNonNull(bundle, "bundle");
        return messages.startSession(remote, bundle);
    }

    /**
     * Encrypts a message to a remote device. When this method returns, the updated session is durable.
     *
     * @param remote the address of the remote device
     * @param plaintext the bytes to encrypt
     * @return the encrypted message
     * @throws NoSessionException if there is no session with the device; nothing was written
     * @throws UntrustedIdentityException if the trust policy refuses the device's identity; nothing was written
     */
    public CiphertextMessage encrypt(SignalProtocolAddress remote, byte[] plaintext)
            throws NoSessionException, UntrustedIdentityException {
        Objects.requireNonNull(plaintext, "plaintext");
        return messages.encrypt(remote, (cipher, tx) -> cipher.encrypt(plaintext));
    }

    /**
     * Decrypts a message from a remote device, the first one of a session or a later one. When this method returns, the
     * updated session is durable and a one-time pre-key that the message used is deleted. A first message replaces a
     * session that is damaged.
     *
     * <p>If this method throws one of the exceptions below, nothing was written.
     *
     * @param remote the address of the remote device
     * @param message a {@link PreKeySignalMessage} or a {@link SignalMessage}
     * @return the decrypted bytes
     * @throws DuplicateMessageException if the message was decrypted before
     * @throws InvalidMessageException if the message is malformed, or no session can decrypt it
     * @throws InvalidVersionException if libsignal does not support the message's protocol version
     * @throws InvalidKeyIdException if a pre-key that the message uses does not exist, or libsignal can't read it
     * @throws InvalidKeyException if a key in the message is malformed
     * @throws NoSessionException if there is no session with the device
     * @throws UntrustedIdentityException if the trust policy refuses the device's identity
     * @throws IllegalArgumentException if {@code message} is of another class
     */
    public byte[] decrypt(SignalProtocolAddress remote, CiphertextMessage message)
            throws DuplicateMessageException, InvalidMessageException, InvalidVersionException, InvalidKeyIdException,
                    InvalidKeyException, NoSessionException, UntrustedIdentityException {
        Objects.requireNonNull(message, "message");
        return receive(remote, message).plaintext();
    }

    /**
     * Decrypts a message like {@link #decrypt}, and returns with it whether the sender's identity is new or has
     * changed.
     *
     * @param remote the address of the remote device
     * @param message a {@link PreKeySignalMessage} or a {@link SignalMessage}
     * @return the decrypted message
     * @throws DuplicateMessageException if the message was decrypted before
     * @throws InvalidMessageException if the message is malformed, or no session can decrypt it
     * @throws InvalidVersionException if libsignal does not support the message's protocol version
     * @throws InvalidKeyIdException if a pre-key that the message uses does not exist, or libsignal can't read it
     * @throws InvalidKeyException if a key in the message is malformed
     * @throws NoSessionException if there is no session with the device
     * @throws UntrustedIdentityException if the trust policy refuses the device's identity
     * @throws IllegalArgumentException if {@code message} is of another class
     */
    public ReceivedMessage receive(SignalProtocolAddress remote, CiphertextMessage message)
            throws DuplicateMessageException, InvalidMessageException, InvalidVersionException, InvalidKeyIdException,
                    InvalidKeyException, NoSessionException, UntrustedIdentityException {
        return decrypt(remote, message, AccountStore.RETRY, (received, tx) -> received);
    }

    /**
     * Decrypts a message and runs the application's {@code work} on it, once, in one commit: what the work writes is
     * durable if and only if the ratchet step is. Otherwise like {@link #decrypt(SignalProtocolAddress,
     * CiphertextMessage)}.
     *
     * <pre>{@code
     * account.decrypt(bob, message, (received, tx) -> {
     *     tx.put(CHAT, id, text(received.plaintext()));
     *     return received.identity();
     * });
     * }</pre>
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param remote the address of the remote device
     * @param message a {@link PreKeySignalMessage} or a {@link SignalMessage}
     * @param work the application's work
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written, and the message can be decrypted again
     * @throws DuplicateMessageException if the message was decrypted before
     * @throws InvalidMessageException if the message is malformed, or no session can decrypt it
     * @throws InvalidVersionException if libsignal does not support the message's protocol version
     * @throws InvalidKeyIdException if a pre-key that the message uses does not exist, or libsignal can't read it
     * @throws InvalidKeyException if a key in the message is malformed
     * @throws NoSessionException if there is no session with the device
     * @throws UntrustedIdentityException if the trust policy refuses the device's identity
     */
    public <R, X extends Exception> R decrypt(
            SignalProtocolAddress remote, CiphertextMessage message, MessageWork<R, X> work)
            throws X, DuplicateMessageException, InvalidMessageException, InvalidVersionException,
                    InvalidKeyIdException, InvalidKeyException, NoSessionException, UntrustedIdentityException {
        return decrypt(remote, message, TransactionOptions.DEFAULT, work);
    }

    /**
     * Decrypts a message and runs the application's {@code work} on it like {@link #decrypt(SignalProtocolAddress,
     * CiphertextMessage, MessageWork)}, with options.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param remote the address of the remote device
     * @param message a {@link PreKeySignalMessage} or a {@link SignalMessage}
     * @param transactionOptions the options, for example {@link TransactionOptions#retryOnConflict(int)}; each run of
     *     {@code work} receives the message and a new {@code tx}
     * @param work the application's work
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written, and the message can be decrypted again
     * @throws DuplicateMessageException if the message was decrypted before
     * @throws InvalidMessageException if the message is malformed, or no session can decrypt it
     * @throws InvalidVersionException if libsignal does not support the message's protocol version
     * @throws InvalidKeyIdException if a pre-key that the message uses does not exist, or libsignal can't read it
     * @throws InvalidKeyException if a key in the message is malformed
     * @throws NoSessionException if there is no session with the device
     * @throws UntrustedIdentityException if the trust policy refuses the device's identity
     */
    public <R, X extends Exception> R decrypt(
            SignalProtocolAddress remote,
            CiphertextMessage message,
            TransactionOptions transactionOptions,
            MessageWork<R, X> work)
            throws X, DuplicateMessageException, InvalidMessageException, InvalidVersionException,
                    InvalidKeyIdException, InvalidKeyException, NoSessionException, UntrustedIdentityException {
        Objects.requireNonNull(message, "message");
        Objects.requireNonNull(transactionOptions, "transactionOptions");
        Objects.requireNonNull(work, "work");
        return messages.decrypt(remote, message, transactionOptions, work);
    }

    /**
     * Returns the messages of a group.
     *
     * @param distributionId the distribution id of the group
     * @return the group
     */
    public SignalGroup group(UUID distributionId) {
        return new SignalGroup(store, messages, options, Objects.requireNonNull(distributionId, "distributionId"));
    }

    /**
     * Returns the inbox: messages that were decrypted and not handled yet.
     *
     * @return the inbox
     */
    public Inbox inbox() {
        return new Inbox(store, messages, options);
    }

    /**
     * Returns the outbox: messages that were encrypted and not sent yet.
     *
     * @return the outbox
     */
    public Outbox outbox() {
        return new Outbox(store, messages, options);
    }

    /**
     * Returns the sessions of this account, to list, archive, delete or move them.
     *
     * @return the sessions
     */
    public AccountSessions sessions() {
        return new AccountSessions(store, messages);
    }

    /**
     * Returns the identity keys of this account's contacts.
     *
     * @return the identities
     */
    public AccountIdentities identities() {
        return new AccountIdentities(store, messages, options);
    }

    /**
     * Runs {@code work} in one transaction, once, while holding the {@linkplain #lockKey(SignalProtocolAddress) lock}
     * of a remote device. All writes through {@code signal} and {@code tx} are one commit.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param remote the address of the remote device
     * @param work the work to run
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written
     */
    public <R, X extends Exception> R transaction(SignalProtocolAddress remote, ProtocolWork<R, X> work) throws X {
        return transaction(remote, TransactionOptions.DEFAULT, work);
    }

    /**
     * Runs {@code work} like {@link #transaction(SignalProtocolAddress, ProtocolWork)}, with options.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param remote the address of the remote device
     * @param options the options, for example {@link TransactionOptions#retryOnConflict(int)}; each run of {@code work}
     *     receives a new {@code signal} and a new {@code tx}
     * @param work the work to run
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written
     */
    public <R, X extends Exception> R transaction(
            SignalProtocolAddress remote, TransactionOptions options, ProtocolWork<R, X> work) throws X {
        return messages.run(lockKey(remote), options, work);
    }

    /**
     * Runs {@code work} in one transaction while holding the locks of several remote devices, for example to encrypt a
     * message to all of them; otherwise like {@link #transaction(SignalProtocolAddress, TransactionOptions,
     * ProtocolWork)}.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param remotes the addresses of the remote devices, at least one
     * @param options the options
     * @param work the work to run
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written
     * @throws IllegalArgumentException if {@code remotes} is empty
     */
    public <R, X extends Exception> R transaction(
            Collection<SignalProtocolAddress> remotes, TransactionOptions options, ProtocolWork<R, X> work) throws X {
        Set<String> lockKeys = remotes.stream().map(LockKeys::ofDevice).collect(Collectors.toSet());
        return messages.run(lockKeys, options, work);
    }

    /**
     * Runs {@code work} in one transaction, once, while holding the {@linkplain #lockKey(UUID, SignalProtocolAddress)
     * lock} of a sender key; otherwise like {@link #transaction(SignalProtocolAddress, ProtocolWork)}.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param distributionId the distribution id of the group
     * @param sender the address of the device whose sender key it is: this account's device to encrypt, the sender's to
     *     decrypt
     * @param work the work to run
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written
     */
    public <R, X extends Exception> R transaction(
            UUID distributionId, SignalProtocolAddress sender, ProtocolWork<R, X> work) throws X {
        return transaction(distributionId, sender, TransactionOptions.DEFAULT, work);
    }

    /**
     * Runs {@code work} like {@link #transaction(UUID, SignalProtocolAddress, ProtocolWork)}, with options.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param distributionId the distribution id of the group
     * @param sender the address of the device whose sender key it is
     * @param options the options, for example {@link TransactionOptions#retryOnConflict(int)}; each run of {@code work}
     *     receives a new {@code signal} and a new {@code tx}
     * @param work the work to run
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written
     */
    public <R, X extends Exception> R transaction(
            UUID distributionId, SignalProtocolAddress sender, TransactionOptions options, ProtocolWork<R, X> work)
            throws X {
        return messages.run(lockKey(distributionId, sender), options, work);
    }

    /**
     * Returns a store for libsignal that reads and writes through a transaction of this account's context, with this
     * account's trust policy.
     *
     * @param tx the transaction
     * @return a store that is valid as long as the transaction
     */
    public KeystoreSignalProtocolStore in(Transaction tx) {
        return messages.in(tx);
    }

    /**
     * Returns the application data.
     *
     * @return a copy of the bytes last saved; empty if none were saved
     * @throws IllegalStateException if the account was erased
     */
    public byte[] applicationData() {
        return store.applicationData();
    }

    /**
     * Returns the application data as seen by a transaction. A transaction that reads the data conflicts with one that
     * saves it.
     *
     * @param keys a transaction of this account's context, or its store
     * @return a copy of the bytes last saved; empty if none were saved
     * @throws IllegalStateException if the account was erased
     */
    public byte[] applicationData(KeyReader keys) {
        return AccountStore.applicationData(Objects.requireNonNull(keys, "keys"));
    }

    /**
     * Saves application data in the credentials, replacing any existing data. {@code clear()} keeps it.
     *
     * @param data the bytes; copied
     * @throws IllegalStateException if the account was erased; nothing was written
     */
    public void saveApplicationData(byte[] data) {
        Objects.requireNonNull(data, "data");
        store.saveApplicationData(data);
    }

    /**
     * Saves application data in the credentials within a transaction of this account's context. Concurrent transactions
     * that save data without reading it do not conflict; the last one to commit wins.
     *
     * @param tx a transaction of this account's context
     * @param data the bytes; copied
     * @throws IllegalStateException if the account was erased
     * @throws dev.keystore.UnsupportedFormatException if something other than this class has written the credentials
     *     meanwhile; they were not changed
     */
    public void saveApplicationData(Transaction tx, byte[] data) {
        Objects.requireNonNull(tx, "tx");
        Objects.requireNonNull(data, "data");
        store.saveApplicationData(tx, data);
    }
}
