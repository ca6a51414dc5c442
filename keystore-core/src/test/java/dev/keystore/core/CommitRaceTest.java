package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.TransactionConflictException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.testkit.Call;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The outcomes of a group's commits when some of them fail, time out, are interrupted or meet an error. */
@Timeout(60)
class CommitRaceTest extends OpenedDatabase {

    private static final Duration LONGEST = Duration.ofDays(365);

    /** Nothing stays in the cache, so the check of what a commit read must load from the backend. */
    private static SignalKeyDatabase.Builder withoutCache(SignalKeyDatabase.Builder builder) {
        return builder.maximumCacheBytes(0);
    }

    /** Commits {@code id} in a transaction that has read other entries. */
    private void putHavingRead(String id, String... read) {
        alice.useTransaction(id, tx -> {
            tx.get(KeyTypes.SESSION, List.of(read));
            tx.put(KeyTypes.SESSION, id, new byte[] {'1'});
        });
    }

    private List<String> persisted(List<String> ids) {
        return ids.stream().map(this::persisted).toList();
    }

    /** Returns how often the backend was called to write an entry. */
    private long tries(String id) {
        EntryId entry = new EntryId("session", id);
        return faults.calls(Operation.COMMIT).stream()
                .filter(call -> call.entries().contains(entry))
                .count();
    }

    @ParameterizedTest(name = "fails {0}")
    @EnumSource(names = {"BEFORE", "AFTER"})
    @DisplayName("R24 R41 a commit that failed its check in a group of unknown outcome is checked again: written, "
            + "or a conflict")
    void commit_refusedDuringAnUnknownOutcome_isCheckedAgain(Moment moment) throws Exception {
        open(UnaryOperator.identity());
        put("a", "0");
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> writer = line.add(() -> put("a", "1"));
        Threads.Running<Boolean> reader = line.add(() -> putHavingRead("read", "a"));
        faults.on(Operation.COMMIT).fail(moment, Kind.OUTCOME_UNKNOWN);
        line.advance();

        assertThat(writer.failure()).isInstanceOf(CommitOutcomeUnknownException.class);
        if (moment == Moment.BEFORE) {
            assertThat(reader.result()).isTrue();
            assertThat(persisted(List.of("a", "read"))).containsExactly("0", "1");
        } else {
            assertThat(reader.failure()).isInstanceOf(TransactionConflictException.class);
            assertThat(persisted(List.of("a", "read"))).containsExactly("1", "absent");
        }
        assertThat(session("a")).isEqualTo(persisted("a"));
    }

    @Test
    @DisplayName("R27 an interrupt of the leader during its check fails no other thread's commit, and the flag is kept")
    void commit_leaderInterruptedInItsCheck_othersAreWritten() throws Exception {
        open(CommitRaceTest::withoutCache);
        putBoth("a", "b", "0");
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> leader = line.addWatchingInterrupts(() -> put("leader", "1"));
        Threads.Running<Boolean> reader = line.add(() -> putHavingRead("read", "a", "b"));
        evict();
        Gate check = faults.on(Operation.LOAD).hold(Moment.BEFORE);
        faults.forgetCalls();
        line.advance();
        check.awaitReached();
        assertThat(faults.calls(Operation.LOAD)).extracting(Call::thread).containsExactly(leader.thread());
        leader.thread().interrupt();
        check.open();

        assertThat(reader.result()).isTrue();
        assertThat(leader.result()).as("the interrupt flag").isTrue();
        assertThat(persisted(List.of("leader", "read"))).containsExactly("1", "1");
    }

    @Test
    @DisplayName("R27 a follower interrupted while its commit is being written returns as soon as the backend does")
    void commit_followerInterruptedInBackend_returnsWithTheBackend() throws Exception {
        open(builder -> builder.commitTimeout(LONGEST));
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> leader = line.add(() -> put("leader", "1"));
        Threads.Running<Boolean> follower = line.addWatchingInterrupts(() -> put("follower", "1"));
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.AFTER);
        line.advance();
        gate.awaitReached();
        follower.thread().interrupt();
        Threads.awaitTrue("the interrupt is noted", () -> !follower.thread().isInterrupted());
        follower.awaitCommitting();
        gate.open();

