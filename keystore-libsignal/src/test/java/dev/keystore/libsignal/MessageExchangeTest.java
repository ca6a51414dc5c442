package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CorruptEntryException;
import dev.keystore.KeyTypes;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.GroupCipher;
import org.signal.libsignal.protocol.groups.GroupSessionBuilder;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SenderKeyDistributionMessage;
import org.signal.libsignal.protocol.message.SignalMessage;

@DisplayName("Messages exchanged by libsignal with its keys in the store")
class MessageExchangeTest extends LibsignalTest {

    @Test
    @DisplayName("R11 go both ways after a PQXDH handshake and continue after each restart")
    void messages_bothWays_surviveRestarts() throws Exception {
        CiphertextMessage first = parties.firstMessage("one");
        assertThat(first.getType()).isEqualTo(CiphertextMessage.PREKEY_TYPE);
        parties.reopen();
        assertThat(parties.bob().decrypt(ALICE, first)).asString().isEqualTo("one");

        for (int round = 0; round < 3; round++) {
            parties.reopen();
            CiphertextMessage fromBob = parties.bob().encrypt(ALICE, bytes("bob " + round));
            parties.reopen();
            assertThat(parties.alice().decrypt(BOB, fromBob)).asString().isEqualTo("bob " + round);
            CiphertextMessage fromAlice = parties.alice().encrypt(BOB, bytes("alice " + round));
            assertThat(fromAlice.getType()).isEqualTo(CiphertextMessage.WHISPER_TYPE);
            assertThat(parties.bob().decrypt(ALICE, fromAlice)).asString().isEqualTo("alice " + round);
        }
    }

    @Test
    @DisplayName("R22 are refused if they were decrypted before, also after a restart, and nothing is written")
    void decrypt_again_isDuplicate() throws Exception {
        parties.converse();
        CiphertextMessage message = parties.alice().encrypt(BOB, bytes("once"));
        parties.bob().decrypt(ALICE, message);
        parties.reopen();
        SignalAccount bob = parties.bob();
        parties.faults.forgetCalls();

        assertThatThrownBy(() -> bob.decrypt(ALICE, message)).isInstanceOf(DuplicateMessageException.class);

        assertThat(parties.faults.count(Operation.COMMIT)).isZero();
    }

    @Test
    @DisplayName("write only the session once it is established")
    void encryptAndDecrypt_inSession_writeOneEntry() throws Exception {
        parties.converse();
        SignalAccount alice = parties.alice();
        SignalAccount bob = parties.bob();
        parties.faults.forgetCalls();

        bob.decrypt(ALICE, alice.encrypt(BOB, bytes("hello")));

        assertThat(parties.faults.calls(Operation.COMMIT))
                .extracting(call -> call.contexts() + " " + call.entries())
                .containsExactly("[alice] [session/bob.1]", "[bob] [session/alice.1]");
    }

    @Test
    @DisplayName("R12 R22 are committed together with what the application writes, or neither is")
    void transaction_workFails_ratchetStays() throws Exception {
        parties.converse();
        CiphertextMessage message = parties.alice().encrypt(BOB, bytes("hello"));
        RuntimeException failure = new RuntimeException("injected");

        assertThatThrownBy(() -> parties.bob().transaction(ALICE, (signal, tx) -> {
                    tx.put(KeyTypes.LID_MAPPING, "alice", "read");
                    new SessionCipher(signal, ALICE).decrypt(new SignalMessage(message.serialize()));
                    throw failure;
                }))
                .isSameAs(failure);

        assertThat(parties.store("bob").find(KeyTypes.LID_MAPPING, "alice")).isEmpty();
        assertThat(parties.bob().decrypt(ALICE, message)).asString().isEqualTo("hello");
    }

    @Test
    @DisplayName("are not encrypted without a session, and a group message is not decrypted as a session message")
    void misuse_isRefused() throws Exception {
        SignalAccount alice = parties.alice();
        UUID group = UUID.randomUUID();
        CiphertextMessage toGroup = alice.transaction(group, ALICE, (signal, tx) -> {
            new GroupSessionBuilder(signal).create(ALICE, group);
            return new GroupCipher(signal, ALICE).encrypt(group, bytes("hello"));
        });

        assertThatThrownBy(() -> alice.encrypt(BOB, bytes("hello"))).isInstanceOf(NoSessionException.class);
        assertThatThrownBy(() -> alice.decrypt(BOB, toGroup))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("message");
    }

    @Test
    @DisplayName("R15 R24 from two devices that received the same one-time pre-key establish one session")
    void decrypt_oneTimePreKeyOfTwoDevices_hasOneWinner() throws Exception {
        SignalAccount bob = parties.bob();
        SignalProtocolAddress carolAddress = new SignalProtocolAddress("carol", 1);
        SignalAccount carol = SignalAccount.create(parties.store("carol"));
        var bundle = bob.preKeyBundle(
                1, bob.generatePreKeys(1).get(0), bob.generateSignedPreKey(), bob.generateLastResortKyberPreKey());
        parties.alice().startSession(BOB, bundle);
        carol.startSession(BOB, bundle);
        CiphertextMessage fromAlice = parties.alice().encrypt(BOB, bytes("hello"));
        CiphertextMessage fromCarol = carol.encrypt(BOB, bytes("hello"));

        List<Boolean> decrypted =
                Race.of(() -> decrypts(bob, ALICE, fromAlice), () -> decrypts(bob, carolAddress, fromCarol));

        assertThat(decrypted).containsExactlyInAnyOrder(true, false);
        assertThat(parties.store("bob").get(KeyTypes.SESSION, List.of("alice.1", "carol.1")))
                .hasSize(1);
    }

