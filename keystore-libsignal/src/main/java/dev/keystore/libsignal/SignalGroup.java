package dev.keystore.libsignal;

import dev.keystore.KeyReader;
import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import dev.keystore.TransactionOptions;
import dev.keystore.UnreadableEntryException;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.InvalidVersionException;
import org.signal.libsignal.protocol.LegacyMessageException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.groups.GroupCipher;
import org.signal.libsignal.protocol.groups.GroupSessionBuilder;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.SenderKeyDistributionMessage;
import org.signal.libsignal.protocol.message.SenderKeyMessage;

/**
 * The messages of a group, which an account encrypts once for all members with its sender key.
 *
 * <pre>{@code
 * GroupMessage sealed = account.group(id).encrypt(members, plaintext);
 * sealed.distributions().forEach(server::send);
 * server.sendToAll(members, sealed.message());
 *
 * byte[] plaintext = other.group(id).decrypt(sender, message);
 * }</pre>
 *
 * <p>Each operation is one commit, and the memory of which devices have the sender key is part of it. A sender key is
 * created with the first message. {@link KeyTypes#SENDER_KEY_MEMORY} holds the memory, under the distribution id.
 *
 * <p>The commit of {@link #encrypt} marks a device as one that has the sender key before its distribution is sent. An
 * application that may end in between adds them to the outbox in that commit:
 *
 * <pre>{@code
 * account.group(id).encrypt(members, plaintext, (encrypted, tx) -> {
 *     encrypted.distributions().forEach((member, key) ->
 *             account.outbox().add(tx, "1, key to " + member, member, key.getType(), key.serialize()));
 *     CiphertextMessage toAll = encrypted.message();
 *     for (SignalProtocolAddress member : members) {
 *         account.outbox().add(tx, "1 to " + member, member, toAll.getType(), toAll.serialize());
 *     }
 *     return true;
 * });
 * }</pre>
 *
 * <p>A device whose identity has changed is forgotten in the commit that saves the new identity, so it receives the
 * sender key with the next message. For a device that cannot decrypt for another reason, call {@link #forget}. If this
 * account's sender key or the memory is gone or damaged, the next message goes with a sender key to all members. A
 * damaged sender key of a member is replaced by the next one that {@link #process} receives.
 */
public final class SignalGroup {

    private final AccountStore store;
    private final Messages messages;
    private final AccountOptions options;
    private final UUID distributionId;

    SignalGroup(AccountStore store, Messages messages, AccountOptions options, UUID distributionId) {
        this.store = store;
        this.messages = messages;
        this.options = options;
        this.distributionId = distributionId;
    }

    /**
     * A message to a group.
     *
     * @param distributions the sender key, encrypted to each device that did not have it; to be delivered before the
     *     message
     * @param message the message, the same for all members
     */
    public record GroupMessage(
            Map<SignalProtocolAddress, CiphertextMessage> distributions, CiphertextMessage message) {}

    /**
     * What an application does with an encrypted message in the commit that wrote the ratchet steps.
     *
     * @param <R> the type of the result
     */
    @FunctionalInterface
    public interface GroupWork<R> {

        /**
         * Handles the message, on the thread that encrypted it.
         *
         * @param message the encrypted message
         * @param tx the transaction that also writes the ratchet steps
         * @return the result, which is returned to the caller after the commit
         */
        R run(GroupMessage message, Transaction tx);
    }

    /**
     * Encrypts a message, and the sender key for those members that do not have it.
     *
     * @param members the addresses of the devices that the message is for, without this account's device
     * @param plaintext the bytes to encrypt
     * @return the encrypted message
     * @throws NoSessionException if there is no session with a device that needs the sender key; nothing was written
     * @throws UntrustedIdentityException if the trust policy refuses such a device's identity; nothing was written
     * @throws IllegalStateException if {@link AccountOptions.Builder#localAddress} was not set
     */
    public GroupMessage encrypt(Collection<SignalProtocolAddress> members, byte[] plaintext)
            throws NoSessionException, UntrustedIdentityException {
        return encrypt(members, plaintext, (message, tx) -> message);
    }

