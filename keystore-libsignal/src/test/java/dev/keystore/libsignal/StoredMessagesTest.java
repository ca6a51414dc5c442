package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.EntryExistsException;
import dev.keystore.KeyType;
import dev.keystore.UnreadableEntryException;
import dev.keystore.testkit.Call.Operation;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;

@DisplayName("The messages of an inbox or an outbox")
class StoredMessagesTest extends LibsignalTest {

    private static final KeyType<byte[]> INBOX = KeyType.ofBytes("libsignal-inbox");
    private static final KeyType<byte[]> OUTBOX = KeyType.ofBytes("libsignal-outbox");
    private static final SignalProtocolAddress BOB_2 = new SignalProtocolAddress("bob", 2);

    private final TestClock clock = new TestClock();

    private SignalAccount account(String name, TestClock clock) {
        return SignalAccount.openOrCreate(
                parties.store(name), AccountOptions.builder().clock(clock).build());
    }

    private SignalAccount bob() {
        return account("bob", clock);
    }

    private void receive(SignalAccount account, String id, SignalProtocolAddress sender) {
        parties.store("bob").useTransaction("test", tx -> account.inbox().add(tx, id, sender, new byte[] {1}));
    }

    private void send(SignalAccount account, String id) {
        parties.store("bob").useTransaction("test", tx -> account.outbox().add(tx, id, ALICE, 2, new byte[] {1}));
    }

    private static List<String> ids(List<StoredMessage> messages) {
        return messages.stream().map(StoredMessage::id).toList();
    }

    @Test
    @DisplayName("R43 are listed and expire without a damaged one, which can be removed by its id")
    void damaged_isLeftOutAndRemoved() {
        for (String id : List.of("a", "b", "c")) {
            receive(bob(), id, ALICE);
            send(bob(), id);
        }
        parties.damage("bob", INBOX, "b");
        parties.damage("bob", OUTBOX, "b");

        assertThat(ids(bob().inbox().pending())).containsExactly("a", "c");
        assertThat(ids(bob().outbox().pending())).containsExactly("a", "c");
        assertThat(parties.store("bob").verify()).hasSize(2);
        clock.advance(Duration.ofDays(1));
        assertThat(bob().inbox().expire(Duration.ofDays(1))).isEqualTo(2);
        assertThat(bob().outbox().expire(Duration.ofDays(1))).isEqualTo(2);
        assertThatThrownBy(() -> receive(bob(), "b", ALICE)).isInstanceOf(UnreadableEntryException.class);

        assertThat(bob().inbox().discard("b")).isTrue();
        assertThat(bob().outbox().confirm("b")).isTrue();

        assertThat(parties.store("bob").verify()).isEmpty();
        assertThat(bob().inbox().discard("b")).isFalse();
        assertThat(bob().outbox().confirm("b")).isFalse();
        receive(bob(), "b", ALICE);
        assertThat(ids(bob().inbox().pending())).containsExactly("b");
    }

    @Test
    @DisplayName("are refused under the id of a message to, or from, another device, and nothing is written")
    void sameId_otherDevice_isRefused() throws Exception {
        SignalAccount alice = parties.alice();
        alice.startSession(BOB, bob().newPreKeyBundle(1));
        alice.startSession(BOB_2, bob().newPreKeyBundle(2));
        StoredMessage first = alice.outbox().encrypt("1", BOB, "hello".getBytes(UTF_8));
        receive(bob(), "1", BOB_2);
        parties.faults.forgetCalls();

        assertThatThrownBy(() -> alice.outbox().encrypt("1", BOB_2, "hello".getBytes(UTF_8)))
                .isInstanceOf(EntryExistsException.class)
                .hasMessageContaining("libsignal-outbox");
        assertThatThrownBy(() -> bob().inbox().receive("1", ALICE, alice.encrypt(BOB, new byte[1])))
                .isInstanceOf(EntryExistsException.class)
                .hasMessageContaining("libsignal-inbox");
        assertThatThrownBy(() -> receive(bob(), "1", ALICE)).isInstanceOf(EntryExistsException.class);

        assertThat(parties.faults.count(Operation.COMMIT)).as("of encrypt only").isOne();
        assertThat(alice.outbox().encrypt("1", BOB, "again".getBytes(UTF_8)).body())
                .isEqualTo(first.body());
        assertThat(bob().inbox().pending()).extracting(StoredMessage::remote).containsExactly(BOB_2);
    }