    @Test
    @DisplayName("R23 R24 do not conflict with pre-keys generated while a first message is decrypted")
    void decrypt_preKeysMadeMeanwhile_runsOnce() throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        parties.reopen();
        SignalAccount bob = parties.bob();
        parties.faults.forgetCalls();
        parties.faults
                .on(Operation.LOAD)
                .of("libsignal-one-time-kyber-pre-key", "1")
                .run(
                        Moment.AFTER,
                        () -> CompletableFuture.runAsync(() -> bob.generatePreKeys(1))
                                .join());

        byte[] text = bob.transaction(
                ALICE,
                (signal, tx) -> new SessionCipher(signal, ALICE).decrypt(new PreKeySignalMessage(message.serialize())));

        assertThat(text).asString().isEqualTo("hello");
        assertThat(parties.faults.count(Operation.COMMIT)).isEqualTo(2);
        assertThat(parties.store("bob").ids(KeyTypes.PRE_KEY, "")).containsExactly("2");
    }

    @Test
    @DisplayName("R43 propagate the store's exceptions through libsignal unchanged")
    void decrypt_damagedSession_isCorruptEntry() throws Exception {
        parties.converse();
        CiphertextMessage message = parties.alice().encrypt(BOB, bytes("hello"));
        parties.store("bob").put(KeyTypes.SESSION, "alice.1", new byte[] {1, 2, 3});

        assertThatThrownBy(() -> parties.bob().decrypt(ALICE, message))
                .isInstanceOfSatisfying(
                        CorruptEntryException.class, e -> assertThat(e.entry()).hasToString("session/alice.1"));
    }

    @Test
    @DisplayName("R43 distinguish, by the cause, a pre-key that libsignal can't read from an absent one")
    void decrypt_damagedKyberPreKey_isInvalidKeyIdWithCause() throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        parties.store("bob").put(KeyTypes.KYBER_PRE_KEY, "1", new byte[] {1, 2, 3});

        assertThatThrownBy(() -> parties.bob().decrypt(ALICE, message))
                .isInstanceOf(InvalidKeyIdException.class)
                .hasCauseInstanceOf(CorruptEntryException.class);

        parties.store("bob").delete(KeyTypes.KYBER_PRE_KEY, "1");
        assertThatThrownBy(() -> parties.bob().decrypt(ALICE, message))
                .isInstanceOf(InvalidKeyIdException.class)
                .hasNoCause();
    }

    @Test
    @DisplayName("R11 reach a group by sender key, also after a restart, with groups and senders kept separate")
    void senderKeys_areOfOneGroupAndSender() throws Exception {
        parties.converse();
        UUID group = UUID.randomUUID();
        SenderKeyDistributionMessage distribution = parties.alice()
                .transaction(group, ALICE, (signal, tx) -> new GroupSessionBuilder(signal).create(ALICE, group));
        parties.bob().transaction(group, ALICE, (signal, tx) -> {
            new GroupSessionBuilder(signal).process(ALICE, new SenderKeyDistributionMessage(distribution.serialize()));
            return true;
        });

        for (int round = 0; round < 3; round++) {
            byte[] text = bytes("round " + round);
            byte[] sealed = parties.alice()
                    .transaction(group, ALICE, (signal, tx) -> new GroupCipher(signal, ALICE).encrypt(group, text))
                    .serialize();
            parties.reopen();
            byte[] opened = parties.bob()
                    .transaction(group, ALICE, (signal, tx) -> new GroupCipher(signal, ALICE).decrypt(sealed));
            assertThat(opened).isEqualTo(text);
            assertThatThrownBy(() -> parties.bob()
                            .transaction(group, ALICE, (signal, tx) -> new GroupCipher(signal, ALICE).decrypt(sealed)))
                    .isInstanceOf(DuplicateMessageException.class);
        }
        assertThat(parties.store("bob").ids(KeyTypes.SENDER_KEY, "")).containsExactly(group + ":alice.1");
        parties.bob().transaction(group, ALICE, (signal, tx) -> {
            assertThat(signal.loadSenderKey(new SignalProtocolAddress("alice", 2), group))
                    .isNull();
            assertThat(signal.loadSenderKey(ALICE, UUID.randomUUID())).isNull();
            return true;
        });
    }

    private static boolean decrypts(SignalAccount account, SignalProtocolAddress from, CiphertextMessage message)
            throws Exception {
        try {
            account.decrypt(from, message);
            return true;
        } catch (InvalidKeyIdException e) {
            return false;
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }
}
