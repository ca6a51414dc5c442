package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyType;
import dev.keystore.TransactionConflictException;
import dev.keystore.TransactionOptions;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;

@DisplayName("A message is handled once")
class DecryptOnceTest extends LibsignalTest {

    private static final KeyType<byte[]> CHAT = KeyType.ofBytes("test-chat");

    /** Two messages take 12 steps: encrypt, send, confirm, receive, acknowledge and handle, each. */
    private static final int STEPS = 12;

    /** Of these, encrypt, confirm, receive and handle are commits. */
    private static final int COMMITS = 8;

    /** What the server has accepted from Alice and not yet delivered to Bob, by its id. */
    private final Map<String, StoredMessage> server = new LinkedHashMap<>();

    private int stepsUntilCrash = Integer.MAX_VALUE;

    @Test
    @DisplayName("R10 R12 by work that is part of the ratchet step's commit, or neither is; the example")
    void decrypt_withWork_isOneCommit() throws Exception {
        parties.converse();
        SignalAccount bob = parties.bob();
        CiphertextMessage message = parties.alice().encrypt(BOB, "hello".getBytes(UTF_8));
        parties.faults.forgetCalls();

        assertThatThrownBy(() -> bob.decrypt(ALICE, message, (received, tx) -> {
                    tx.put(CHAT, "1", received.plaintext());
                    throw new IOException("injected");
                }))
                .isInstanceOf(IOException.class);
        assertThat(parties.faults.count(Operation.COMMIT)).isZero();
        int length = bob.decrypt(ALICE, message, (received, tx) -> {
            tx.put(CHAT, "1", received.plaintext());
            return received.plaintext().length;
        });

        assertThat(length).isEqualTo(5);
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(parties.store("bob").find(CHAT, "1")).hasValue("hello".getBytes(UTF_8));
        assertThatThrownBy(() -> bob.decrypt(ALICE, message, (received, tx) -> true))
                .isInstanceOf(DuplicateMessageException.class);
    }

    @Test
    @DisplayName("R24 and runs again after a conflict only if the options say so")
    void decrypt_withWork_retriesOnConflict() throws Exception {
        parties.converse();
        SignalAccount bob = parties.bob();
        CiphertextMessage message = parties.alice().encrypt(BOB, "hello".getBytes(UTF_8));
        AtomicInteger runs = new AtomicInteger();
        MessageWork<Integer, Exception> conflicting = (received, tx) -> {
            tx.find(CHAT, "1");
            if (runs.incrementAndGet() <= 2) {
                Race.of(() -> {
                    parties.store("bob").put(CHAT, "1", new byte[] {(byte) runs.get()});
                    return true;
                });
            }
            return received.plaintext().length;
        };

        assertThatThrownBy(() -> bob.decrypt(ALICE, message, conflicting))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(bob.decrypt(ALICE, message, TransactionOptions.retryOnConflict(2), conflicting))
                .isEqualTo(5);
        assertThat(runs).hasValue(3);
    }

