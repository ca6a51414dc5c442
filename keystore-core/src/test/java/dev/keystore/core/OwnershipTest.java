package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.ContextOwnedException;
import dev.keystore.KeyTypes;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A context that another owner has taken over. */
@Timeout(60)
class OwnershipTest extends OpenedDatabase {

    private SignalKeyDatabase others;
    private SignalKeyStore theirs;

    @BeforeEach
    void loseAlice() {
        open(FaultyBackend.complete(memory.reopen(), faults), UnaryOperator.identity());
        put("a", "mine");
        others = SignalKeyDatabase.builder().backend(memory.reopen()).open();
        theirs = others.forContext("alice");
        theirs.put(KeyTypes.SESSION, "a", "theirs".getBytes(UTF_8));
        assertThatThrownBy(() -> put("a", "lost")).isInstanceOf(OwnershipLostException.class);
        faults.forgetCalls();
    }

    @AfterEach
    void closeOthers() {
        others.close();
    }

    private static void assertLost(ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOfSatisfying(OwnershipLostException.class, lost -> {
            assertThat(lost.context()).isEqualTo("alice");
        });
    }

    @Test
    @DisplayName("R53 on a lost context, transactions and writes are refused before the backend is called")
    void transaction_contextLost_isRefused() {
        assertLost(() -> alice.useTransaction("k", tx -> {
            throw new AssertionError("the work must not run");
        }));
        assertLost(() -> put("a", "lost"));
        assertLost(() -> alice.delete(KeyTypes.SESSION, "a"));
        assertLost(() -> alice.take(KeyTypes.SESSION, "a"));
        assertLost(alice::clear);

        assertThat(faults.count(Operation.COMMIT, Operation.LOAD)).isZero();
        assertThat(session("a")).isEqualTo("theirs");
        database.forContext("bob").put(KeyTypes.SESSION, "a", new byte[1]);
    }

    @Test
    @DisplayName("R53 a commit in a group with others is refused as lost, although what it read has changed as well")
    void commit_inAGroup_isRefusedAsLost() throws Exception {
        SignalKeyStore carol = database.forContext("carol");
        SignalKeyStore bob = database.forContext("bob");
        carol.put(KeyTypes.SESSION, "a", "mine".getBytes(UTF_8));
        QueuedCommits queued =
                QueuedCommits.behind(faults, () -> bob.put(KeyTypes.SESSION, "a", "first".getBytes(UTF_8)));
        Threads.Running<Boolean> lost = queued.add(() -> carol.useTransaction(
                "k",
                tx -> tx.put(
                        KeyTypes.SESSION, "b", tx.find(KeyTypes.SESSION, "a").orElseThrow())));
        Threads.Running<Boolean> other = queued.add(() -> bob.put(KeyTypes.SESSION, "a", "second".getBytes(UTF_8)));
        others.forContext("carol").put(KeyTypes.SESSION, "a", "theirs".getBytes(UTF_8));

        queued.advance();

        assertThat(lost.failure()).isInstanceOf(OwnershipLostException.class);
        other.result();
        assertThat(bob.find(KeyTypes.SESSION, "a")).contains("second".getBytes(UTF_8));
    }

    @Test
    @DisplayName("R53 forContext returns the store that lost its context, and does not take the context over again")
    void forContext_contextLost_doesNotTakeBack() {
        assertThat(database.forContext("alice")).isSameAs(alice);

        assertThat(faults.count(Operation.TAKE_OVER)).isZero();
        theirs.put(KeyTypes.SESSION, "a", "still theirs".getBytes(UTF_8));
        assertThat(session("a")).isEqualTo("still theirs");
    }

    @Test
    @DisplayName("R53 takeOver takes a lost context over again, and fences its present owner")
    void takeOver_contextLost_takesBack() {
        SignalKeyStore former = alice;
        alice = database.takeOver("alice");

        assertThat(database.forContext("alice")).isSameAs(alice).isNotSameAs(former);
        assertThat(session("a")).isEqualTo("theirs");
        put("a", "mine again");
        assertThat(session("a")).isEqualTo("mine again");
        assertThat(persisted("a")).isEqualTo("mine again");
        assertLost(() -> theirs.put(KeyTypes.SESSION, "a", new byte[1]));
        assertLost(() -> former.put(KeyTypes.SESSION, "a", new byte[1]));
        assertThat(former.find(KeyTypes.SESSION, "a")).hasValue("mine again".getBytes(UTF_8));
    }

