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
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.SignalProtocolAddress;

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