    @Test
    @DisplayName("R11 R12 R54 wherever a kill stops sender and receiver, or a commit fails or has an unknown outcome")
    void inboxAndOutbox_crashAtEachStep_handleOnce() throws Exception {
        parties.alice().startSession(BOB, parties.bob().newPreKeyBundle(1));
        List<String> sent = new ArrayList<>();
        int crashes = 0;
        for (int step = 1; ; step++) {
            stepsUntilCrash = step;
            if (converse("crash at step " + step, sent) == 0) {
                break;
            }
            crashes++;
        }
        stepsUntilCrash = Integer.MAX_VALUE;
        assertThat(crashes).isEqualTo(STEPS);
        for (int commit = 1; commit <= COMMITS; commit++) {
            for (Moment moment : List.of(Moment.BEFORE, Moment.AFTER)) {
                parties.faults.on(Operation.COMMIT).nth(commit).run(moment, this::crashInCommit);
                crashes += converse("kill " + moment + " commit " + commit, sent);
            }
            parties.faults.on(Operation.COMMIT).nth(commit).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);
            crashes += converse("failure of commit " + commit, sent);
            parties.faults.on(Operation.COMMIT).nth(commit).fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);
            crashes += converse("unknown commit " + commit, sent);
            parties.faults.heal();
        }

        assertThat(crashes).isEqualTo(STEPS + 4 * COMMITS);
        for (String text : sent) {
            assertThat(parties.store("bob").find(CHAT, text)).as(text).hasValue(text.getBytes(UTF_8));
        }
        try (var ids = parties.store("bob").ids(CHAT, "")) {
            assertThat(ids).hasSize(sent.size());
        }
        assertThat(parties.bob().inbox().pending()).isEmpty();
        assertThat(parties.alice().outbox().pending()).isEmpty();
    }

    /** Sends two messages until they are handled, and returns how many crashes it took. */
    private int converse(String label, List<String> sent) throws Exception {
        List<String> texts = List.of(label + ", first", label + ", second");
        sent.addAll(texts);
        int crashes = 0;
        while (true) {
            try {
                for (String text : texts) {
                    if (!isOnItsWay(text)) {
                        parties.alice().outbox().encrypt(text, BOB, text.getBytes(UTF_8));
                        step();
                    }
                }
                deliver();
                return crashes;
            } catch (Crash | CommitFailedException | CommitOutcomeUnknownException e) {
                crashes++;
                parties.goOnAfterKill();
            }
        }
    }

    /** Returns whether the sender's application knows that a message was sent. */
    private boolean isOnItsWay(String text) {
        return server.containsKey(text) || parties.store("bob").find(CHAT, text).isPresent();
    }

    private void deliver() throws Exception {
        Outbox outbox = parties.alice().outbox();
        for (StoredMessage message : outbox.pending()) {
            server.putIfAbsent(message.id(), message);
            step();
            outbox.confirm(message.id());
            step();
        }
        Inbox inbox = parties.bob().inbox();
        for (StoredMessage message : List.copyOf(server.values())) {
            try {
                inbox.receive(message.id(), ALICE, parsed(message));
            } catch (DuplicateMessageException e) {
                assertThat(parties.store("bob").find(CHAT, message.id())).isPresent();
            }
            step();
            server.remove(message.id());
            step();
        }
        for (StoredMessage message : inbox.pending()) {
            inbox.handle(message, tx -> {
                tx.insert(CHAT, message.id(), message.body());
                return true;
            });
            step();
        }
    }

    private void crashInCommit() {
        try {
            parties.copyFiles();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new Crash();
    }

    private static CiphertextMessage parsed(StoredMessage message) throws Exception {
        return message.type() == CiphertextMessage.PREKEY_TYPE
                ? new PreKeySignalMessage(message.body())
                : new SignalMessage(message.body());
    }

    private void step() {
        stepsUntilCrash--;
        if (stepsUntilCrash == 0) {
            throw new Crash();
        }
    }

    @Test
    @DisplayName("and is in the inbox and the outbox in order, until it is handled, confirmed or has expired")
    void inboxAndOutbox_expire() throws Exception {
        TestClock clock = new TestClock();
        AccountOptions options = AccountOptions.builder().clock(clock).build();
        SignalAccount alice = SignalAccount.openOrCreate(parties.store("alice"), options);
        SignalAccount bob = SignalAccount.openOrCreate(parties.store("bob"), options);
        alice.startSession(BOB, bob.newPreKeyBundle(1));
        for (String id : List.of("c", "a", "b")) {
            StoredMessage sealed = alice.outbox().encrypt(id, BOB, id.getBytes(UTF_8));
            assertThat(bob.inbox().receive(id, ALICE, parsed(sealed)))
                    .isEqualTo(id.equals("c") ? IdentityStatus.NEW : IdentityStatus.UNCHANGED);
            clock.advance(Duration.ofHours(1));
        }
        assertThat(alice.outbox().pending()).extracting(StoredMessage::id).containsExactly("c", "a", "b");
        assertThat(bob.inbox().pending()).extracting(StoredMessage::id).containsExactly("c", "a", "b");
        StoredMessage again = alice.outbox().encrypt("a", BOB, "other".getBytes(UTF_8));
        assertThat(again.body()).isEqualTo(alice.outbox().pending().get(1).body());
        assertThat(bob.inbox().receive("a", ALICE, parsed(again))).isEqualTo(IdentityStatus.UNCHANGED);
        assertThat(bob.inbox().pending().get(0).toString()).contains("alice.1").contains("1 bytes");

        StoredMessage first = bob.inbox().pending().get(0);
        assertThat(bob.inbox().handle(first, tx -> true)).isTrue();
        assertThat(bob.inbox().handle(first, tx -> true)).isFalse();
        assertThat(alice.outbox().confirm("c")).isTrue();
        assertThat(alice.outbox().confirm("c")).isFalse();
        assertThat(bob.inbox().expire(Duration.ofHours(2))).isOne();
        assertThat(alice.outbox().expire(Duration.ofHours(2))).isOne();
        assertThat(bob.inbox().expire(Duration.ofHours(2))).isZero();

        assertThat(bob.inbox().pending()).extracting(StoredMessage::id).containsExactly("b");
        assertThat(alice.outbox().pending()).extracting(StoredMessage::id).containsExactly("b");
    }

    @Test
    @DisplayName("and those of one millisecond stay in the order in which they were added, in one commit or several")
    void inboxAndOutbox_inOneMillisecond_keepTheOrder() {
        TestClock clock = new TestClock();
        AccountOptions options = AccountOptions.builder().clock(clock).build();
        SignalAccount alice = SignalAccount.openOrCreate(parties.store("alice"), options);
        for (List<String> ids : List.of(List.of("d", "b"), List.of("c", "a"))) {
            parties.store("alice").transaction("k", tx -> {
                for (String id : ids) {
                    alice.outbox().add(tx, id, BOB, CiphertextMessage.WHISPER_TYPE, new byte[1]);
                    alice.inbox().add(tx, id, BOB, new byte[1]);
                }
                return true;
            });
        }

        parties.reopen();
        SignalAccount reopened = SignalAccount.openOrCreate(parties.store("alice"), options);
        assertThat(reopened.outbox().pending()).extracting(StoredMessage::id).containsExactly("d", "b", "c", "a");
        assertThat(reopened.inbox().pending()).extracting(StoredMessage::id).containsExactly("d", "b", "c", "a");
        assertThat(reopened.outbox().pending().get(0).remote()).isEqualTo(BOB);
        assertThat(reopened.outbox().expire(Duration.ZERO)).isEqualTo(4);
    }

    @SuppressWarnings("serial")
    private static final class Crash extends RuntimeException {}
}