    @Test
    @DisplayName("R53 a listener is called once per store that lost its context, before the exception, and may "
            + "take it over again")
    void onOwnershipLost_isCalledOnce() {
        List<String> reported = new CopyOnWriteArrayList<>();
        open(
                FaultyBackend.complete(memory.reopen(), faults),
                options -> options.onOwnershipLost(context -> {
                    reported.add(context + " on " + Thread.currentThread().getName());
                    database.takeOver(context);
                    throw new IllegalStateException("of the listener");
                }));
        theirs = others.takeOver("alice");

        assertThatThrownBy(() -> put("a", "lost"))
                .isInstanceOf(OwnershipLostException.class)
                .satisfies(lost -> assertThat(lost.getSuppressed())
                        .singleElement()
                        .extracting(Throwable::getMessage)
                        .isEqualTo("of the listener"));

        assertLost(() -> put("a", "lost"));
        assertThat(reported)
                .containsExactly("alice on " + Thread.currentThread().getName());
        alice = database.forContext("alice");
        put("a", "mine again");
        assertThat(persisted("a")).isEqualTo("mine again");
    }

    @Test
    @DisplayName(
            "R53 with refuseOwned, opening a context fails while its owner is alive, and the message names the owner")
    void forContext_refuseOwned_failsWhileTheOwnerIsAlive() {
        try (SignalKeyDatabase polite = SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .refuseOwned()
                .open()) {
            assertThatThrownBy(() -> polite.forContext("alice"))
                    .isInstanceOfSatisfying(ContextOwnedException.class, owned -> {
                        assertThat(owned.context()).isEqualTo("alice");
                        assertThat(owned.process())
                                .isEqualTo(Long.toString(ProcessHandle.current().pid()));
                    });
            theirs.put(KeyTypes.SESSION, "a", "still theirs".getBytes(UTF_8));

            others.close();
            polite.forContext("alice").put(KeyTypes.SESSION, "a", "ours".getBytes(UTF_8));
            assertThat(persisted("a")).isEqualTo("ours");
        }
        try (SignalKeyDatabase polite = SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .refuseOwned()
                .open()) {
            alice = database.takeOver("alice");
            polite.takeOver("alice").put(KeyTypes.SESSION, "a", "taken".getBytes(UTF_8));
            assertLost(() -> put("a", "lost"));
        }
    }

    @Test
    @DisplayName("R52 a takeover that hangs does not block the opening of other contexts")
    void forContext_duringATakeoverThatHangs_opens() throws Exception {
        Gate gate = faults.on(Operation.TAKE_OVER).inContext("slow").hold(Moment.BEFORE);
        Threads.Running<SignalKeyStore> slow = Threads.start(() -> database.forContext("slow"));
        gate.awaitReached();

        for (int i = 0; i < 100; i++) {
            database.forContext("quick" + i);
        }
        gate.open();
        assertThat(slow.result()).isSameAs(database.forContext("slow"));
    }

    private void openRetrying(int attempts, Duration delay, Duration commitTimeout) {
        open(
                FaultyBackend.complete(memory.reopen(), faults),
                options -> options.retry(attempts, delay).commitTimeout(commitTimeout));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @DisplayName("R40 R53 a takeover that fails transiently is retried, with 5 attempts in all, in "
            + "forContext and in takeOver")
    void takeOver_failsTransiently_isRetried(boolean again) {
        openRetrying(5, Duration.ofMillis(1), Duration.ofSeconds(30));
        faults.on(Operation.TAKE_OVER).times(4).fail(Moment.BEFORE, Kind.TRANSIENT);

        SignalKeyStore bob = takeOver("bob", again);

        assertThat(faults.count(Operation.TAKE_OVER)).isEqualTo(5);
        bob.put(KeyTypes.SESSION, "a", new byte[1]);
        faults.forgetCalls();
        faults.on(Operation.TAKE_OVER).times(5).fail(Moment.BEFORE, Kind.TRANSIENT);
        assertThatThrownBy(() -> takeOver("carol", again))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageStartingWith("Could not take over context \"carol\": ")
                .hasCauseInstanceOf(BackendException.class);
        assertThat(faults.count(Operation.TAKE_OVER)).isEqualTo(5);
        assertThat(takeOver("carol", again)).isNotNull();
    }

    @Test
    @DisplayName("R41 a takeover of several contexts that fails says how many they are, and names the first")
    void takeOver_severalContextsFail_namesFirst() {
        openRetrying(1, Duration.ofMillis(1), Duration.ofSeconds(30));
        Engine engine = database.engine();
        faults.on(Operation.TAKE_OVER).fail(Moment.BEFORE, Kind.PERMANENT);

        assertThatThrownBy(() -> engine.takeovers.epochs(List.of("bob", "carol"), false, engine.attempts()))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageStartingWith("Could not take over 2 contexts, the first of which is \"bob\": ");
    }

    private SignalKeyStore takeOver(String context, boolean again) {
        return again ? database.takeOver(context) : database.forContext(context);
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"PERMANENT", "OUTCOME_UNKNOWN"})
    @DisplayName("R40 R53 a takeover that fails permanently is not retried")
    void takeOver_failsOtherwise_isNotRetried(Kind kind) {
        openRetrying(5, Duration.ofMillis(1), Duration.ofSeconds(30));
        faults.on(Operation.TAKE_OVER).fail(Moment.BEFORE, kind);

        assertThatThrownBy(() -> database.forContext("bob")).isInstanceOf(StoreOpenException.class);
        assertThat(faults.count(Operation.TAKE_OVER)).isEqualTo(1);
    }