        assertThat(follower.result()).as("the interrupt flag").isTrue();
        assertThat(leader.result()).isTrue();
        assertThat(persisted(List.of("leader", "follower"))).containsExactly("1", "1");
    }

    @Test
    @DisplayName("R27 R41 a commit that times out inside a refused group is reported as unwritten")
    void commit_waitsForItsTurnTooLong_isUnwritten() throws Exception {
        open(builder -> builder.commitTimeout(Duration.ofSeconds(2)));
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> hanging = line.add(() -> put("hanging", "1"));
        Threads.Running<Boolean> waiting = line.add(() -> put("waiting", "1"));
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, Kind.PERMANENT);
        Gate gate = faults.on(Operation.COMMIT).of("session", "hanging").nth(2).hold(Moment.BEFORE);
        line.advance();
        gate.awaitReached();

        assertThat(waiting.failure()).isInstanceOf(CommitFailedException.class).hasMessageContaining("2000 ms");
        gate.open();
        assertThat(hanging.result()).isTrue();
        put("last", "1");
        assertThat(faults.groupSizes()).containsExactly(1, 2, 1, 1);
        assertThat(persisted(List.of("hanging", "waiting"))).containsExactly("1", "absent");
    }

    @Test
    @DisplayName(
            "R27 R41 a commit that times out while its group is checked is reported as unwritten, and stays unwritten")
    void commit_groupIsCheckedTooLong_isUnwritten() throws Exception {
        open(builder -> withoutCache(builder).commitTimeout(Duration.ofSeconds(2)));
        put("a", "0");
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> leader = line.add(() -> putHavingRead("read", "a"));
        Threads.Running<Boolean> follower = line.add(() -> put("follower", "1"));
        evict();
        Gate check = faults.on(Operation.LOAD).hold(Moment.BEFORE);
        line.advance();
        check.awaitReached();

        assertThat(follower.failure()).isInstanceOf(CommitFailedException.class).hasMessageContaining("2000 ms");
        check.open();
        assertThat(leader.result()).isTrue();
        assertThat(persisted(List.of("read", "follower"))).containsExactly("1", "absent");
        assertThat(tries("follower")).isZero();
    }

    @Test
    @DisplayName("R24 R27 a commit that gives up between check and write is not written; its group is, without "
            + "conflicting with it")
    void commit_givesUpBetweenCheckAndWrite_isLeftOut() throws Exception {
        open(CommitRaceTest::withoutCache);
        putBoth("a", "b", "0");
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> leader = line.add(() -> put("leader", "1"));
        Threads.Running<Boolean> givingUp = line.add(() -> put("a", "never"));
        Threads.Running<Boolean> readerOfA = line.add(() -> putHavingRead("readA", "a"));
        Threads.Running<Boolean> readerOfB = line.add(() -> putHavingRead("readB", "b"));
        Gate check = giveUpDuringCheck(line, givingUp);
        check.open();

        assertThat(List.of(leader.result(), readerOfA.result(), readerOfB.result()))
                .containsOnly(true);
        assertThat(persisted(List.of("leader", "a", "readA", "readB"))).containsExactly("1", "0", "1", "1");
        assertThat(faults.groupSizes()).endsWith(1, 3);
        assertThat(faults.calls(Operation.COMMIT))
                .noneSatisfy(call -> assertThat(call.entries())
                        .contains(new EntryId("session", "a"), new EntryId("session", "leader")));
    }

    @Test
    @DisplayName("R27 R41 a commit that times out while its group is checked a second time is reported as unwritten")
    void commit_groupIsCheckedAgainTooLong_isUnwritten() throws Exception {
        open(builder -> withoutCache(builder).commitTimeout(Duration.ofSeconds(2)));
        put("b", "0");
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> leader = line.add(() -> put("leader", "1"));
        Threads.Running<Boolean> givingUp = line.add(() -> put("a", "never"));
        line.add(() -> putHavingRead("readB", "b"));
        Threads.Running<Boolean> follower = line.add(() -> put("follower", "1"));
        Gate check = giveUpDuringCheck(line, givingUp);
        Gate secondCheck = faults.on(Operation.LOAD).of("session", "b").hold(Moment.BEFORE);
        check.open();
        secondCheck.awaitReached();

        assertThat(follower.failure()).isInstanceOf(CommitFailedException.class).hasMessageContaining("2000 ms");
        secondCheck.open();
        assertThat(leader.result()).isTrue();
        assertThat(persisted(List.of("leader", "a", "follower"))).containsExactly("1", "absent", "absent");
        assertThat(tries("follower")).isZero();
    }

    /** Lets a commit give up while the check of its group loads "b", and returns the gate that holds that load. */
    private Gate giveUpDuringCheck(QueuedCommits line, Threads.Running<Boolean> givingUp) throws Exception {
        evict();
        Gate check = faults.on(Operation.LOAD).of("session", "b").hold(Moment.BEFORE);
        line.advance();
        check.awaitReached();
        givingUp.thread().interrupt();
        assertThat(givingUp.failure()).isInstanceOf(OperationInterruptedException.class);
        return check;
    }

    @Test
    @DisplayName("R40 a retry delay beyond commitTimeout fails the commit at commitTimeout, unwritten")
    void commit_retryDelayOfAYear_failsUnwritten() {
        open(builder -> builder.retry(5, LONGEST).commitTimeout(Duration.ofMillis(100)));
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, Kind.TRANSIENT);

        assertThatThrownBy(() -> put("a", "1"))
                .isInstanceOf(CommitFailedException.class)
                .hasMessageContaining("100 ms");
        assertThat(tries("a")).isEqualTo(1);
        assertThat(persisted("a")).isEqualTo("absent");
    }

    @Test
    @DisplayName("R40 R41 a commit of a refused group returns once it is written, while another one "
            + "still waits for its retry")
    void commit_anotherOfItsGroupIsRetried_returnsBefore() throws Exception {
        open(builder -> builder.retry(5, LONGEST));
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> written = line.add(() -> put("written", "1"));
        Threads.Running<Boolean> retried = line.add(() -> put("retried", "1"));
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, Kind.PERMANENT);
        faults.on(Operation.COMMIT).of("session", "retried").nth(2).fail(Moment.BEFORE, Kind.TRANSIENT);
        line.advance();

        assertThat(written.result()).isTrue();
        Threads.awaitTrue("it was tried alone", () -> tries("retried") == 2);
        retried.awaitCommitting().thread().interrupt();
        assertThat(retried.failure()).isInstanceOf(OperationInterruptedException.class);
        assertThat(persisted(List.of("written", "retried"))).containsExactly("1", "absent");
    }

    @Test
    @DisplayName("R27 a thread whose commit is written stops leading, and does not wait for the rest of its group")
    void commit_anotherOfItsGroupHangs_returns() throws Exception {
        open(UnaryOperator.identity());
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> written = line.add(() -> put("written", "1"));
        Threads.Running<Boolean> hanging = line.add(() -> put("hanging", "1"));
        faults.on(Operation.COMMIT).fail(Moment.BEFORE, Kind.PERMANENT);
        Gate gate = faults.on(Operation.COMMIT).of("session", "hanging").nth(2).hold(Moment.BEFORE);
        line.advance();
        gate.awaitReached();

        assertThat(written.result()).isTrue();
        gate.open();
        assertThat(hanging.result()).isTrue();
    }

    @ParameterizedTest(name = "{0} failures in a row")
    @CsvSource({"5, written", "6, failed"})
    @DisplayName("R40 each commit gets 5 attempts, whichever groups it is in")
    void commit_retriedInChangingGroups_hasAttemptsOfItsOwn(int failures, String later) throws Exception {
        open(builder -> builder.retry(5, Duration.ofMillis(1)));
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        faults.on(Operation.COMMIT).times(failures).fail(Moment.BEFORE, Kind.TRANSIENT);
        Threads.Running<Boolean> early = Threads.run(() -> put("early", "1"));
        gate.awaitReached();
        Threads.Running<Boolean> late = Threads.run(() -> put("late", "1")).awaitCommitting();
        gate.open();

        assertThat(early.failure()).isInstanceOf(CommitFailedException.class);
        if (later.equals("written")) {
            assertThat(late.result()).isTrue();
        } else {
            assertThat(late.failure()).isInstanceOf(CommitFailedException.class);
        }
        assertThat(faults.groupSizes()).containsExactly(1, 2, 2, 2, 2, 1);
        assertThat(List.of(tries("early"), tries("late"))).containsExactly(5L, 5L);
        assertThat(persisted(List.of("early", "late")))
                .containsExactly("absent", later.equals("written") ? "1" : "absent");
    }

    @ParameterizedTest(name = "groups of {0}, failing {1}")
    @CsvSource({"1024,", "4,", "4, TRANSIENT", "1024, PERMANENT", "3, PERMANENT"})
    @DisplayName("R54 the commits of a context reach the backend in queue order, with increasing sequence numbers")
    void commit_manyQueued_keepTheirOrder(int groupSize, Kind failure) throws Exception {
        open(builder -> builder.maximumGroupSize(groupSize).retry(5, Duration.ofMillis(1)));
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        List<String> queued = new ArrayList<>();
        List<Threads.Running<Boolean>> running = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            String id = "queued-" + i;
            queued.add(id);
            running.add(line.add(() -> put(id, "1")));
        }
        List<Call> failed = new ArrayList<>();
        if (failure != null) {
            faults.on(Operation.COMMIT).run(Moment.BEFORE, () -> failed.addAll(lastCall()));
            faults.on(Operation.COMMIT).fail(Moment.BEFORE, failure);
        }
        line.advance();
        for (Threads.Running<Boolean> one : running) {
            assertThat(one.result()).isTrue();
        }

        List<Batch> written = faults.calls(Operation.COMMIT).stream()
                .skip(1)
                .filter(call -> !failed.contains(call))
                .flatMap(call -> call.group().stream())
                .toList();
        assertThat(failed).hasSize(failure == null ? 0 : 1);
        assertThat(written.stream().map(CommitRaceTest::id)).containsExactlyElementsOf(queued);
        assertThat(written.stream().map(Batch::sequence)).isSorted().doesNotHaveDuplicates();
    }

    private List<Call> lastCall() {
        List<Call> calls = faults.calls(Operation.COMMIT);
        return calls.subList(calls.size() - 1, calls.size());
    }

    private static String id(Batch batch) {
        return ((Mutation.Put) batch.mutations().get(0)).id();
    }

    @ParameterizedTest(name = "leader {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("R30 an error thrown by a load while a commit is checked fails that commit, unwritten, and no other")
    void commit_errorInALoadOfItsCheck_othersGoOn(boolean leads) throws Exception {
        open(CommitRaceTest::withoutCache);
        put("a", "0");
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
        Threads.Running<Boolean> before = leads ? null : line.add(() -> put("before", "1"));
        Threads.Running<Boolean> failing = line.add(() -> putHavingRead("failing", "a"));
        Threads.Running<Boolean> after = line.add(() -> put("after", "1"));
        evict();
        faults.on(Operation.LOAD).run(Moment.BEFORE, () -> {
            throw new OutOfMemoryError("planted");
        });
        line.advance();

        assertThat(failing.failure())
                .isInstanceOf(CommitFailedException.class)
                .hasRootCauseInstanceOf(OutOfMemoryError.class);
        assertThat(after.result()).isTrue();
        assertThat(before == null || before.result()).isTrue();
        put("last", "1");
        assertThat(persisted(List.of("failing", "after", "last"))).containsExactly("absent", "1", "1");
    }

    @ParameterizedTest(name = "write: {0}")
    @CsvSource({"good,", "refused, PERMANENT", "tried again, TRANSIENT", "unknown, OUTCOME_UNKNOWN"})
    @DisplayName("R30 R41 wherever an error hits the leader, every commit reports its true outcome, and later "
            + "commits go through")
    void commit_errorAnywhereInTheLead_othersGoOn(String outcome, Kind failure) throws Exception {
        ComparedCodec codec = new ComparedCodec();
        open(builder -> builder.retry(5, Duration.ofMillis(1)));
        int errors = -1;
        for (boolean planted = true; planted; errors++) {
            int last = errors + 1;
            int value = last + 1;
            alice.put(codec.writing, "a", 0);
            alice.put(codec.writing, "b", 0);
            QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
            Threads.Running<Boolean> leader = line.add(() -> alice.useTransaction("k", tx -> {
                tx.find(codec.reading, "a");
                tx.put(codec.reading, "a", value);
                tx.put(codec.reading, "b", value);
                tx.delete(codec.reading, "c");
            }));
            Threads.Running<Boolean> follower = line.add(() -> put("follower", String.valueOf(value)));
            if (failure != null) {
                faults.on(Operation.COMMIT)
                        .fail(failure == Kind.OUTCOME_UNKNOWN ? Moment.AFTER : Moment.BEFORE, failure);
            }
            codec.watch(leader.thread(), comparison -> {
                if (comparison == last) {
                    throw new StackOverflowError("planted");
                }
            });
            line.advance();
            Throwable toldLeader = catchThrowable(leader::result);
            Throwable toldFollower = catchThrowable(follower::result);
            planted = codec.unwatch() > last;
            faults.heal();

            Threads.Running<Boolean> next = Threads.run(() -> put("next", String.valueOf(value)));
            assertThat(next.result()).isTrue();
            assertOutcome(toldLeader, persistedNumber(codec, "a") == value);
            assertOutcome(toldFollower, persisted("follower").equals(String.valueOf(value)));
            for (String id : List.of("a", "b")) {
                assertThat(alice.find(codec.writing, id))
                        .as("%s, error %d", id, last)
                        .hasValue(persistedNumber(codec, id));
            }
            assertThat(session("follower")).as("follower, error %d", last).isEqualTo(persisted("follower"));
            assertThat(session("next")).isEqualTo(String.valueOf(value));
        }
        assertThat(errors).as("errors").isGreaterThanOrEqualTo(3);
    }

    @ParameterizedTest(name = "clears {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("R30 R41 wherever an error hits a leader that displaced a load, the entry is read and written")
    void commit_errorAnywhereDuringALoad_readersGoOn(boolean clears) throws Exception {
        int errors = -1;
        for (boolean planted = true; planted; errors++) {
            int last = errors + 1;
            int value = last + 1;
            ComparedCodec codec = new ComparedCodec();
            open(UnaryOperator.identity());
            alice.put(codec.writing, "a", 0);
            open(CommitRaceTest::withoutCache);
            Gate load = faults.on(Operation.LOAD).of("compared", "a").hold(Moment.AFTER);
            QueuedCommits line = QueuedCommits.behind(faults, () -> put("first", "1"));
            Threads.Running<Boolean> leader = line.add(() -> alice.useTransaction("k", tx -> {
                if (clears) {
                    tx.clear();
                }
                tx.put(codec.writing, "a", value);
            }));
            Threads.Running<Integer> reader =
                    Threads.start(() -> alice.find(codec.reading, "a").orElseThrow());
            load.awaitReached();
            codec.watch(leader.thread(), comparison -> {
                if (comparison == last) {
                    throw new StackOverflowError("planted");
                }
            });
            line.advance();
            Throwable failure = catchThrowable(leader::result);
            planted = codec.unwatch() > last;
            load.open();

            int persisted = persistedNumber(codec, "a");
            assertOutcome(failure, persisted == value);
            assertThat(reader.result()).as("error %d", last).isEqualTo(persisted);
            evict();
            Threads.Running<Integer> later =
                    Threads.start(() -> alice.find(codec.writing, "a").orElseThrow());
            assertThat(later.result()).as("error %d", last).isEqualTo(persisted);
            Threads.Running<Boolean> next = Threads.run(() -> alice.put(codec.writing, "a", -1));
            assertThat(next.result()).isTrue();
            assertThat(alice.find(codec.writing, "a")).hasValue(-1);
        }
        assertThat(errors).as("errors").isGreaterThanOrEqualTo(2);
    }

    private static void assertOutcome(Throwable failure, boolean written) {
        if (failure == null) {
            assertThat(written).isTrue();
        } else if (failure instanceof CommitFailedException) {
            assertThat(written).isFalse();
        } else {
            assertThat(failure).isInstanceOf(CommitOutcomeUnknownException.class);
        }
    }

    private int persistedNumber(ComparedCodec codec, String id) {
        return memory.reopen()
                .load("alice", codec.writing.name(), id)
                .map(stored -> codec.decode(Envelope.open("alice", codec.writing.name(), id, stored)))
                .orElseThrow();
    }

    @Test
    @DisplayName("R3 a load that fails during a commit is not retried; the commit fails, unwritten")
    void delete_loadFailsTransiently_failsUnwritten() {
        open(UnaryOperator.identity());
        put("a", "1");
        open(UnaryOperator.identity());
        faults.on(Operation.LOAD).fail(Moment.BEFORE, Kind.TRANSIENT);

        assertThatThrownBy(() -> alice.delete(KeyTypes.SESSION, "a"))
                .isInstanceOf(CommitFailedException.class)
                .hasCauseInstanceOf(LoadFailedException.class);
        assertThat(faults.loads("session", "a")).isEqualTo(1);
        assertThat(faults.count(Operation.COMMIT)).isZero();
        assertThat(session("a")).isEqualTo("1");
    }
}
