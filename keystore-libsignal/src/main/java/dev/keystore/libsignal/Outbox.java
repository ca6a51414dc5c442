package dev.keystore.libsignal;

import dev.keystore.KeyType;
import dev.keystore.Transaction;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.message.CiphertextMessage;

/**
 * Messages that were encrypted and not sent yet. Wherever the process ends, each is encrypted once, and sent until that
 * is confirmed; a receiver recognizes one that it gets twice.
 *
 * <pre>{@code
 * account.outbox().encrypt("message 1", bob, plaintext);
 * for (StoredMessage each : account.outbox().pending()) {
 *     server.send(each.remote(), each.type(), each.body());
 *     account.outbox().confirm(each.id());
 * }
 * }</pre>
 *
 * <p>An id is free again after it was confirmed. An application that may ask for the same message again after that
 * records that it was encrypted, in the same commit, with {@link #add}.
 */
public final class Outbox {

    private static final KeyType<StoredMessage> TYPE = KeyType.of("libsignal-outbox", StoredMessage.CODEC);

    private final Messages messages;
    private final StoredMessages stored;

    Outbox(AccountStore store, Messages messages, AccountOptions options) {
        this.messages = messages;
        stored = new StoredMessages(store, options, TYPE);
    }

    /**
     * Encrypts a message and stores it, in one commit. If a message of this id to the same device is in the outbox,
     * that one is returned and nothing is encrypted.
     *
     * @param id the id of the message; unique until it is confirmed, also among devices
     * @param remote the address of the device to send it to
     * @param plaintext the bytes to encrypt
     * @return the encrypted message
     * @throws NoSessionException if there is no session with the device; nothing was written
     * @throws UntrustedIdentityException if the trust policy refuses the device's identity; nothing was written
     * @throws dev.keystore.EntryExistsException if a message of this id to another device is in the outbox; nothing was
     *     written
     * @throws dev.keystore.UnreadableEntryException if there is a message of this id that cannot be read, which
     *     {@link #confirm} removes; nothing was written
     */
    public StoredMessage encrypt(String id, SignalProtocolAddress remote, byte[] plaintext)
            throws NoSessionException, UntrustedIdentityException {
        Objects.requireNonNull(plaintext, "plaintext");
        return messages.encrypt(remote, (cipher, tx) -> {
            Optional<StoredMessage> before = stored.findSame(tx, id, remote);
            if (before.isPresent()) {
                return before.get();
            }
            CiphertextMessage sealed = cipher.encrypt(plaintext);
            StoredMessage message = new StoredMessage(
                    id, remote, sealed.getType(), sealed.serialize(), stored.now(), IdentityStatus.UNCHANGED);
            tx.put(TYPE, id, message);
            return message;
        });
    }

    /**
     * Stores a message that was encrypted in a transaction, such as one of a group or a sealed sender, in the commit of
     * that transaction:
     *
     * <pre>{@code
     * account.transaction(bob, (signal, tx) -> {
     *     CiphertextMessage sealed = account.sessionCipher(signal, bob).encrypt(plaintext);
     *     account.outbox().add(tx, "message 1", bob, sealed.getType(), sealed.serialize());
     *     return true;
     * });
     * }</pre>
     *
     * @param tx the transaction
     * @param id the id of the message; unique until it is confirmed
     * @param remote the address of the device to send it to
     * @param type the type of the message, as in {@code CiphertextMessage}
     * @param body the encrypted bytes; copied
     * @throws dev.keystore.EntryExistsException if a message of this id is in the outbox; the transaction continues
     *     without this message, and is committed unless the exception leaves its work
     */
    public void add(Transaction tx, String id, SignalProtocolAddress remote, int type, byte[] body) {
        Objects.requireNonNull(remote, "remote");
        Objects.requireNonNull(body, "body");
        tx.insert(TYPE, id, new StoredMessage(id, remote, type, body, stored.now(), IdentityStatus.UNCHANGED));
    }

    /**
     * Returns the messages that were not confirmed yet, in the order in which they were added. Messages that different
     * processes added are in the order of their clocks, and within a millisecond in the order of their ids. Messages
     * that cannot be read are left out; {@code verify()} reports them.
     *
     * @return the messages
     */
    public List<StoredMessage> pending() {
        return stored.list();
    }

    /**
     * Removes a message that the server has accepted, or one that cannot be read.
     *
     * @param id the id of the message
     * @return whether it was in the outbox
     */
    public boolean confirm(String id) {
        return stored.remove(Objects.requireNonNull(id, "id"));
    }

    /**
     * Removes messages that were not sent, in one commit. Those that cannot be read stay: their age is not known.
     *
     * @param age how long ago a message was encrypted at least
     * @return the number of messages
     */
    public int expire(Duration age) {
        return stored.expire(Objects.requireNonNull(age, "age"));
    }
}