    @Test
    @DisplayName("R27 R40 a takeover is not retried beyond commitTimeout")
    void takeOver_failsForLong_endsAtTheDeadline() {
        openRetrying(Integer.MAX_VALUE, Duration.ofMillis(1), Duration.ofSeconds(2));
        faults.on(Operation.TAKE_OVER).forever().fail(Moment.BEFORE, Kind.TRANSIENT);

        assertThatThrownBy(() -> database.forContext("bob")).isInstanceOf(StoreOpenException.class);
        assertThat(faults.count(Operation.TAKE_OVER)).isGreaterThan(1);
    }

    @Test
    @DisplayName("R27 R40 an interrupt ends the pause before a retry and the wait for another thread's takeover, "
            + "and keeps the flag")
    void takeOver_interruptedBetweenTries_ends() throws Exception {
        openRetrying(5, Duration.ofHours(1), Duration.ofDays(1));
        faults.on(Operation.TAKE_OVER).fail(Moment.BEFORE, Kind.TRANSIENT);
        Threads.Running<Boolean> trying = Threads.run(() -> openBobInterrupted("the former owner may have lost it"));
        Threads.awaitTrue("a first try", () -> faults.count(Operation.TAKE_OVER) == 1);
        Threads.Running<Boolean> waiting =
                Threads.run(() -> openBobInterrupted("another thread to open")).awaitWaiting();

        waiting.thread().interrupt();
        waiting.result();
        trying.thread().interrupt();
        trying.result();

        assertThat(database.forContext("bob")).isNotNull();
    }

    private void openBobInterrupted(String message) {
        assertThatThrownBy(() -> database.forContext("bob"))
                .isInstanceOf(OperationInterruptedException.class)
                .hasMessageContaining(message);
        assertThat(Thread.currentThread().isInterrupted()).isTrue();
    }

    @Test
    @DisplayName("R27 opening a context that another thread is opening waits no longer than commitTimeout")
    void forContext_duringATakeoverThatHangs_endsAtTheDeadline() throws Exception {
        openRetrying(5, Duration.ofMillis(1), Duration.ofMillis(100));
        Gate gate = faults.on(Operation.TAKE_OVER).hold(Moment.BEFORE);
        Threads.Running<SignalKeyStore> slow = Threads.start(() -> database.forContext("bob"));
        gate.awaitReached();

        assertThatThrownBy(() -> database.forContext("bob"))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("another thread");
        gate.open();
        assertThat(slow.result()).isSameAs(database.forContext("bob"));
    }

    @Test
    @DisplayName("R31 a takeover that begins near the end of the stack fails before it calls the backend, or succeeds")
    void takeOver_littleStack_isNotInterruptedInTheBackend() throws Exception {
        AtomicInteger begun = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        faults.on(Operation.TAKE_OVER).forever().run(Moment.BEFORE, () -> {
            begun.incrementAndGet();
            nest(20);
            ended.incrementAndGet();
        });
        AtomicInteger overflows = new AtomicInteger();
        Thread deep = new Thread(null, () -> takeOverAtEachDepth(overflows), "deep", 256 * 1024);
        deep.start();
        deep.join();

        assertThat(overflows).as("takeovers without enough stack").hasPositiveValue();
        assertThat(begun).as("takeovers with enough stack").hasPositiveValue();
        assertThat(ended).as("takeovers that the backend ended").hasValue(begun.get());
    }

    /** Takes over at each depth of the stack, from the deepest to the highest. */
    @SuppressWarnings("InfiniteRecursion") // it is meant to end with the stack
    private void takeOverAtEachDepth(AtomicInteger overflows) {
        try {
            takeOverAtEachDepth(overflows);
        } catch (StackOverflowError e) {
            // The end of the stack.
        }
        try {
            database.takeOver("alice");
        } catch (StackOverflowError e) {
            overflows.incrementAndGet();
        }
    }

    private static int nest(int calls) {
        return calls == 0 ? 0 : 1 + nest(calls - 1);
    }
}
