package dev.keystore.demo;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.libsignal.SignalAccount;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.GroupCipher;
import org.signal.libsignal.protocol.groups.GroupSessionBuilder;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SenderKeyDistributionMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.SignalProtocolStore;

/**
 * One side of the conversation: an account in a separate context, with an outbox and an inbox.
 *
 * <p>The commit that saves the ratchet after sealing a letter also puts the letter into the outbox; the commit that
 * saves the ratchet after opening it also puts its text into the inbox. Wherever the process is killed, a letter is
 * therefore either sent or not, and received or not: a letter in the outbox is delivered again, and one in the inbox is
 * not opened again.
 */
final class Correspondent {

    static final KeyType<Letter> OUTBOX = KeyType.of("conversation-outbox", Letter.CODEC);

    static final KeyType<String> INBOX = KeyType.of("conversation-inbox", new Codec<>() {
        @Override
        public byte[] encode(String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public String decode(byte[] bytes) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
    });

    static final KeyType<Integer> COUNTER = KeyType.of("conversation-counter", new Codec<>() {
        @Override
        public byte[] encode(Integer count) {
            return ByteBuffer.allocate(Integer.BYTES).putInt(count).array();
        }

        @Override
        public Integer decode(byte[] bytes) {
            if (bytes.length != Integer.BYTES) {
                throw new IllegalArgumentException("a counter must be 4 bytes, found " + bytes.length);
            }
            return ByteBuffer.wrap(bytes).getInt();
        }
    });

    private static final String SENT = "sent";
    private static final String OPENED = "opened";
    private static final UUID GROUP = UUID.fromString("6b657973-746f-4265-8067-726f75700001");
    private static final int DEVICE = 1;

    private final SignalKeyStore store;
    private final boolean isNew;
    private final SignalAccount account;
    private final SignalProtocolAddress address;

    Correspondent(SignalKeyStore store) {
        this.store = store;
        isNew = store.credentials().isEmpty();
        account = isNew ? SignalAccount.create(store) : SignalAccount.open(store);
        address = new SignalProtocolAddress(store.context(), DEVICE);
    }

    String name() {
        return store.context();
    }

    boolean isNew() {
        return isNew;
    }

    int registrationId() {
        return account.registrationId();
    }

    /** Starts a session from the other's bundle unless there is one, and returns whether it did. */
    boolean meet(Correspondent other) throws Exception {
        if (store.find(KeyTypes.SESSION, other.address.toString()).isPresent()) {
            return false;
        }
        account.startSession(other.address, other.account.newPreKeyBundle(DEVICE));
        return true;
    }

    /** Returns the number of the letter sent last, or 0. */
    int lastSent() {
        return store.find(COUNTER, SENT).orElse(0);
    }

    /** Returns the number of letters opened. */
    int opened() {
        return store.find(COUNTER, OPENED).orElse(0);
    }

    /** Seals a letter to the other; it is in the outbox when this method returns. */
    Letter send(Correspondent to, int number, String text) throws Exception {
        return account.transaction(to.address, (signal, tx) -> {
            Letter letter = Letter.of(new SessionCipher(signal, to.address).encrypt(bytes(text)));
            return post(tx, number, letter);
        });
    }

    /** Seals a letter with the sender key for the group, whose only other member is {@code to}. */
    Letter sendToGroup(Correspondent to, int number, String text) throws Exception {
        Set<String> lockKeys = Set.of(SignalAccount.lockKey(to.address), SignalAccount.lockKey(GROUP, address));
        return store.transaction(lockKeys, tx -> {
            SignalProtocolStore signal = account.in(tx);
            Map<String, Boolean> informed =
                    tx.find(KeyTypes.SENDER_KEY_MEMORY, GROUP.toString()).orElse(Map.of());
            if (informed.getOrDefault(to.address.toString(), false)) {
                return post(tx, number, Letter.of(new GroupCipher(signal, address).encrypt(GROUP, bytes(text))));
            }
            byte[] senderKey =
                    new GroupSessionBuilder(signal).create(address, GROUP).serialize();
            tx.put(KeyTypes.SENDER_KEY_MEMORY, GROUP.toString(), Map.of(to.address.toString(), true));
            CiphertextMessage first = new SessionCipher(signal, to.address).encrypt(senderKey);
            CiphertextMessage message = new GroupCipher(signal, address).encrypt(GROUP, bytes(text));
            return post(tx, number, Letter.of(first, message));
        });
    }

    /** Returns the numbers of the letters that were sent but not confirmed as received, in ascending order. */
    List<Integer> unconfirmed() {
        try (Stream<String> numbers = store.ids(OUTBOX, "")) {
            return numbers.map(Integer::valueOf).sorted().toList();
        }
    }

    Letter letter(int number) {
        return store.find(OUTBOX, Integer.toString(number)).orElseThrow();
    }

    /** Removes a letter from the outbox after the other has received it. */
    void confirm(int number) {
        store.delete(OUTBOX, Integer.toString(number));
    }

    /** Returns the text of a letter if it was opened. */
    Optional<String> received(int number) {
        return store.find(INBOX, Integer.toString(number));
    }

    /** Opens a letter unless it was opened before; its text is in the inbox when this method returns. */
    Delivery receive(Correspondent from, int number, Letter letter) throws Exception {
        Set<String> lockKeys = Set.of(SignalAccount.lockKey(from.address), SignalAccount.lockKey(GROUP, from.address));
        return store.transaction(lockKeys, tx -> {
            Optional<String> before = tx.find(INBOX, Integer.toString(number));
            if (before.isPresent()) {
                return new Delivery(before.get(), true);
            }
            SignalProtocolStore signal = account.in(tx);
            if (letter.parts().size() > 1) {
                byte[] senderKey = open(signal, from.address, letter.parts().get(0));
                new GroupSessionBuilder(signal).process(from.address, new SenderKeyDistributionMessage(senderKey));
            }
            String text = new String(open(signal, from.address, letter.message()), StandardCharsets.UTF_8);
            tx.insert(INBOX, Integer.toString(number), text);
            tx.put(COUNTER, OPENED, tx.find(COUNTER, OPENED).orElse(0) + 1);
            return new Delivery(text, false);
        });
    }

    private static Letter post(Transaction tx, int number, Letter letter) {
        tx.insert(OUTBOX, Integer.toString(number), letter);
        tx.put(COUNTER, SENT, number);
        return letter;
    }

    private static byte[] open(SignalProtocolStore signal, SignalProtocolAddress from, Letter.Part part)
            throws Exception {
        return switch (part.type()) {
            case CiphertextMessage.PREKEY_TYPE ->
                new SessionCipher(signal, from).decrypt(new PreKeySignalMessage(part.sealed()));
            case CiphertextMessage.WHISPER_TYPE ->
                new SessionCipher(signal, from).decrypt(new SignalMessage(part.sealed()));
            case CiphertextMessage.SENDERKEY_TYPE -> new GroupCipher(signal, from).decrypt(part.sealed());
            default -> throw new IllegalArgumentException("letter holds a part of type " + part.type());
        };
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /**
     * The result of a delivery.
     *
     * @param text the text of the letter
     * @param openedBefore whether the letter had been opened before and was therefore not opened again
     */
    record Delivery(String text, boolean openedBefore) {}
}
