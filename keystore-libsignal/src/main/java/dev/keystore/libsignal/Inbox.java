package dev.keystore.libsignal;

import dev.keystore.KeyType;
import dev.keystore.Transaction;
import dev.keystore.TransactionWork;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.InvalidVersionException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.message.CiphertextMessage;

/**
 * Messages that were decrypted and not handled yet. Wherever the process ends, each is handled once.
 *
 * <pre>{@code
 * try {
 *     account.inbox().receive(envelope.id(), sender, message);
 * } catch (DuplicateMessageException e) {
 *     // It was received before, and only its acknowledgment was lost.
 * }
 * server.acknowledge(envelope.id());
 * for (StoredMessage each : account.inbox().pending()) {
 *     account.inbox().handle(each, tx -> {
 *         tx.insert(CHAT, each.id(), text(each.body()));
 *         return true;
 *     });
 * }
 * }</pre>
 *
 * <p>A message is stored in plaintext (encrypted if the store is) until it is handled or {@linkplain #expire expires}.
 */
public final class Inbox {

    private static final KeyType<StoredMessage> TYPE = KeyType.of("libsignal-inbox", StoredMessage.CODEC);

    private final AccountStore store;
    private final Messages messages;
    private final StoredMessages stored;

    Inbox(AccountStore store, Messages messages, AccountOptions options) {
        this.store = store;
        this.messages = messages;
        stored = new StoredMessages(store, options, TYPE);
    }

    /**
     * Decrypts a message and stores the plaintext and the status of the sender's identity, in one commit. If a message
     * of this id from the same device is in the inbox, nothing is done.
     *
     * <p>If this method throws one of the exceptions below, nothing was written.
     *
     * @param id the id of the message, for example that of the server's envelope; unique until the message is handled
     * @param sender the address of the device that sent it
     * @param message a {@code PreKeySignalMessage} or a {@code SignalMessage}
     * @return whether the identity of the sender is new or has changed; as it was when the message was stored, if that
     *     is in the inbox
     * @throws DuplicateMessageException if the message was received and handled before
     * @throws InvalidMessageException if the message is malformed, or no session can decrypt it
     * @throws InvalidVersionException if libsignal does not support the message's protocol version
     * @throws InvalidKeyIdException if a pre-key that the message uses does not exist, or libsignal can't read it
     * @throws InvalidKeyException if a key in the message is malformed
     * @throws NoSessionException if there is no session with the device
     * @throws UntrustedIdentityException if the trust policy refuses the device's identity
     * @throws dev.keystore.EntryExistsException if a message of this id from another device is in the inbox
     * @throws dev.keystore.UnreadableEntryException if there is a message of this id that cannot be read, which
     *     {@link #discard} removes
     */
    public IdentityStatus receive(String id, SignalProtocolAddress sender, CiphertextMessage message)
            throws DuplicateMessageException, InvalidMessageException, InvalidVersionException, InvalidKeyIdException,
                    InvalidKeyException, NoSessionException, UntrustedIdentityException {
        Objects.requireNonNull(message, "message");
        Optional<StoredMessage> before = stored.findSame(store.reader(), id, Objects.requireNonNull(sender, "sender"));
        if (before.isPresent()) {
            return before.get().identity();
        }
        return messages.decrypt(sender, message, AccountStore.RETRY, (received, tx) -> {
            add(tx, id, sender, received);
            return received.identity();
        });
    }

    /**
     * Stores a message that was decrypted in a transaction, such as one of a group or a sealed sender, in the commit of
     * that transaction. If a message of this id from the same device is in the inbox, nothing is written:
     *
     * <pre>{@code
     * account.group(group).decrypt(
     *         sender, message, (received, tx) -> account.inbox().add(tx, envelope.id(), sender, received.plaintext()));
     * }</pre>
     *
     * @param tx the transaction
     * @param id the id of the message; unique until it is handled
     * @param sender the address of the device that sent it
     * @param plaintext the decrypted bytes; copied
     * @return whether it was stored
     * @throws dev.keystore.EntryExistsException if a message of this id from another device is in the inbox; the
     *     transaction continues without this message, and is committed unless the exception leaves its work
     * @throws dev.keystore.UnreadableEntryException if there is a message of this id that cannot be read; the
     *     transaction continues, too
     */
    public boolean add(Transaction tx, String id, SignalProtocolAddress sender, byte[] plaintext) {
        Objects.requireNonNull(plaintext, "plaintext");
        return add(tx, id, sender, new ReceivedMessage(plaintext, IdentityStatus.UNCHANGED));
    }

    /**
     * Stores a message with the status of the sender's identity; otherwise like {@link #add(Transaction, String,
     * SignalProtocolAddress, byte[])}:
     *
     * <pre>{@code
     * account.inbox().add(tx, envelope.id(), sender, new ReceivedMessage(plaintext, signal.identityStatus()));
     * }</pre>
     *
     * @param tx the transaction
     * @param id the id of the message; unique until it is handled
     * @param sender the address of the device that sent it
     * @param message the decrypted message; copied
     * @return whether it was stored
     * @throws dev.keystore.EntryExistsException if a message of this id from another device is in the inbox; the
     *     transaction continues without this message, and is committed unless the exception leaves its work
     * @throws dev.keystore.UnreadableEntryException if there is a message of this id that cannot be read; the
     *     transaction continues, too
     */
    public boolean add(Transaction tx, String id, SignalProtocolAddress sender, ReceivedMessage message) {
        Objects.requireNonNull(sender, "sender");
        Objects.requireNonNull(message, "message");
        if (stored.findSame(tx, id, sender).isPresent()) {
            return false;
        }
        tx.put(TYPE, id, new StoredMessage(id, sender, 0, message.plaintext(), stored.now(), message.identity()));
        return true;
    }

    /**
     * Returns the messages that were not handled yet, in the order in which they were received, as in an
     * {@linkplain Outbox#pending outbox}.
     *
     * @return the messages
     */
    public List<StoredMessage> pending() {
        return stored.list();
    }

    /**
     * Runs the application's work on a message and removes the message, in one commit, unless it was handled before.
     * The work may run up to 5 times if the commit ends in a conflict.
     *
     * @param <X> the type of exception that {@code work} may throw
     * @param message a message of {@link #pending}
     * @param work what the application makes of it; its result is ignored
     * @return whether {@code work} ran
     * @throws X if {@code work} threw it; the message stays in the inbox
     */
    public <X extends Exception> boolean handle(StoredMessage message, TransactionWork<?, X> work) throws X {
        Objects.requireNonNull(work, "work");
        return store.<Boolean, X>transaction(LockKeys.ofDevice(message.remote()), AccountStore.RETRY, tx -> {
            if (!stored.removeSame(tx, message)) {
                return Boolean.FALSE;
            }
            work.run(tx);
            return Boolean.TRUE;
        });
    }

    /**
     * Removes a message without handling it, readable or not.
     *
     * @param id the id of the message, for example of one that {@code verify()} reports
     * @return whether it was in the inbox
     */
    public boolean discard(String id) {
        return stored.remove(Objects.requireNonNull(id, "id"));
    }

    /**
     * Removes messages that were not handled, in one commit. Those that cannot be read stay: their age is not known.
     *
     * @param age how long ago a message was received at least
     * @return the number of messages
     */
    public int expire(Duration age) {
        return stored.expire(Objects.requireNonNull(age, "age"));
    }
}
