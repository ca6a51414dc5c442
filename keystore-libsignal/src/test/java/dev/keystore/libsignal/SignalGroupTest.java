package dev.keystore.libsignal;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.libsignal.SignalGroup.GroupMessage;
import dev.keystore.testkit.Call.Operation;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.SenderKeyDistributionMessage;

@DisplayName("A group")
class SignalGroupTest extends LibsignalTest {

    private static final SignalProtocolAddress ALICE = TwoParties.ALICE;
    private static final SignalProtocolAddress BOB = TwoParties.BOB;
    private static final SignalProtocolAddress CAROL = new SignalProtocolAddress("carol", 1);

    private final UUID id = UUID.randomUUID();

    private SignalAccount account(SignalProtocolAddress address) {
        return SignalAccount.openOrCreate(
                parties.store(address.getName()),
                AccountOptions.builder().localAddress(address).build());
    }

    private void startSessions() throws Exception {
        account(ALICE).startSession(BOB, account(BOB).newPreKeyBundle(1));
        account(ALICE).startSession(CAROL, account(CAROL).newPreKeyBundle(1));
    }

    /** Delivers a message of Alice to a member, and returns its text. */
    private String deliver(GroupMessage message, SignalProtocolAddress to) throws Exception {
        SignalAccount member = account(to);
        CiphertextMessage distribution = message.distributions().get(to);
        if (distribution != null) {
            member.decrypt(ALICE, distribution, (received, tx) -> {
                member.group(id).process(tx, ALICE, new SenderKeyDistributionMessage(received.plaintext()));
                return true;
            });
        }
        return new String(member.group(id).decrypt(ALICE, message.message().serialize()), UTF_8);
    }

    @Test
    @DisplayName("R10 receives a message and the sender key it needs, each in one commit; the example")
    void encrypt_distributesOnce() throws Exception {
        startSessions();
        SignalGroup group = account(ALICE).group(id);
        parties.faults.forgetCalls();

        GroupMessage first = group.encrypt(List.of(BOB, CAROL), "first".getBytes(UTF_8));

        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(first.distributions()).containsOnlyKeys(BOB, CAROL);
        parties.reopen();
        parties.faults.forgetCalls();
        assertThat(deliver(first, BOB)).isEqualTo("first");
        assertThat(parties.faults.count(Operation.COMMIT)).isEqualTo(2);
        assertThat(deliver(first, CAROL)).isEqualTo("first");
        GroupMessage second = account(ALICE).group(id).encrypt(List.of(BOB, CAROL), "second".getBytes(UTF_8));
        assertThat(second.distributions()).isEmpty();
        assertThat(deliver(second, BOB)).isEqualTo("second");
        assertThatThrownBy(() -> deliver(second, BOB)).isInstanceOf(DuplicateMessageException.class);
        assertThat(parties.store("alice").find(KeyTypes.SENDER_KEY_MEMORY, id.toString()))
                .hasValue(Map.of("bob.1", true, "carol.1", true));
    }

    @Test
    @DisplayName("whose member has left cannot be read by that member after the sender key was replaced")
    void rotate_formerMemberCannotRead() throws Exception {
        startSessions();
        SignalGroup group = account(ALICE).group(id);
        GroupMessage before = group.encrypt(List.of(BOB, CAROL), "before".getBytes(UTF_8));
        deliver(before, BOB);
        deliver(before, CAROL);

        group.rotate();
        GroupMessage after = group.encrypt(List.of(BOB), "after".getBytes(UTF_8));

        assertThat(after.distributions()).containsOnlyKeys(BOB);
        assertThat(deliver(after, BOB)).isEqualTo("after");
        assertThatThrownBy(() -> deliver(after, CAROL)).isInstanceOf(NoSessionException.class);
    }

    @Test
    @DisplayName("R12 R22 keeps ratchets and memory as they were if a member has no session or the work fails")
    void encrypt_fails_writesNothing() throws Exception {
        startSessions();
        SignalGroup group = account(ALICE).group(id);
        RuntimeException failure = new RuntimeException("injected");
        parties.faults.forgetCalls();

        assertThatThrownBy(
                        () -> group.encrypt(List.of(BOB, new SignalProtocolAddress("dave", 1)), "no".getBytes(UTF_8)))
                .isInstanceOf(NoSessionException.class);
        assertThatThrownBy(() -> group.encrypt(List.of(BOB), "no".getBytes(UTF_8), (message, tx) -> {
                    throw failure;
                }))
                .isSameAs(failure);
        assertThat(parties.faults.count(Operation.COMMIT)).isZero();

        GroupMessage message = group.encrypt(List.of(BOB), "yes".getBytes(UTF_8), (encrypted, tx) -> {
            tx.put(KeyTypes.DEVICE_LIST, "outbox", List.of(BOB.toString()));
            return encrypted;
        });
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(message.distributions()).containsOnlyKeys(BOB);
        group.forget(List.of(BOB, CAROL));
        GroupMessage again = group.encrypt(List.of(BOB), "again".getBytes(UTF_8));
        assertThat(again.distributions()).containsOnlyKeys(BOB);
        assertThat(deliver(again, BOB)).isEqualTo("again");
    }

    @Test
    @DisplayName("needs the local address, and takes no sender key of another group")
    void misuse_isRefused() throws Exception {
        SignalGroup nameless = parties.alice().group(id);
        assertThatThrownBy(() -> nameless.encrypt(List.of(), new byte[1]))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("localAddress");
        assertThatThrownBy(nameless::rotate).isInstanceOf(IllegalStateException.class);

        startSessions();
        GroupMessage message = account(ALICE).group(UUID.randomUUID()).encrypt(List.of(BOB), new byte[1]);
        assertThatThrownBy(() -> deliver(message, BOB))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(id.toString());
        assertThatThrownBy(() ->
                        account(BOB).group(id).decrypt(ALICE, message.message().serialize()))
                .isInstanceOf(InvalidMessageException.class)
                .hasMessageContaining(id.toString());
    }
}