    /**
     * Encrypts a message like {@link #encrypt(Collection, byte[])}, and runs the application's work in the same commit.
     * The work may run up to 5 times if the commit ends in a conflict.
     *
     * @param <R> the type of the result
     * @param members the addresses of the devices that the message is for, without this account's device
     * @param plaintext the bytes to encrypt
     * @param work the application's work
     * @return the result of {@code work}
     * @throws NoSessionException if there is no session with a device that needs the sender key; nothing was written
     * @throws UntrustedIdentityException if the trust policy refuses such a device's identity; nothing was written
     * @throws IllegalStateException if {@link AccountOptions.Builder#localAddress} was not set
     */
    public <R> R encrypt(Collection<SignalProtocolAddress> members, byte[] plaintext, GroupWork<R> work)
            throws NoSessionException, UntrustedIdentityException {
        List<SignalProtocolAddress> devices = List.copyOf(members);
        Objects.requireNonNull(plaintext, "plaintext");
        Objects.requireNonNull(work, "work");
        SignalProtocolAddress local = local();
        Set<String> lockKeys = new HashSet<>();
        devices.forEach(device -> lockKeys.add(LockKeys.ofDevice(device)));
        lockKeys.add(LockKeys.ofSenderKey(distributionId, local));
        try {
            return store.<R, Exception>transaction(lockKeys, AccountStore.RETRY, tx -> {
                KeystoreSignalProtocolStore signal = messages.in(tx);
                Map<SignalProtocolAddress, CiphertextMessage> distributions = distribute(tx, signal, local, devices);
                CiphertextMessage message = new GroupCipher(signal, local).encrypt(distributionId, plaintext);
                return work.run(new GroupMessage(distributions, message), tx);
            });
        } catch (NoSessionException | UntrustedIdentityException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw Messages.undeclared(e);
        }
    }

    /** Encrypts the sender key to the devices that do not have it, and remembers that they have it. */
    private Map<SignalProtocolAddress, CiphertextMessage> distribute(
            Transaction tx,
            KeystoreSignalProtocolStore signal,
            SignalProtocolAddress local,
            List<SignalProtocolAddress> devices)
            throws NoSessionException, UntrustedIdentityException {
        signal.replaceDamagedSenderKeys();
        boolean isNew = signal.loadSenderKey(local, distributionId) == null; // then nobody has the one that is created
        Map<String, Boolean> memory = isNew ? new LinkedHashMap<>() : memory(tx);
        Map<SignalProtocolAddress, CiphertextMessage> distributions = new LinkedHashMap<>();
        byte[] senderKey =
                new GroupSessionBuilder(signal).create(local, distributionId).serialize();
        for (SignalProtocolAddress device : devices) {
            if (!memory.getOrDefault(Ids.of(device), false)) {
                distributions.put(
                        device, messages.ciphers().cipher(signal, device).encrypt(senderKey));
                memory.put(Ids.of(device), true);
            }
        }
        if (isNew || !distributions.isEmpty()) {
            tx.put(KeyTypes.SENDER_KEY_MEMORY, distributionId.toString(), memory);
        }
        return distributions;
    }

    /**
     * Decrypts a message of another member.
     *
     * @param sender the address of the device that sent it
     * @param message the encrypted bytes
     * @return the decrypted bytes
     * @throws NoSessionException if the sender key of the device was not received
     * @throws DuplicateMessageException if the message was decrypted before, or encrypted before the sender key that
     *     was received
     * @throws InvalidMessageException if the message is malformed, of another group, or not of this sender key
     * @throws LegacyMessageException if libsignal does not support the message's protocol version any more
     */
    public byte[] decrypt(SignalProtocolAddress sender, byte[] message)
            throws NoSessionException, DuplicateMessageException, InvalidMessageException, LegacyMessageException {
        return decrypt(sender, message, AccountStore.RETRY, (received, tx) -> received.plaintext());
    }

