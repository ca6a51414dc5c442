package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyTypes;
import dev.keystore.RollbackFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.Updates;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class RollbackTest {

    private static final List<String> IDS = List.of("1", "2", "3", "4", "5");

    private static final Duration RETRY_DELAY = Duration.ofMillis(4);

    private final Faults faults = new Faults();
    private final MemoryBackend memory = new MemoryBackend();
    private SignalKeyDatabase database;
    private SignalKeyStore alice;

    private void open(ContextAwareBackend backend) {
        database = SignalKeyDatabase.builder()
                .backend(backend)
                .retry(3, RETRY_DELAY)
                .open();
        alice = database.forContext("alice");
        Updates before = new Updates();
        before.put(KeyTypes.SESSION, "1", bytes("before 1"));
        before.put(KeyTypes.SESSION, "2", bytes("before 2"));
        before.put(KeyTypes.SESSION, "5", bytes("before 5"));
        alice.set(before);
        faults.forgetCalls();
    }

    @AfterEach
    void close() {
        database.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    /** Five entries: two overwritten, two new, one deleted. */
    private void commitFive() {
        Updates updates = new Updates();
        updates.put(KeyTypes.SESSION, "1", bytes("after 1"));
        updates.put(KeyTypes.SESSION, "2", bytes("after 2"));
        updates.put(KeyTypes.SESSION, "3", bytes("after 3"));
        updates.put(KeyTypes.SESSION, "4", bytes("after 4"));
        updates.delete(KeyTypes.SESSION, "5");
        alice.set(updates);
    }

    private static final Map<String, String> BEFORE = Map.of("1", "before 1", "2", "before 2", "5", "before 5");
    private static final Map<String, String> AFTER =
            Map.of("1", "after 1", "2", "after 2", "3", "after 3", "4", "after 4");

    private Map<String, String> read(SignalKeyStore store) {
        Map<String, String> read = new LinkedHashMap<>();
        store.get(KeyTypes.SESSION, IDS).forEach((id, value) -> read.put(id, new String(value, UTF_8)));
        return read;
    }

    private Map<String, String> persisted() {
        try (SignalKeyDatabase others = SignalKeyDatabase.builder()
                .backend(FaultyBackend.plain(memory.reopen(), new Faults()))
                .open()) {
            return read(others.forContext("alice"));
        }
    }

    static List<Arguments> failuresOfThePlainBackend() {
        List<Arguments> failures = new ArrayList<>();
        for (int n = 1; n <= 5; n++) {
            for (Moment moment : Moment.values()) {
                for (Kind kind : Kind.values()) {
                    failures.add(Arguments.of(n, moment, kind));
                }
            }
        }
        return failures;
    }

    @ParameterizedTest(name = "R42 write {0} of 5 fails {1}, {2}")
    @MethodSource("failuresOfThePlainBackend")
    @DisplayName("R13 R41 R42 without atomic commits: reads, cache and backend agree after any failed write")
    void commit_nthWriteFails_isRolledBack(int n, Moment moment, Kind kind) {
        open(FaultyBackend.plain(memory, faults));
        // A transient failure is retried, so three successive failures of the same write are needed to fail the commit.
        faults.on(Operation.SAVE, Operation.DELETE)
                .of("session", IDS.get(n - 1))
                .times(1)
                .fail(moment, kind);

        KeyStoreException failure = (KeyStoreException) catchThrowable(this::commitFive);

        faults.heal();
        if (kind == Kind.TRANSIENT) {
            assertThat(failure).isNull();
            assertThat(persisted()).isEqualTo(AFTER);
        } else {
            assertThat(failure).isInstanceOf(CommitFailedException.class);
            assertThat(persisted()).isEqualTo(BEFORE);
        }
        assertThat(read(alice)).isEqualTo(persisted());
    }

    @ParameterizedTest(name = "R41 write {0} of 5 fails {1}, {2}, and every write after it")
    @MethodSource("failuresOfThePlainBackend")
    @DisplayName("R41 R42 if the rollback fails too, the exception lists exactly the entries in doubt")
    void commit_nthWriteAndRollbackFail_listsWhatIsInDoubt(int n, Moment moment, Kind kind) {
        open(FaultyBackend.plain(memory, faults));
        faults.on(Operation.SAVE, Operation.DELETE).nth(n).forever().fail(moment, kind);

        KeyStoreException failure = (KeyStoreException) catchThrowable(this::commitFive);

        faults.heal();
        Map<String, String> persisted;
        try {
            persisted = persisted();
        } catch (KeyStoreException torn) {
            assertThat(moment).isEqualTo(Moment.MIDWAY);
            assertThat(failure).isInstanceOf(RollbackFailedException.class);
            return;
        }
        assertThat(read(alice)).isEqualTo(persisted);
        if (failure instanceof RollbackFailedException rollback) {
            List<EntryId> changed = new ArrayList<>();
            for (String id : IDS) {
                if (!Objects.equals(persisted.get(id), BEFORE.get(id))) {
                    changed.add(new EntryId("session", id));
                }
            }
            assertThat(rollback.entries()).containsAll(changed);
            assertThat(rollback.getCause()).isNotNull();
            assertThat(rollback.getSuppressed()).hasSize(1);
        } else {
            assertThat(failure).isInstanceOf(CommitFailedException.class);
            assertThat(persisted).isEqualTo(BEFORE);
        }
    }

    static List<Arguments> failuresOfAtomicBackends() {
        List<Arguments> failures = new ArrayList<>();
        for (boolean grouping : List.of(true, false)) {
            for (Moment moment : Moment.values()) {
                for (Kind kind : List.of(Kind.PERMANENT, Kind.OUTCOME_UNKNOWN)) {
                    if (moment != Moment.AFTER || kind == Kind.OUTCOME_UNKNOWN) {
                        failures.add(Arguments.of(grouping, moment, kind));
                    }
                }
            }
        }
        return failures;
    }

    @ParameterizedTest(name = "R12 groups {0}: commit fails {1}, {2}")
    @MethodSource("failuresOfAtomicBackends")
    @DisplayName("R12 R13 R41 with atomic commits: reads, cache and backend agree after a failed commit")
    void commit_atomicBackendFails_agrees(boolean grouping, Moment moment, Kind kind) {
        open(grouping ? FaultyBackend.grouping(memory, faults) : FaultyBackend.atomic(memory, faults));
        faults.on(Operation.COMMIT).fail(moment, kind);

        Throwable failure = catchThrowable(this::commitFive);

        faults.heal();
        assertThat(failure)
                .isInstanceOf(
                        kind == Kind.PERMANENT ? CommitFailedException.class : CommitOutcomeUnknownException.class);
        assertThat(persisted()).isEqualTo(moment == Moment.AFTER ? AFTER : BEFORE);
        assertThat(read(alice)).isEqualTo(persisted());
        assertThat(faults.count(Operation.SAVE, Operation.DELETE)).isZero();
    }

    @Test
    @DisplayName("R42 the previous values are read before the first write, and a failing read aborts the commit")
    void commit_previousValueUnreadable_writesNothing() {
        open(FaultyBackend.plain(memory, faults));
        faults.on(Operation.LOAD).of("session", "4").forever().fail(Moment.BEFORE, Kind.PERMANENT);

        assertThatThrownBy(this::commitFive).isInstanceOf(CommitFailedException.class);

        assertThat(faults.count(Operation.SAVE, Operation.DELETE)).isZero();
        faults.heal();
        assertThat(read(alice)).isEqualTo(BEFORE).isEqualTo(persisted());
    }

    @Test
    @DisplayName("R42 rollback never deletes what it could not read")
    void commit_rollbackCannotRead_restoresInsteadOfDeleting() {
        open(FaultyBackend.plain(memory, faults));
        faults.on(Operation.SAVE).of("session", "3").run(Moment.BEFORE, () -> {
            faults.on(Operation.LOAD).times(3).fail(Moment.BEFORE, Kind.PERMANENT);
            throw new IllegalStateException("planted");
        });

        assertThatThrownBy(this::commitFive).isInstanceOf(CommitFailedException.class);

        faults.heal();
        assertThat(persisted()).isEqualTo(BEFORE);
        assertThat(read(alice)).isEqualTo(BEFORE);
    }

    @Test
    @DisplayName("R17 R42 without atomic commits, a clear that fails halfway is rolled back")
    void clear_failsHalfway_isRolledBack() {
        open(FaultyBackend.plain(memory, faults));
        alice.saveCredentials(bytes("credentials"));
        faults.on(Operation.DELETE).nth(2).fail(Moment.BEFORE, Kind.PERMANENT);

        assertThatThrownBy(alice::clear).isInstanceOf(CommitFailedException.class);
        assertThat(persisted()).isEqualTo(BEFORE);
        assertThat(read(alice)).isEqualTo(BEFORE);

        alice.clear();
        assertThat(persisted()).isEmpty();
        assertThat(read(alice)).isEmpty();
        assertThat(alice.credentials()).hasValue(bytes("credentials"));
    }

    @Test
    @DisplayName("R41 without atomic commits, a commit that an error ends halfway is rolled back")
    void commit_errorHalfway_isRolledBack() {
        open(FaultyBackend.plain(memory, faults));
        faults.on(Operation.SAVE).nth(3).run(Moment.BEFORE, () -> {
            throw new OutOfMemoryError("planted");
        });
        assertThatThrownBy(this::commitFive)
                .isInstanceOf(CommitFailedException.class)
                .hasRootCauseInstanceOf(OutOfMemoryError.class);
        assertThat(persisted()).isEqualTo(BEFORE);
        assertThat(read(alice)).isEqualTo(BEFORE);
    }

    @Test
    @DisplayName("R41 R42 an error while the previous values are read fails the commit, with nothing written")
    void commit_errorReadingPreviousValues_writesNothing() {
        open(FaultyBackend.plain(memory, faults));
        faults.on(Operation.LOAD).of("session", "2").run(Moment.BEFORE, () -> {
            throw new AssertionError("planted");
        });
        assertThatThrownBy(this::commitFive)
                .isInstanceOf(CommitFailedException.class)
                .hasRootCauseInstanceOf(AssertionError.class);
        assertThat(faults.count(Operation.SAVE, Operation.DELETE)).isZero();
        assertThat(persisted()).isEqualTo(BEFORE);
        assertThat(read(alice)).isEqualTo(BEFORE);
    }

    @Test
    @DisplayName(
            "R42 an interrupt does not shorten the waits of a rollback, which restores everything and keeps the flag")
    void commit_interruptedBeforeRollback_isRolledBack() throws Exception {
        open(FaultyBackend.plain(memory, faults));
        List<Long> tries = new ArrayList<>();
        faults.on(Operation.SAVE).of("session", "2").run(Moment.BEFORE, () -> {
            Thread.currentThread().interrupt();
            throw BackendException.permanent("planted", null);
        });
        faults.on(Operation.SAVE).of("session", "1").nth(2).times(2).run(Moment.BEFORE, () -> {
            tries.add(System.nanoTime());
            throw BackendException.transientFailure("planted", null);
        });
        Threads.Running<Boolean> writer = Threads.start(() -> {
            assertThatThrownBy(this::commitFive).isInstanceOf(CommitFailedException.class);
            tries.add(System.nanoTime());
            return Thread.currentThread().isInterrupted();
        });

        assertThat(writer.result()).as("the interrupt flag").isTrue();
        assertThat(tries).hasSize(3);
        long shortest = RETRY_DELAY.toNanos() / 2;
        assertThat(tries.get(1) - tries.get(0)).isGreaterThanOrEqualTo(shortest);
        assertThat(tries.get(2) - tries.get(1)).isGreaterThanOrEqualTo(2 * shortest);
        assertThat(persisted()).isEqualTo(BEFORE);
        assertThat(read(alice)).isEqualTo(BEFORE);
    }

    @Test
    @DisplayName("R41 an entry cleared and rewritten by one commit is in doubt between its old and its new value only")
    void commit_clearsAndWritesOneEntry_doesNotLoseItInBetween() {
        open(FaultyBackend.plain((ContextAwareBackend) memory, faults));
        faults.on(Operation.SAVE).forever().fail(Moment.BEFORE, Kind.PERMANENT);

        Throwable failure = catchThrowable(() -> alice.useTransaction("lock", tx -> {
            tx.clear();
            tx.put(KeyTypes.SESSION, "1", bytes("after 1"));
        }));

        assertThat(failure).isInstanceOf(KeyStoreException.class);
        assertThat(alice.find(KeyTypes.SESSION, "1"))
                .hasValueSatisfying(value -> assertThat(value).isEqualTo(bytes("before 1")));
    }
}
