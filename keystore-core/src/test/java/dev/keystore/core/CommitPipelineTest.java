package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.Updates;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.testkit.Call;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import dev.keystore.testkit.MemoryBackend;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CommitPipelineTest {

    private final Faults faults = new Faults();
    private final MemoryBackend memory = new MemoryBackend();
    private SignalKeyDatabase database;
    private SignalKeyStore alice;

    @BeforeEach
    void open() {
        open(SignalKeyDatabase.builder());
    }

    private void open(SignalKeyDatabase.Builder builder) {
        open(FaultyBackend.complete(memory.reopen(), faults), builder);
    }

    private void open(Backend backend, SignalKeyDatabase.Builder builder) {
        if (database != null) {
            faults.heal();
            database.close();
        }
        database = builder.backend(backend).open();
        alice = database.forContext("alice");
        faults.forgetCalls();
    }

    @AfterEach
    void close() {
        faults.heal();
        database.close();
    }

    private void put(String id, String value) {
        alice.put(KeyTypes.SESSION, id, value.getBytes(UTF_8));
    }

    private String session(String id) {
        return alice.find(KeyTypes.SESSION, id)
                .map(value -> new String(value, UTF_8))
                .orElse("absent");
    }

    /** Returns what the backend holds, read without the cache and without taking the context over. */
    private String persisted(String id) {
        try (SignalKeyDatabase others = SignalKeyDatabase.builder()
                .backend(FaultyBackend.plain(memory.reopen(), new Faults()))
                .open()) {
            return others.forContext("alice")
                    .find(KeyTypes.SESSION, id)
                    .map(value -> new String(value, UTF_8))
                    .orElse("absent");
        }
    }

    @Test
    @DisplayName("a commit without concurrent ones is written by its own thread, without a hand-over")
    void commit_oneThread_writesOnTheCallingThread() {
        for (int i = 0; i < 10; i++) {
            put("a", String.valueOf(i));
        }
        assertThat(faults.commitThreads()).hasSize(10).containsOnly(Thread.currentThread());
        assertThat(database.stats().largestGroup()).isEqualTo(1);
    }

    @Test
    @DisplayName("a commit without concurrent ones leaves no permit that would end the thread's next park at once")
    void commit_oneThread_leavesNoPermit() {
        LockSupport.parkNanos(1);
        put("a", "1");
        long startNanos = System.nanoTime();
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        assertThat(System.nanoTime() - startNanos).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(10));
    }

    @Test
    @DisplayName("commits that queue up during a write are written as one group, across contexts")
    void commit_manyWaiting_writtenAsOneGroup() throws Exception {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> first = Threads.run(() -> put("first", "1"));
        gate.awaitReached();
        List<Threads.Running<Boolean>> waiting = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            SignalKeyStore store = database.forContext("context-" + i % 4);
            String id = String.valueOf(i);
            waiting.add(Threads.run(() -> store.put(KeyTypes.SESSION, id, new byte[8]))
                    .awaitWaiting());
        }
        gate.open();
        first.result();
        for (Threads.Running<Boolean> one : waiting) {
            one.result();
        }
        assertThat(faults.groupSizes()).containsExactly(1, 20);
        assertThat(database.stats())
                .extracting(KeyStoreStats::commits, KeyStoreStats::writes, KeyStoreStats::largestGroup)
                .containsExactly(21L, 2L, 20L);
    }

    @Test
    @DisplayName("16 threads that commit to a slow backend need fewer than 0.2 writes per commit")
    void commit_sixteenThreads_sharesWrites() throws Exception {
        faults.on(Operation.COMMIT).forever().run(Moment.BEFORE, CommitPipelineTest::takeFiveMillis);
        Threads.together(16, number -> {
            for (int i = 0; i < 100; i++) {
                put("session-" + number, String.valueOf(i));
            }
            return number;
        });
        KeyStoreStats stats = database.stats();
        assertThat(stats.commits()).isEqualTo(1_600);
        assertThat((double) stats.writes() / stats.commits()).isLessThan(0.2);
    }

    private static void takeFiveMillis() {
        long endNanos = System.nanoTime() + 5_000_000;
        for (long left = 5_000_000; left > 0; left = endNanos - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    @Test
    @DisplayName("R40 a transient failure is retried, with 5 attempts in all, and then ends in CommitFailedException")
    void commit_transientFailure_retriedFiveTimes() {
        faults.on(Operation.COMMIT).times(4).fail(Moment.BEFORE, Kind.TRANSIENT);
        put("a", "1");
        assertThat(faults.count(Operation.COMMIT)).isEqualTo(5);
        assertThat(persisted("a")).isEqualTo("1");
        assertThat(database.stats().retries()).isEqualTo(4);

        open(SignalKeyDatabase.builder());
        faults.on(Operation.COMMIT).times(5).fail(Moment.BEFORE, Kind.TRANSIENT);
        assertThatThrownBy(() -> put("a", "2")).isInstanceOf(CommitFailedException.class);
        assertThat(faults.count(Operation.COMMIT)).isEqualTo(5);
        assertThat(database.stats().retries()).isEqualTo(4);
        assertThat(session("a")).isEqualTo("1");
    }

    @Test
    @DisplayName("R40 a failure that is not transient is not retried")
    void commit_permanentFailure_notRetried() {
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, Kind.PERMANENT);
        assertThatThrownBy(() -> put("a", "1"))
                .isInstanceOf(CommitFailedException.class)
                .hasMessageContaining("nothing was written");
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, () -> new IllegalArgumentException("not a BackendException"));
        assertThatThrownBy(() -> put("a", "1"))
                .isInstanceOf(CommitFailedException.class)
                .hasRootCauseInstanceOf(IllegalArgumentException.class);
        assertThat(faults.count(Operation.COMMIT)).isEqualTo(2);
        assertThat(session("a")).isEqualTo("absent");
    }

    @Test
    @DisplayName("R40 the first retry waits 20 ms, and each further one twice as long, plus or minus one half")
    void backoff_attempts_doubles() {
        for (int attempt = 1; attempt <= 5; attempt++) {
            long base = TimeUnit.MILLISECONDS.toNanos(20) << (attempt - 1);
            for (int i = 0; i < 100; i++) {
                assertThat(Backoff.nanos(TimeUnit.MILLISECONDS.toNanos(20), attempt))
                        .isBetween(base / 2, base * 3 / 2);
            }
        }
    }

    @Test
    @DisplayName("R40 the first retry waits as configured, up to a year, and later delays do not overflow")
    void backoff_longestDelay_isKept() {
        long year = TimeUnit.DAYS.toNanos(365);
        assertThat(Backoff.nanos(year, 1)).isBetween(year / 2, year * 3 / 2);
        for (int attempt = 2; attempt <= 100; attempt++) {
            assertThat(Backoff.nanos(year, attempt)).isGreaterThanOrEqualTo(year);
        }
    }

    @Test
    @DisplayName("R40 retries end with commitTimeout")
    void commit_transientFailureAlways_endsWithCommitTimeout() {
        open(SignalKeyDatabase.builder().commitTimeout(Duration.ofMillis(100)).retry(1_000_000, Duration.ofMillis(5)));
        faults.on(Operation.COMMIT).forever().fail(Moment.BEFORE, Kind.TRANSIENT);
        assertThatThrownBy(() -> put("a", "1"))
                .isInstanceOf(CommitFailedException.class)
                .hasMessageContaining("100 ms");
        assertThat(session("a")).isEqualTo("absent");
    }

    @Test
    @DisplayName("R40 while a commit is retried, cached reads continue, and other transactions run up to their commit")
    void commit_beingRetried_othersGoOn() throws Exception {
        put("a", "1");
        open(SignalKeyDatabase.builder().retry(2, Duration.ofSeconds(20)));
        assertThat(session("a")).isEqualTo("1");
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, Kind.TRANSIENT);
        Threads.Running<Boolean> retried = Threads.run(() -> put("a", "2"));
        while (faults.count(Operation.COMMIT) == 0) {
            Thread.onSpinWait();
        }
        retried.awaitWaiting();

        assertThat(session("a")).isEqualTo("1");
        CountDownLatch workDone = new CountDownLatch(1);
        Threads.Running<Boolean> other = Threads.run(() -> alice.useTransaction("other", tx -> {
            tx.put(KeyTypes.SESSION, "b", new byte[1]);
            workDone.countDown();
        }));
        assertThat(workDone.await(Threads.DEADLINE_SECONDS, TimeUnit.SECONDS)).isTrue();
        other.awaitWaiting();
        assertThat(faults.count(Operation.COMMIT)).isEqualTo(1);

        retried.thread().interrupt();
        assertThat(retried.failure()).isInstanceOf(OperationInterruptedException.class);
        other.result();
        assertThat(session("a")).isEqualTo("1");
        assertThat(session("b")).isNotEqualTo("absent");
    }

    @Test
    @DisplayName("R27 R40 when one context makes a group fail transiently, the commits of other contexts are "
            + "written after two attempts, including later ones, and the commits of that context keep their "
            + "order")
    void commit_oneContextOfAGroupFailsTransiently_othersGoFirst() throws Exception {
        open(SignalKeyDatabase.builder().retry(1_000, Duration.ofMillis(1)));
        SignalKeyStore bob = database.forContext("bob");
        SignalKeyStore carol = database.forContext("carol");
        faults.forgetCalls();
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> held = line.add(() -> put("held", "1"));
        Threads.Running<Boolean> sameEntry = line.add(() -> put("held", "2"));
        Threads.Running<Boolean> first = line.add(() -> bob.put(KeyTypes.SESSION, "b", new byte[1]));
        Threads.Running<Boolean> second = line.add(() -> carol.put(KeyTypes.SESSION, "c", new byte[1]));
        faults.on(Operation.COMMIT).of("session", "held").forever().fail(Moment.BEFORE, Kind.TRANSIENT);

        line.advance();

        assertThat(first.result()).isTrue();
        assertThat(second.result()).isTrue();
        assertThat(faults.calls(Operation.COMMIT).subList(1, 5))
                .extracting(Call::contexts)
                .containsExactly(List.of("alice", "bob", "carol"), List.of("alice"), List.of("bob"), List.of("carol"));
        Threads.Running<Boolean> late = Threads.run(() -> bob.put(KeyTypes.SESSION, "late", new byte[1]));
        assertThat(late.result()).isTrue();
        assertThat(held.task().isDone()).isFalse();
        faults.heal();
        held.result();
        sameEntry.result();
        assertThat(session("held")).isEqualTo("2");
        assertThat(persisted("held")).isEqualTo("2");
    }

    @Test
    @DisplayName("R41 when a group is refused, only the culprit fails")
    void commit_oneOfAGroupIsRefused_othersAreWritten() throws Exception {
        faults.on(Operation.COMMIT).of("session", "culprit").forever().fail(Moment.MIDWAY, Kind.PERMANENT);
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> first = Threads.run(() -> put("first", "1"));
        gate.awaitReached();
        Threads.Running<Boolean> good = Threads.run(() -> put("good", "1")).awaitWaiting();
        Threads.Running<Boolean> culprit =
                Threads.run(() -> put("culprit", "1")).awaitWaiting();
        Threads.Running<Boolean> late = Threads.run(() -> put("late", "1")).awaitWaiting();
        gate.open();

        first.result();
        good.result();
        late.result();
        assertThat(culprit.failure()).isInstanceOf(CommitFailedException.class);
        assertThat(List.of(session("good"), session("late"), session("culprit")))
                .containsExactly("1", "1", "absent");
        assertThat(List.of(persisted("good"), persisted("late"), persisted("culprit")))
                .containsExactly("1", "1", "absent");
    }

    @Test
    @DisplayName("R41 a commit that conflicts only with a refused commit of its group is written")
    void commit_metARefusedOneOfItsGroup_isNoConflict() throws Exception {
        put("a", "0");
        faults.on(Operation.COMMIT).of("session", "culprit").forever().fail(Moment.MIDWAY, Kind.PERMANENT);
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> first = Threads.run(() -> put("first", "1"));
        gate.awaitReached();
        Threads.Running<Boolean> culprit = Threads.run(() -> {
                    Updates both = new Updates();
                    both.put(KeyTypes.SESSION, "a", "never".getBytes(UTF_8));
                    both.put(KeyTypes.SESSION, "culprit", new byte[1]);
                    alice.set(both);
                })
                .awaitWaiting();
        Threads.Running<Boolean> reader = Threads.run(() -> alice.useTransaction("k", tx -> {
                    String before = new String(tx.find(KeyTypes.SESSION, "a").orElseThrow(), UTF_8);
                    tx.put(KeyTypes.SESSION, "a", (before + "+").getBytes(UTF_8));
                }))
                .awaitWaiting();
        gate.open();

        first.result();
        assertThat(culprit.failure()).isInstanceOf(CommitFailedException.class);
        reader.result();
        assertThat(session("a")).isEqualTo("0+");
        assertThat(persisted("a")).isEqualTo("0+");
    }

    @Test
    @DisplayName("R41 an unknown outcome is reported as unknown, and the next read asks the backend")
    void commit_outcomeUnknown_isReportedAndReadAgain() {
        for (Moment moment : List.of(Moment.BEFORE, Moment.AFTER)) {
            try (Fixture unowned = Fixture.of(Fixture.Kind.GROUPING)) {
                unowned.put("a", "before");
                unowned.faults.on(Operation.COMMIT).fail(moment, Kind.OUTCOME_UNKNOWN);
                unowned.faults.forgetCalls();
                assertThatThrownBy(() -> unowned.put("a", "after"))
                        .isInstanceOfSatisfying(
                                CommitOutcomeUnknownException.class,
                                unknown ->
                                        assertThat(unknown.entries().toString()).isEqualTo("[session/a]"));
                assertThat(unowned.faults.count(Operation.COMMIT)).isEqualTo(1);
                assertThat(unowned.find("a")).isEqualTo(moment == Moment.AFTER ? "after" : "before");
                assertThat(unowned.faults.loads("session", "a")).isEqualTo(1);
            }
        }
    }

    private SignalKeyStore reopened() {
        open(SignalKeyDatabase.builder());
        return alice;
    }

    @Test
    @DisplayName(
            "R31 R41 an error thrown by a backend without ownership is an unknown outcome, and the pipeline continues")
    void commit_backendThrowsError_isUnknownAndOthersGoOn() {
        try (Fixture unowned = Fixture.of(Fixture.Kind.GROUPING)) {
            unowned.faults.on(Operation.COMMIT).run(Moment.AFTER, CommitPipelineTest::overflow);
            assertThatThrownBy(() -> unowned.put("a", "1"))
                    .isInstanceOf(CommitOutcomeUnknownException.class)
                    .hasCauseInstanceOf(StackOverflowError.class);
            assertThat(unowned.find("a")).isEqualTo("1");
            unowned.put("a", "2");
            assertThat(unowned.find("a")).isEqualTo("2");
        }
    }

    private static void overflow() {
        throw new StackOverflowError("planted");
    }

    @Test
    @DisplayName("R31 R54 after an error thrown by a backend with ownership, the commit is sent again and written once")
    void commit_backendWithOwnershipThrowsError_isWrittenOnce() {
        for (Moment moment : List.of(Moment.BEFORE, Moment.AFTER)) {
            faults.on(Operation.COMMIT).run(moment, CommitPipelineTest::overflow);
            put("a", moment.name());
            assertThat(session("a")).isEqualTo(moment.name());
            assertThat(persisted("a")).isEqualTo(moment.name());
        }
        assertThat(database.stats().commits()).isEqualTo(2);
    }

    @Test
    @DisplayName("R31 R41 a backend with ownership that throws an error each time leaves the outcome "
            + "unknown, and others continue")
    void commit_backendWithOwnershipThrowsErrorsOnly_isUnknown() {
        open(SignalKeyDatabase.builder().retry(3, Duration.ofMillis(1)));
        faults.on(Operation.COMMIT).of("session", "a").forever().run(Moment.BEFORE, CommitPipelineTest::overflow);
        assertThatThrownBy(() -> put("a", "1")).isInstanceOf(CommitOutcomeUnknownException.class);
        put("b", "1");
        assertThat(persisted("b")).isEqualTo("1");
        assertThat(session("a")).isEqualTo("absent");
    }

    @Test
    @DisplayName("R31 a failure whose getMessage throws is handled like any other, and other commits continue")
    void commit_failureWithoutMessage_failsAlone() {
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, () -> new IllegalStateException() {
            private static final long serialVersionUID = 1L;

            @Override
            public String getMessage() {
                throw new IllegalArgumentException("planted");
            }
        });
        assertThatThrownBy(() -> put("a", "1")).isInstanceOf(CommitFailedException.class);
        put("a", "2");
        assertThat(session("a")).isEqualTo("2");
    }

    @Test
    @DisplayName("R3 R41 a failure that has no message is named by its class")
    void failure_withoutMessage_isNamedByItsClass() {
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, UnsupportedOperationException::new);
        assertThatThrownBy(() -> put("a", "1"))
                .isInstanceOf(CommitFailedException.class)
                .hasMessageEndingWith(": java.lang.UnsupportedOperationException");

        faults.on(Operation.LOAD).fail(Moment.BEFORE, UnsupportedOperationException::new);
        assertThatThrownBy(() -> session("b"))
                .isInstanceOf(LoadFailedException.class)
                .hasMessageEndingWith(": java.lang.UnsupportedOperationException");
    }

    @Test
    @DisplayName("R27 a commit that is still queued at commitTimeout fails, and nothing of it is written")
    void commit_waitsTooLong_failsUnwritten() throws Exception {
        open(SignalKeyDatabase.builder().commitTimeout(Duration.ofMillis(50)));
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> hanging = Threads.run(() -> put("a", "1"));
        gate.awaitReached();

        assertThatThrownBy(() -> put("b", "1"))
                .isInstanceOf(CommitFailedException.class)
                .hasMessageContaining("50 ms");

        gate.open();
        hanging.result();
        assertThat(persisted("b")).isEqualTo("absent");
        assertThat(persisted("a")).isEqualTo("1");
        alice = reopened();
        put("c", "1");
    }

    @Test
    @DisplayName("R27 a commit that the backend is still writing at commitTimeout has an unknown outcome")
    void commit_backendHangs_isUnknown() throws Exception {
        open(SignalKeyDatabase.builder().commitTimeout(Duration.ofSeconds(3)));
        Gate first = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Gate second = faults.on(Operation.COMMIT).nth(2).hold(Moment.BEFORE);
        Threads.Running<Boolean> before = Threads.run(() -> put("first", "1"));
        first.awaitReached();
        Threads.Running<Boolean> leader = Threads.run(() -> put("b", "1")).awaitWaiting();
        Threads.Running<Boolean> follower = Threads.run(() -> put("a", "1")).awaitWaiting();
        first.open();
        before.result();
        second.awaitReached();

        assertThat(follower.failure()).isInstanceOf(CommitOutcomeUnknownException.class);

        second.open();
        leader.result();
        assertThat(session("a")).isEqualTo("1");
        assertThat(persisted("a")).isEqualTo("1");
    }

    @Test
    @DisplayName("R27 an interrupt removes a waiting commit from the queue, and keeps the flag")
    void commit_interruptedInQueue_isWithdrawn() throws Exception {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> hanging = Threads.run(() -> put("a", "1"));
        gate.awaitReached();
        Threads.Running<Boolean> waiter = Threads.start(() -> {
            assertThatThrownBy(() -> put("b", "1"))
                    .isInstanceOf(OperationInterruptedException.class)
                    .hasMessageContaining("nothing was written");
            return Thread.currentThread().isInterrupted();
        });
        waiter.awaitWaiting().thread().interrupt();
        assertThat(waiter.result()).isTrue();

        gate.open();
        hanging.result();
        assertThat(persisted("b")).isEqualTo("absent");
        put("c", "1");
    }

    @Test
    @DisplayName("R27 a leader interrupted during the pause before a retry hands the other commits to another thread")
    void commit_leaderInterruptedWhileRetrying_othersAreWritten() throws Exception {
        open(SignalKeyDatabase.builder().retry(3, Duration.ofSeconds(20)));
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> first = Threads.run(() -> put("first", "1"));
        gate.awaitReached();
        Threads.Running<Boolean> leader = Threads.start(() -> {
                    assertThatThrownBy(() -> put("leader", "1")).isInstanceOf(OperationInterruptedException.class);
                    return Thread.currentThread().isInterrupted();
                })
                .awaitWaiting();
        Threads.Running<Boolean> follower =
                Threads.run(() -> put("follower", "1")).awaitWaiting();
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, Kind.TRANSIENT);
        gate.open();
        first.result();
        while (faults.count(Operation.COMMIT) < 2) {
            Thread.onSpinWait();
        }
        leader.awaitWaiting().thread().interrupt();

        assertThat(leader.result()).isTrue();
        assertThat(follower.result()).isTrue();
        assertThat(persisted("leader")).isEqualTo("absent");
        assertThat(persisted("follower")).isEqualTo("1");
    }

    @Test
    @DisplayName("R27 a follower interrupted between two attempts returns; the leader continues with the other commits")
    void commit_followerInterruptedWhileRetrying_isLetGo() throws Exception {
        open(SignalKeyDatabase.builder().retry(3, Duration.ofSeconds(20)));
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> first = Threads.run(() -> put("first", "1"));
        gate.awaitReached();
        Threads.Running<Boolean> leader = Threads.run(() -> put("leader", "1")).awaitWaiting();
        Threads.Running<Boolean> follower =
                Threads.run(() -> put("follower", "1")).awaitWaiting();
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, Kind.TRANSIENT);
        gate.open();
        first.result();
        while (faults.count(Operation.COMMIT) < 2) {
            Thread.onSpinWait();
        }
        leader.awaitWaiting();
        follower.thread().interrupt();
        assertThat(follower.failure()).isInstanceOf(OperationInterruptedException.class);

        leader.thread().interrupt();
        assertThat(leader.failure()).isInstanceOf(OperationInterruptedException.class);
        assertThat(faults.count(Operation.COMMIT)).isEqualTo(2);
    }

    @Test
    @DisplayName("R27 a thread that is already interrupted does not start a commit")
    void commit_interruptedBefore_doesNotBegin() throws Exception {
        Threads.Running<Boolean> interrupted = Threads.start(() -> {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> put("a", "1")).isInstanceOf(OperationInterruptedException.class);
            return Thread.currentThread().isInterrupted();
        });
        assertThat(interrupted.result()).isTrue();
        assertThat(faults.count(Operation.COMMIT)).isZero();
    }

    @Test
    @DisplayName("R27 an interrupt while the backend writes ends nothing: the true outcome is reported, "
            + "and the flag is kept")
    void commit_interruptedInBackend_isWritten() throws Exception {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> writer = Threads.start(() -> {
            put("a", "1");
            return Thread.currentThread().isInterrupted();
        });
        gate.awaitReached();
        writer.thread().interrupt();
        gate.open();
        assertThat(writer.result()).isTrue();
        assertThat(persisted("a")).isEqualTo("1");
    }

    @Test
    @DisplayName("R27 after an interrupt that ended a wait inside the backend, the commit is sent again")
    void commit_interruptEndsAWaitInBackend_isWritten() throws Exception {
        faults.on(Operation.COMMIT).run(Moment.BEFORE, () -> {
            Thread.currentThread().interrupt();
            throw new OperationInterruptedException("the writer");
        });
        Threads.Running<Boolean> writer = Threads.start(() -> {
            put("a", "1");
            return Thread.currentThread().isInterrupted();
        });
        assertThat(writer.result()).isTrue();
        assertThat(persisted("a")).isEqualTo("1");
        assertThat(database.stats().retries()).isZero();
    }

    @Test
    @DisplayName("R53 a second owner fences the first: its commit fails, nothing is written, its cache is dropped")
    void commit_contextTakenOver_ownershipLost() {
        put("a", "1");
        try (SignalKeyDatabase others =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            SignalKeyStore second = others.forContext("alice");
            second.put(KeyTypes.SESSION, "a", "theirs".getBytes(UTF_8));

            assertThatThrownBy(() -> put("a", "2"))
                    .isInstanceOf(OwnershipLostException.class)
                    .hasMessageContaining("alice");
            assertThat(session("a")).isEqualTo("theirs");
            second.put(KeyTypes.SESSION, "a", "theirs again".getBytes(UTF_8));
            assertThat(session("a")).isEqualTo("theirs again");
            assertThat(database.forContext("bob").find(KeyTypes.SESSION, "a")).isEmpty();
        }
        assertThat(database.forContext("alice")).isSameAs(alice);
        SignalKeyStore again = database.takeOver("alice");
        again.put(KeyTypes.SESSION, "a", "mine again".getBytes(UTF_8));
        assertThat(again.find(KeyTypes.SESSION, "a")).hasValue("mine again".getBytes(UTF_8));
    }
}