    /**
     * Decrypts a message of another member and runs the application's {@code work} on it, once, in one commit: what the
     * work writes is durable if and only if the ratchet step is.
     *
     * <pre>{@code
     * account.group(id).decrypt(sender, message, (received, tx) -> {
     *     tx.put(CHAT, messageId, text(received.plaintext()));
     *     return true;
     * });
     * }</pre>
     *
     * <p>A member that receives the sender key of another one late gets it as it was when it was sent. For a message
     * that is older, libsignal reports a duplicate, although the message was never decrypted. An application that needs
     * to know keeps the ids of the messages that it handled.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param sender the address of the device that sent it
     * @param message the encrypted bytes
     * @param work the application's work; {@link ReceivedMessage#identity} is always {@link IdentityStatus#UNCHANGED}
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written, and the message can be decrypted again
     * @throws NoSessionException if the sender key of the device was not received
     * @throws DuplicateMessageException if the message was decrypted before, or encrypted before the sender key that
     *     was received
     * @throws InvalidMessageException if the message is malformed, of another group, or not of this sender key
     * @throws LegacyMessageException if libsignal does not support the message's protocol version any more
     */
    public <R, X extends Exception> R decrypt(SignalProtocolAddress sender, byte[] message, MessageWork<R, X> work)
            throws X, NoSessionException, DuplicateMessageException, InvalidMessageException, LegacyMessageException {
        return decrypt(sender, message, TransactionOptions.DEFAULT, work);
    }

    /**
     * Decrypts a message of another member and runs the application's {@code work} on it like
     * {@link #decrypt(SignalProtocolAddress, byte[], MessageWork)}, with options.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param sender the address of the device that sent it
     * @param message the encrypted bytes
     * @param transactionOptions the options, for example {@link TransactionOptions#retryOnConflict(int)}; each run of
     *     {@code work} receives the message and a new {@code tx}
     * @param work the application's work
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written, and the message can be decrypted again
     * @throws NoSessionException if the sender key of the device was not received
     * @throws DuplicateMessageException if the message was decrypted before, or encrypted before the sender key that
     *     was received
     * @throws InvalidMessageException if the message is malformed, of another group, or not of this sender key
     * @throws LegacyMessageException if libsignal does not support the message's protocol version any more
     */
    public <R, X extends Exception> R decrypt(
            SignalProtocolAddress sender, byte[] message, TransactionOptions transactionOptions, MessageWork<R, X> work)
            throws X, NoSessionException, DuplicateMessageException, InvalidMessageException, LegacyMessageException {
        Objects.requireNonNull(message, "message");
        Objects.requireNonNull(transactionOptions, "transactionOptions");
        Objects.requireNonNull(work, "work");
        requireOfThisGroup(message);
        try {
            return store.<R, Exception>transaction(
                    LockKeys.ofSenderKey(distributionId, sender), transactionOptions, tx -> {
                        byte[] plaintext = new GroupCipher(messages.in(tx), sender).decrypt(message);
                        return work.run(new ReceivedMessage(plaintext, IdentityStatus.UNCHANGED), tx);
                    });
        } catch (NoSessionException
                | DuplicateMessageException
                | InvalidMessageException
                | LegacyMessageException
                | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            @SuppressWarnings("unchecked") // libsignal declares no other checked exception, so it is one of the work
            X ofWork = (X) e;
            throw ofWork;
        }
    }

    private void requireOfThisGroup(byte[] message) throws InvalidMessageException, LegacyMessageException {
        UUID found;
        try {
            found = new SenderKeyMessage(message).getDistributionId();
        } catch (InvalidVersionException e) {
            throw new InvalidMessageException(e);
        }
        if (!found.equals(distributionId)) {
            throw new InvalidMessageException("the message is of group " + found + ", not of " + distributionId);
        }
    }

    /**
     * Processes the sender key of another member within the transaction that decrypts the message that carries it. It
     * replaces one that is damaged:
     *
     * <pre>{@code
     * account.decrypt(sender, message, (received, tx) -> {
     *     account.group(id).process(tx, sender, new SenderKeyDistributionMessage(received.plaintext()));
     *     return received;
     * });
     * }</pre>
     *
     * @param tx the transaction
     * @param sender the address of the device that sent the message
     * @param distribution the sender key
     * @throws IllegalArgumentException if {@code distribution} is of another group
     */
    public void process(Transaction tx, SignalProtocolAddress sender, SenderKeyDistributionMessage distribution) {
        Objects.requireNonNull(sender, "sender");
        if (!distribution.getDistributionId().equals(distributionId)) {
            throw new IllegalArgumentException(
                    "distribution must be of group " + distributionId + ", was of " + distribution.getDistributionId());
        }
        tx.useTransaction(LockKeys.ofSenderKey(distributionId, sender), nested -> {
            KeystoreSignalProtocolStore signal = messages.in(nested);
            signal.replaceDamagedSenderKeys();
            new GroupSessionBuilder(signal).process(sender, distribution);
        });
    }