    @Test
    @DisplayName("keep whether the identity of the sender is new or has changed, until they are handled")
    void received_keepsIdentityStatus() throws Exception {
        CiphertextMessage first = parties.firstMessage("first");
        assertThat(bob().inbox().receive("1", ALICE, first)).isEqualTo(IdentityStatus.NEW);
        parties.alice().changeIdentity(IdentityKeyPair.generate(), 4711);
        parties.alice().startSession(BOB, bob().newPreKeyBundle(1));
        CiphertextMessage changed = parties.alice().encrypt(BOB, "changed".getBytes(UTF_8));
        TrustPolicy everybody = (address, known, offered, direction) -> true;
        AccountOptions options =
                AccountOptions.builder().trust(everybody).clock(clock).build();
        SignalAccount.open(parties.store("bob"), options).inbox().receive("2", ALICE, changed);

        parties.reopen(); // before the application has seen the result

        assertThat(bob().inbox().receive("2", ALICE, changed)).isEqualTo(IdentityStatus.CHANGED);
        assertThat(bob().inbox().pending())
                .extracting(StoredMessage::identity)
                .containsExactly(IdentityStatus.NEW, IdentityStatus.CHANGED);
        receive(bob(), "3", ALICE);
        assertThat(bob().inbox().pending())
                .extracting(StoredMessage::identity)
                .last()
                .isEqualTo(IdentityStatus.UNCHANGED);
    }

    @Test
    @DisplayName("are neither handled nor expired in place of another one that has the id meanwhile")
    void sameIdAgain_isNotTakenForTheFormerOne() {
        receive(bob(), "1", ALICE);
        StoredMessage former = bob().inbox().pending().get(0);
        assertThat(bob().inbox().handle(former, tx -> true)).isTrue();
        receive(bob(), "1", ALICE);

        boolean handled = bob().inbox().handle(former, tx -> {
            throw new AssertionError("ran again");
        });

        assertThat(handled).isFalse();
        assertThat(bob().inbox().pending()).hasSize(1);
    }

    @Test
    @DisplayName("R44 of before identities were recorded are read")
    void stored_beforeIdentities_isRead() {
        byte[] encoded = ByteBuffer.allocate(8 + 4 + 4 + 4 + 3 + 1)
                .putLong(1_000)
                .putInt(0)
                .putInt(2 | 999_999 << 8)
                .putInt(3)
                .put("bob".getBytes(UTF_8))
                .put((byte) 7)
                .array();

        StoredMessage message = StoredMessage.CODEC.decode(encoded);

        assertThat(message.remote()).isEqualTo(BOB_2);
        assertThat(message.stored()).isEqualTo(Instant.ofEpochMilli(1_000).plusNanos(999_999));
        assertThat(message.identity()).isEqualTo(IdentityStatus.UNCHANGED);
        assertThat(StoredMessage.CODEC.encode(message)).isEqualTo(encoded);
    }

    @Test
    @DisplayName("are in the order in which they were added, although the clock is set back and accounts alternate")
    void clockSetBack_keepsOrder() {
        TestClock other = new TestClock();
        other.advance(Duration.ofDays(1));
        List<String> added = List.of("d", "c", "b", "a");
        for (String id : added) {
            send(bob(), id);
            parties.alice();
            parties.store("alice")
                    .useTransaction(
                            "test", tx -> account("alice", other).outbox().add(tx, id, BOB, 2, new byte[] {1}));
            if (id.equals("c")) {
                clock.advance(Duration.ofHours(-1));
            }
        }

        assertThat(ids(bob().outbox().pending())).isEqualTo(added);
        assertThat(ids(account("alice", other).outbox().pending())).isEqualTo(added);
        assertThat(bob().outbox().pending())
                .allSatisfy(each -> assertThat(each.stored()).isBefore(other.instant()));
    }
}
