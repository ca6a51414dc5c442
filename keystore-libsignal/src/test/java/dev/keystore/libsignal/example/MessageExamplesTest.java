package dev.keystore.libsignal.example;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.signal.libsignal.protocol.state.IdentityKeyStore.Direction.SENDING;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionOptions;
import dev.keystore.libsignal.IdentityStatus;
import dev.keystore.libsignal.KeystoreSignalProtocolStore;
import dev.keystore.libsignal.ReceivedMessage;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.libsignal.StoredMessage;
import dev.keystore.libsignal.TrustPolicy;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;

@DisplayName("The example of messages")
class MessageExamplesTest extends Example {

    /** A server that keeps messages until they are acknowledged. */
    private static final class Server {

        record Envelope(String id, byte[] body) {}

        private final Map<String, Envelope> queue = new LinkedHashMap<>();

        void send(SignalProtocolAddress to, StoredMessage message) {
            queue.put(message.id(), new Envelope(message.id(), message.body()));
            assertThat(message.remote()).isEqualTo(to);
            assertThat(message.type()).isEqualTo(CiphertextMessage.PREKEY_TYPE);
            assertThat(message.stored()).isNotNull();
        }

        List<Envelope> messages() {
            return List.copyOf(queue.values());
        }

        void acknowledge(String id) {
            queue.remove(id);
        }
    }

    @Test
    @DisplayName("starts a session and exchanges messages")
    void converse() throws Exception {
        SignalAccount alice = account(aliceAddress);
        SignalAccount bob = account(bobAddress);
        PreKeyBundle bundleOfBob = bob.newPreKeyBundle(1);

        alice.startSession(bobAddress, bundleOfBob);
        CiphertextMessage message = alice.encrypt(bobAddress, bytes("hello"));

        ReceivedMessage received = bob.receive(aliceAddress, message);
        assertThat(text(received.plaintext())).isEqualTo("hello");
        assertThat(received.identity()).isEqualTo(IdentityStatus.NEW);
        assertThat(text(alice.decrypt(bobAddress, bob.encrypt(aliceAddress, bytes("hello, too")))))
                .isEqualTo("hello, too");
    }

    @Test
    @DisplayName("handles a message in the commit of its ratchet step")
    void decrypt() throws Exception {
        SignalAccount account = account(aliceAddress);
        SignalAccount bob = account(bobAddress);
        bob.startSession(aliceAddress, account.newPreKeyBundle(1));
        CiphertextMessage message = bob.encrypt(aliceAddress, bytes("first"));
        CiphertextMessage next = bob.encrypt(aliceAddress, bytes("second"));

        account.decrypt(bobAddress, message, (received, tx) -> {
            tx.put(CHAT, "1", text(received.plaintext()));
            return received.identity();
        });
        account.decrypt(bobAddress, next, TransactionOptions.retryOnConflict(5), (received, tx) -> {
            tx.put(CHAT, "2", tx.find(CHAT, "1").orElse("") + ", " + text(received.plaintext()));
            return true;
        });

        assertThat(database.forContext("alice").find(CHAT, "2")).hasValue("first, second");
    }

    @Test
    @DisplayName("passes outbox and inbox")
    void outboxAndInbox() throws Exception {
        SignalAccount alice = account(aliceAddress);
        SignalAccount bob = account(bobAddress);
        alice.startSession(bobAddress, bob.newPreKeyBundle(1));
        Server server = new Server();

        alice.outbox().encrypt("message 1", bobAddress, bytes("hello"));
        for (StoredMessage each : alice.outbox().pending()) {
            server.send(each.remote(), each);
            alice.outbox().confirm(each.id());
        }

        for (Server.Envelope envelope : server.messages()) {
            try {
                bob.inbox().receive(envelope.id(), aliceAddress, new PreKeySignalMessage(envelope.body()));
            } catch (DuplicateMessageException e) {
                // It was received before, and only its acknowledgment was lost.
            }
            server.acknowledge(envelope.id());
        }
        for (StoredMessage each : bob.inbox().pending()) {
            bob.inbox().handle(each, tx -> {
                tx.put(CHAT, each.id(), text(each.body()));
                return true;
            });
        }

        assertThat(database.forContext("bob").find(CHAT, "message 1")).hasValue("hello");
        assertThat(server.messages()).isEmpty();
        alice.outbox().expire(Duration.ofDays(30));
        bob.inbox().expire(Duration.ofDays(30));
    }

    @Test
    @DisplayName("replaces a damaged session, and removes a message without handling it")
    void damaged() throws Exception {
        SignalAccount alice = account(aliceAddress);
        SignalAccount bob = account(bobAddress);
        bob.startSession(aliceAddress, alice.newPreKeyBundle(1));
        byte[] message = bob.encrypt(aliceAddress, bytes("hello")).serialize();
        SignalKeyStore store = database.forContext("alice");
        store.put(KeyTypes.SESSION, "bob.1", new byte[] {1});

        byte[] plaintext = alice.transaction(bobAddress, (signal, tx) -> {
            signal.replaceDamagedSessions();
            return alice.sessionCipher(signal, bobAddress).decrypt(new PreKeySignalMessage(message));
        });

        store.useTransaction("test", tx -> alice.inbox().add(tx, "message 1", bobAddress, plaintext));
        boolean wasPending = alice.inbox().discard("message 1");

        assertThat(text(plaintext)).isEqualTo("hello");
        assertThat(wasPending).isTrue();
        assertThat(alice.inbox().pending()).isEmpty();
    }