    /**
     * Replaces this account's sender key, for example when a member has left: deletes it, and the memory of who has it,
     * in one commit. The next message creates another one and distributes it.
     *
     * @throws IllegalStateException if {@link AccountOptions.Builder#localAddress} was not set
     */
    public void rotate() {
        SignalProtocolAddress local = local();
        store.transaction(LockKeys.ofSenderKey(distributionId, local), AccountStore.RETRY, tx -> {
            tx.delete(KeyTypes.SENDER_KEY, Ids.of(distributionId, local));
            tx.delete(KeyTypes.SENDER_KEY_MEMORY, distributionId.toString());
            return Boolean.TRUE;
        });
    }

    /**
     * Forgets that devices have the sender key: they receive it again with the next message.
     *
     * @param devices the addresses of the devices
     * @throws IllegalStateException if {@link AccountOptions.Builder#localAddress} was not set
     */
    public void forget(Collection<SignalProtocolAddress> devices) {
        List<String> ids = devices.stream().map(Ids::of).toList();
        store.transaction(LockKeys.ofSenderKey(distributionId, local()), AccountStore.RETRY, tx -> {
            Map<String, Boolean> memory = memory(tx);
            if (memory.keySet().removeAll(ids)) {
                tx.put(KeyTypes.SENDER_KEY_MEMORY, distributionId.toString(), memory);
            }
            return Boolean.TRUE;
        });
    }

    /**
     * Deletes all that is stored of this group, in one commit: this account's sender key, the memory of who has it, and
     * the sender keys of all members. To be called for a group that was left, or one that is not known: members may
     * send sender keys for any number of groups, and the store keeps them.
     *
     * <pre>{@code
     * try (Stream<String> ids = store.ids(KeyTypes.SENDER_KEY, "")) {
     *     ids.map(EntryIds::senderKey).flatMap(Optional::stream).forEach(found -> known.add(found.distributionId()));
     * }
     * known.removeAll(groups);
     * known.forEach(id -> account.group(id).delete());
     * }</pre>
     *
     * @return the number of sender keys
     */
    public int delete() {
        Set<String> lockKeys = senderKeys(store.reader()).stream()
                .map(EntryIds::senderKey)
                .flatMap(Optional::stream)
                .map(found -> LockKeys.ofSenderKey(distributionId, found.sender()))
                .collect(Collectors.toCollection(HashSet::new));
        options.localAddress().ifPresent(local -> lockKeys.add(LockKeys.ofSenderKey(distributionId, local)));
        if (lockKeys.isEmpty()) {
            return 0;
        }
        return store.transaction(lockKeys, AccountStore.RETRY, tx -> {
            SessionStarts.conflictWithStarts(tx);
            List<String> ids = senderKeys(tx);
            ids.forEach(id -> tx.delete(KeyTypes.SENDER_KEY, id));
            tx.delete(KeyTypes.SENDER_KEY_MEMORY, distributionId.toString());
            return ids.size();
        });
    }

    private List<String> senderKeys(KeyReader keys) {
        try (Stream<String> ids = keys.ids(KeyTypes.SENDER_KEY, distributionId + ":")) {
            return ids.toList();
        }
    }

    /** Returns who has the sender key; nobody if the memory cannot be read, so that all receive it again. */
    private Map<String, Boolean> memory(KeyReader keys) {
        try {
            return new LinkedHashMap<>(keys.find(KeyTypes.SENDER_KEY_MEMORY, distributionId.toString())
                    .orElse(Map.of()));
        } catch (UnreadableEntryException e) {
            return new LinkedHashMap<>();
        }
    }

    private SignalProtocolAddress local() {
        return options.localAddress()
                .orElseThrow(() -> new IllegalStateException(
                        "A group needs the address of the account's device; set AccountOptions.Builder.localAddress"));
    }
}