    @Test
    @DisplayName("adds a message to the outbox or the inbox in a transaction")
    void add() throws Exception {
        SignalAccount alice = account(aliceAddress);
        SignalAccount bob = account(bobAddress);
        alice.startSession(bobAddress, bob.newPreKeyBundle(1));

        alice.transaction(bobAddress, (signal, tx) -> {
            CiphertextMessage sealed = alice.sessionCipher(signal, bobAddress).encrypt(bytes("hello"));
            alice.outbox().add(tx, "message 1", bobAddress, sealed.getType(), sealed.serialize());
            tx.put(CHAT, "message 1", "hello");
            return true;
        });
        byte[] body = alice.outbox().pending().get(0).body();
        boolean isNew = bob.transaction(aliceAddress, TransactionOptions.retryOnConflict(5), (signal, tx) -> {
            byte[] plaintext = bob.sessionCipher(signal, aliceAddress).decrypt(new PreKeySignalMessage(body));
            ReceivedMessage received = new ReceivedMessage(plaintext, signal.identityStatus());
            return bob.inbox().add(tx, "message 1", aliceAddress, received);
        });

        database.forContext("alice").useTransaction(SignalAccount.messageLockKey(), tx -> {
            tx.put(CHAT, "pending", alice.outbox().pending().size() + " to send"); // none is confirmed meanwhile
        });

        assertThat(isNew).isTrue();
        assertThat(database.forContext("alice").find(CHAT, "pending")).hasValue("1 to send");
        assertThat(text(bob.inbox().pending().get(0).body())).isEqualTo("hello");
        assertThat(bob.inbox().pending().get(0).identity()).isEqualTo(IdentityStatus.NEW);
    }

    @Test
    @DisplayName("is encrypted to several devices in one transaction")
    void severalDevices() throws Exception {
        SignalAccount alice = account(aliceAddress);
        List<SignalProtocolAddress> remotes = List.of(bobAddress, carolAddress);
        for (SignalProtocolAddress remote : remotes) {
            PreKeyBundle bundle = account(remote).newPreKeyBundle(1);
            alice.transaction(remote, (signal, tx) -> {
                alice.sessionBuilder(signal, remote).process(bundle);
                return true;
            });
        }

        Map<SignalProtocolAddress, CiphertextMessage> messages =
                alice.transaction(remotes, TransactionOptions.retryOnConflict(5), (signal, tx) -> {
                    Map<SignalProtocolAddress, CiphertextMessage> sealed = new LinkedHashMap<>();
                    for (SignalProtocolAddress remote : remotes) {
                        sealed.put(remote, alice.sessionCipher(signal, remote).encrypt(bytes("to both")));
                    }
                    return sealed;
                });

        assertThat(text(account(carolAddress).decrypt(aliceAddress, messages.get(carolAddress))))
                .isEqualTo("to both");
    }

    @Test
    @DisplayName("is exchanged without an account, with an identity that the application keeps")
    void withoutAccount() throws Exception {
        SignalAccount bob = account(bobAddress);
        SignalKeyStore store = database.forContext("dave");
        IdentityKeyPair identity = IdentityKeyPair.generate();
        PreKeyBundle bundle = bob.newPreKeyBundle(1);

        byte[] message = store.transaction(SignalAccount.lockKey(bobAddress), tx -> {
            var signal = new KeystoreSignalProtocolStore(tx, TrustPolicy.FIRST_USE, identity, 4711);
            bob.sessionBuilder(signal, bobAddress).process(bundle);
            return bob.sessionCipher(signal, bobAddress).encrypt(bytes("hello")).serialize();
        });

        assertThat(text(bob.decrypt(new SignalProtocolAddress("dave", 1), new PreKeySignalMessage(message))))
                .isEqualTo("hello");
        SignalKeyStore bobs = database.forContext("bob");
        int registrationId = bobs.transaction(
                SignalAccount.lockKey(bobAddress), tx -> new KeystoreSignalProtocolStore(tx).getLocalRegistrationId());
        assertThat(registrationId).isEqualTo(bob.registrationId());
        TrustPolicy nobody = (address, known, offered, direction) -> false;
        boolean isTrusted = bobs.transaction(
                SignalAccount.lockKey(bobAddress),
                tx -> new KeystoreSignalProtocolStore(tx, nobody)
                        .isTrustedIdentity(bobAddress, bob.identityKey(), SENDING));
        assertThat(isTrusted).isFalse();
        assertThatThrownBy(() -> SignalAccount.open(store)).hasMessageContaining("dave");
    }
}
