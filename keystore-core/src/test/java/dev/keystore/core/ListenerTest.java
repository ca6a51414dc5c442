package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.keystore.CommitFailedException;
import dev.keystore.ContextMovedException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.IncompleteVerificationException;
import dev.keystore.KeyOperations.OnExisting;
import dev.keystore.KeyReader;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.LockTimeoutException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionConflictException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.core.FlightEvents.Phase;
import dev.keystore.core.Rewrite.RecordChange;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.StoreSealing;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.MemoryBackend;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is reported to listeners. Without the standby, all of it is reported before a call returns. */
@Timeout(60)
class ListenerTest {

    private static final String WRITTEN_ALONE = "group of 1, sent 1 times: WRITTEN";

    private static final WriteOutcome WRITTEN = new WriteOutcome.Written();

    private final RecordedEvents events = new RecordedEvents();
    private final List<Fixture> opened = new ArrayList<>();

    private Fixture open() {
        return opened(
                Fixture.of(Kind.COMPLETE, options -> options.listener(events).withoutStandby()));
    }

    private Fixture opened(Fixture fixture) {
        opened.add(fixture);
        events.take();
        return fixture;
    }

    @AfterEach
    void close() {
        opened.forEach(Fixture::close);
    }

    @Test
    @DisplayName("R100 a read that misses is reported as one load, a cached one is not")
    void find_missing_reportsTheLoadOnce() {
        Fixture fixture = open();

        fixture.find("a");
        fixture.find("a");
        assertThat(events.take()).containsExactly("load of 1: SUCCESS");

        fixture.alice.get(KeyTypes.SESSION, List.of("a", "b", "c"));
        fixture.alice.get(KeyTypes.SESSION, List.of("a", "b", "c"));
        assertThat(events.take()).containsExactly("load of 2: SUCCESS");
    }

    @Test
    @DisplayName("R100 cached reads are counted, of single ids and of several, once for each id in a transaction")
    void cachedReads_areCounted() {
        Fixture fixture = open();
        assertThat(events.cachedReads()).containsExactly(0L);

        fixture.find("a");
        assertThat(events.cachedReads()).containsExactly(0L);
        fixture.find("a");
        assertThat(events.cachedReads()).containsExactly(1L);

        fixture.alice.get(KeyTypes.SESSION, List.of("a", "b", "c"));
        assertThat(events.cachedReads()).containsExactly(2L);
        fixture.alice.get(KeyTypes.SESSION, List.of("a", "b", "c"));
        assertThat(events.cachedReads()).containsExactly(5L);

        fixture.alice.useTransaction("k", tx -> {
            tx.find(KeyTypes.SESSION, "a");
            tx.find(KeyTypes.SESSION, "a");
            tx.get(KeyTypes.SESSION, List.of("a", "b", "d"));
        });
        assertThat(events.cachedReads()).containsExactly(7L);
        fixture.database.close();
        assertThat(events.cachedReads()).containsExactly(7L);
    }

    @Test
    @DisplayName(
            "R100 a write counts as a read of the cache only if it reads: a take does, a delete does not, loads apart")
    void cachedReads_ofWrites_areCountedIfTheyRead() {
        Fixture fixture = open();
        fixture.put("a", "1");
        fixture.alice.delete(KeyTypes.SESSION, "a");
        assertThat(events.take()).noneMatch(event -> event.startsWith("load"));
        fixture.alice.delete(KeyTypes.SESSION, "uncached");
        assertThat(events.take()).contains("load of 1: SUCCESS");
        fixture.alice.useTransaction("k", tx -> tx.delete(KeyTypes.SESSION, "a"));
        assertThat(events.cachedReads()).containsExactly(0L);

        fixture.put("a", "2");
        assertThat(fixture.alice.take(KeyTypes.SESSION, "a")).isPresent();
        assertThat(events.cachedReads()).containsExactly(1L);
    }

    @Test
    @DisplayName("R100 a failed load is reported as failed")
    void find_backendFails_reportsAFailedLoad() {
        Fixture fixture = open();
        fixture.faults.on(Operation.LOAD).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

        assertThatThrownBy(() -> fixture.find("a")).isInstanceOf(LoadFailedException.class);

        assertThat(events.take()).containsExactly("load of 1: FAILURE");
    }

    @Test
    @DisplayName("R100 a single write is reported as a group and a commit")
    void put_reportsGroupAndCommit() {
        Fixture fixture = open();

        fixture.put("a", "1");

        assertThat(events.take()).containsExactly(WRITTEN_ALONE, "commit: WRITTEN");
    }

    @Test
    @DisplayName("R100 a write that is retried is reported for each attempt, its commit once")
    void put_transientFailure_reportsBothWrites() {
        Fixture fixture = open();
        fixture.faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);

        fixture.put("a", "1");

        assertThat(events.take())
                .containsExactly("group of 1, sent 1 times: RETRIED", WRITTEN_ALONE, "commit: WRITTEN");
    }

    @Test
    @DisplayName("R100 a write whose last attempt fails transiently is not reported as retried")
    void put_lastAttemptFails_isGivenUp() {
        Fixture fixture = opened(Fixture.of(
                Kind.COMPLETE,
                options ->
                        options.listener(events).retry(2, Duration.ofMillis(1)).withoutStandby()));
        fixture.faults.on(Operation.COMMIT).times(2).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);

        assertThatThrownBy(() -> fixture.put("a", "1")).isInstanceOf(CommitFailedException.class);

        assertThat(events.take())
                .containsExactly(
                        "group of 1, sent 1 times: RETRIED",
                        "group of 1, sent 1 times: GIVEN_UP",
                        "commit: NOT_WRITTEN");
        assertThat(fixture.database.stats().retries()).isEqualTo(1);
    }

    @Test
    @DisplayName("R100 a refused write is reported with its result")
    void put_permanentFailure_reportsIt() {
        Fixture fixture = open();
        fixture.faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

        assertThatThrownBy(() -> fixture.put("a", "1")).isInstanceOf(CommitFailedException.class);

        assertThat(events.take()).containsExactly("group of 1, sent 1 times: REFUSED", "commit: NOT_WRITTEN");
    }

    @Test
    @DisplayName("R100 a write whose outcome was unknown at first is reported once, with the number of sendings")
    void put_outcomeUnknownAtFirst_reportsTheSendings() throws Exception {
        Fixture fixture = opened(Fixture.of(Kind.COMPLETE, options -> options.listener(events)));
        fixture.faults.on(Operation.COMMIT).fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);

        fixture.put("a", "1");
        List<String> reported = new ArrayList<>();
        Threads.awaitTrue("both are reported", () -> reported.addAll(events.take()) && reported.size() == 2);

        assertThat(reported).containsExactlyInAnyOrder("group of 1, sent 2 times: WRITTEN", "commit: WRITTEN");
    }

    @Test
    @DisplayName("R100 the contexts of a copy are reported as commits, and what writes several of them as one group")
    void copy_reportsGroupsAndCommits() {
        Fixture target = open();
        try (SignalKeyDatabase source =
                SignalKeyDatabase.builder().backend(new MemoryBackend()).open()) {
            for (String context : List.of("1", "2", "3", "4", "5")) {
                source.forContext(context).put(KeyTypes.SESSION, "a", bytes("1"));
            }
            target.faults
                    .on(Operation.COMMIT)
                    .inContext("3")
                    .forever()
                    .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

            assertThatThrownBy(StoreCopy.from(source).to(target.database)::run)
                    .isInstanceOf(CopyIncompleteException.class);
            assertThat(events.take())
                    .filteredOn(event -> event.startsWith("group") || event.startsWith("commit"))
                    .containsExactly(
                            WRITTEN_ALONE,
                            "commit: WRITTEN",
                            "group of 2, sent 1 times: REFUSED",
                            WRITTEN_ALONE,
                            "group of 1, sent 1 times: REFUSED",
                            "commit: WRITTEN",
                            "commit: NOT_WRITTEN",
                            "group of 2, sent 1 times: WRITTEN",
                            "commit: WRITTEN",
                            "commit: WRITTEN");
        }
    }

    @Test
    @DisplayName("R27 R100 an interrupted commit of several contexts is reported as such, in the queue and before it")
    void commitEach_interrupted_isReported() throws Exception {
        Fixture fixture = open();
        Engine engine = fixture.database.engine();
        QueuedCommits queued = QueuedCommits.behind(fixture.faults, () -> fixture.put("other", "1"));
        Threads.Running<Boolean> interrupted = queued.add(() -> engine.commitEach(List.of(unsealedCommit())));
        interrupted.thread().interrupt();
        interrupted.result();
        assertThat(events.take()).containsExactly("commit: INTERRUPTED");
        queued.advance();
        events.take();

        List<CommitRequest> commits = List.of(unsealedCommit(), unsealedCommit());
        Thread.currentThread().interrupt();
        assertThat(engine.commitEach(commits))
                .containsOnlyKeys(commits)
                .allSatisfy((commit, failure) -> assertThat(failure).isInstanceOf(OperationInterruptedException.class));
        assertThat(Thread.interrupted()).isTrue();
        assertThat(events.take()).containsExactly("commit: INTERRUPTED", "commit: INTERRUPTED");
    }

    /** Returns a commit of this thread that cannot be written. */
    private static CommitRequest unsealedCommit() {
        return new CommitRequest(
                new CommitContents(new Context("bob", 1, new Envelope("bob")), Map.of(), new LinkedHashMap<>(), null),
                TimeUnit.SECONDS.toNanos(Threads.DEADLINE_SECONDS));
    }

    @Test
    @DisplayName("R100 a conflict is reported once for each attempt, at a read as at the commit")
    void transaction_conflicts_areReportedWhereverTheyAreThrown() throws Exception {
        Fixture fixture = open();
        fixture.put("a", "1");
        fixture.put("b", "1");
        events.take();

        assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                    tx.find(KeyTypes.SESSION, "a");
                    onOtherThread(() -> fixture.put("a", "2"));
                    tx.find(KeyTypes.SESSION, "b");
                }))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(events.take())
                .containsExactly(
                        "lock: SUCCESS", WRITTEN_ALONE, "commit: WRITTEN", "conflict", "transaction [k]: false");

        assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                    tx.find(KeyTypes.SESSION, "a");
                    tx.put(KeyTypes.SESSION, "b", bytes("3"));
                    onOtherThread(() -> fixture.put("a", "3"));
                }))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(events.take())
                .containsExactly(
                        "lock: SUCCESS",
                        WRITTEN_ALONE,
                        "commit: WRITTEN",
                        "commit: CONFLICT",
                        "conflict",
                        "transaction [k]: false");
    }

    @Test
    @DisplayName("R100 a conflict of a single write is reported, and the write is repeated")
    void singleWrites_conflicts_areReported() throws Exception {
        Fixture fixture = open();
        List<Consumer<SignalKeyStore>> writes = List.of(
                store -> store.take(KeyTypes.SESSION, "a"),
                store -> store.move(KeyTypes.SESSION, "a", "b", OnExisting.REPLACE));
        for (Consumer<SignalKeyStore> write : writes) {
            fixture.put("a", "1");
            QueuedCommits queued = QueuedCommits.behind(fixture.faults, () -> fixture.put("other", "1"));
            Threads.Running<Boolean> change = queued.add(() -> fixture.put("a", "2"));
            Threads.Running<Boolean> conflicting = queued.add(() -> write.accept(fixture.alice));
            events.take();

            queued.advance();
            change.result();
            conflicting.result();

            assertThat(events.take())
                    .containsOnlyOnce("conflict", "commit: CONFLICT")
                    .doesNotContain("lock: SUCCESS");
            assertThat(fixture.find("a")).isEqualTo("absent");
            events.take();
        }
        assertThat(fixture.find("b")).isEqualTo("2");
    }

    private static void onOtherThread(Runnable work) {
        try {
            Threads.run(work).result();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @DisplayName("R100 lock waits are reported, of nested transactions and of those that time out as well")
    void transaction_reportsItsLockWaits() throws Exception {
        Fixture fixture = opened(Fixture.of(
                Kind.COMPLETE,
                options -> options.listener(events)
                        .lockTimeout(Duration.ofMillis(1))
                        .withoutStandby()));

        fixture.alice.useTransaction("outer", tx -> tx.useTransaction("inner", nested -> {}));
        assertThat(events.take()).containsExactly("lock: SUCCESS", "lock: SUCCESS", "transaction [outer]: true");

        fixture.alice.useTransaction(
                "k",
                tx -> onOtherThread(() -> assertThatThrownBy(() -> fixture.alice.useTransaction("k", second -> {}))
                        .isInstanceOf(LockTimeoutException.class)));
        assertThat(events.take())
                .containsExactly("lock: SUCCESS", "lock: FAILURE", "transaction [k]: false", "transaction [k]: true");
    }

    @Test
    @DisplayName("R27 R100 an interrupt is reported as such, and not as a failure of locks, backend or commit")
    void interrupts_areReportedAsInterrupts() {
        Fixture fixture = open();
        fixture.find("a");
        events.take();

        interrupted(() -> fixture.alice.useTransaction("k", tx -> {}));
        assertThat(events.take()).containsExactly("lock: INTERRUPTED", "transaction [k]: false");

        interrupted(() -> fixture.put("a", "1"));
        assertThat(events.take()).containsExactly("commit: INTERRUPTED");

        for (List<String> ids : List.of(List.of("x"), List.of("x", "y"))) {
            fixture.faults.on(Operation.LOAD).fail(Moment.BEFORE, () -> {
                Thread.currentThread().interrupt();
                return BackendException.transientFailure("interrupted", null);
            });
            assertThatThrownBy(() -> fixture.alice.get(KeyTypes.SESSION, ids))
                    .isInstanceOf(OperationInterruptedException.class);
            assertThat(Thread.interrupted()).isTrue();
            assertThat(events.take()).containsExactly("load of " + ids.size() + ": INTERRUPTED");
        }
    }

    private static void interrupted(Runnable work) {
        Thread.currentThread().interrupt();
        assertThatThrownBy(work::run).isInstanceOf(OperationInterruptedException.class);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    @DisplayName("R100 an opened context and a lost one are reported once")
    void ownership_isReportedOnce() {
        Fixture fixture =
                Fixture.of(Kind.COMPLETE, options -> options.listener(events).withoutStandby());
        opened.add(fixture);
        fixture.database.forContext(fixture.context());
        assertThat(events.take()).containsExactly("opened");

        Fixture other = fixture.reopen();
        opened.add(other);
        assertThatThrownBy(() -> fixture.put("a", "1")).isInstanceOf(OwnershipLostException.class);
        assertThatThrownBy(() -> fixture.put("a", "1")).isInstanceOf(OwnershipLostException.class);

        assertThat(events.take())
                .containsExactly("group of 1, sent 1 times: REFUSED", "ownership lost", "commit: OWNERSHIP_LOST");
    }

    @Test
    @DisplayName(
            "R84 R100 of several commits, that to a moved context fails as not written, and the others are reported")
    void commitEach_contextMoved_failsAlone() {
        Fixture fixture = open();
        Context alice = ((ContextStore) fixture.alice).state();
        Context bob = ((ContextStore) fixture.database.forContext("bob")).state();
        opened.add(fixture.reopen());
        Mutation.Put mark = (Mutation.Put) new MoveMark(MoveMark.Side.MOVED, "move", "", "there").put();
        fixture.plant(mark.type(), mark.id(), mark.value());
        events.take();

        List<CommitRequest> commits = List.of(record(alice), record(bob));
        assertThat(fixture.database.engine().commitEach(commits))
                .containsOnlyKeys(commits.get(0))
                .allSatisfy((commit, failure) -> assertThat(failure).isInstanceOf(ContextMovedException.class));
        assertThat(events.take())
                .filteredOn(event -> event.startsWith("commit"))
                .containsExactly("commit: NOT_WRITTEN", "commit: WRITTEN");
    }

    @Test
    @DisplayName("R84 R100 a commit to a moved context is reported as not written, as its exception says")
    void commit_contextMoved_isReportedAsNotWritten() {
        Fixture fixture = open();
        opened.add(fixture.reopen());
        Mutation.Put mark = (Mutation.Put) new MoveMark(MoveMark.Side.MOVED, "move", "", "there").put();
        fixture.plant(mark.type(), mark.id(), mark.value());

        assertThatThrownBy(() -> fixture.put("a", "1")).isInstanceOf(ContextMovedException.class);
        assertThat(events.take()).endsWith("commit: NOT_WRITTEN").doesNotContain("ownership lost");
    }

    /** Returns a commit of this thread that writes a record. */
    private static CommitRequest record(Context context) {
        EntryId entry = new EntryId("session", "a");
        return new CommitRequest(
                new Rewrite(context, null, List.of(new RecordChange(entry, null, bytes("record")))),
                TimeUnit.SECONDS.toNanos(Threads.DEADLINE_SECONDS));
    }

    @Test
    @DisplayName("R100 damage is reported when it is read, and by a verification with the number of entries")
    void damage_isReported() {
        Fixture fixture = open();
        fixture.plant("session", "x", bytes("never sealed"));
        fixture.plant("session", "y", bytes("never sealed"));

        assertThatThrownBy(() -> fixture.find("x")).isInstanceOf(CorruptEntryException.class);
        assertThat(events.take()).containsExactly("load of 1: SUCCESS", "unreadable: 1");

        fixture.alice.verify();
        assertThat(events.take()).containsExactly("unreadable: 2");
    }

    @Test
    @DisplayName("R100 a verification that could not read everything reports the damage that it found")
    void verify_incomplete_reportsTheDamage() {
        Fixture fixture = open();
        for (String id : List.of("x", "y", "z")) {
            fixture.plant("session", id, bytes("never sealed"));
        }
        fixture.faults.on(Operation.LOAD).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

        assertThatThrownBy(fixture.alice::verify).isInstanceOf(IncompleteVerificationException.class);

        assertThat(events.take()).containsExactly("unreadable: 2");
    }

    @Test
    @DisplayName("R100 damage that the backend itself finds is reported, of one entry and of several")
    void damage_foundByTheBackend_isReported() {
        Fixture fixture = open();
        fixture.faults
                .on(Operation.LOAD)
                .forever()
                .fail(
                        Moment.BEFORE,
                        () -> new CorruptEntryException("alice", new EntryId("session", "x"), "no such page", null));

        assertThatThrownBy(() -> fixture.find("x")).isInstanceOf(CorruptEntryException.class);
        assertThat(events.take()).containsExactly("unreadable: 1", "load of 1: FAILURE");
        assertThatThrownBy(() -> fixture.alice.get(KeyTypes.SESSION, List.of("x", "y")))
                .isInstanceOf(CorruptEntryException.class);
        assertThat(events.take()).containsExactly("unreadable: 1", "load of 2: FAILURE");
    }

    @Test
    @DisplayName("R100 damage is reported by uncached reads, and by each inspection once, with the number of entries")
    void damage_readPastTheCache_isReported() {
        Fixture fixture = open();
        fixture.plant("session", "x", bytes("never sealed"));
        fixture.plant("libsignal-replaced-pre-keys", "ONE_TIME", bytes("never sealed"));
        KeyReader uncached = fixture.alice.uncached();

        assertThatThrownBy(() -> uncached.find(KeyTypes.SESSION, "x")).isInstanceOf(CorruptEntryException.class);
        assertThat(events.take()).containsExactly("unreadable: 1");
        assertThatThrownBy(() -> uncached.get(KeyTypes.SESSION, List.of("a", "x")))
                .isInstanceOf(CorruptEntryException.class);
        assertThat(events.take()).containsExactly("unreadable: 1");

        StoreInspection inspection = fixture.database.inspection();
        assertThat(inspection.inspect("alice").damagedEntries()).isEqualTo(2);
        assertThat(events.take()).containsExactly("unreadable: 2");
        assertThatThrownBy(() -> inspection.read("alice", reader -> reader.find(KeyTypes.SESSION, "x")))
                .isInstanceOf(CorruptEntryException.class);
        assertThat(events.take()).containsExactly("unreadable: 1");

        fixture.faults.on(Operation.LOAD).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        assertThat(inspection.inspect("alice").damagedEntries()).isPositive();
        assertThat(events.take()).as("not loaded is not damaged").isEmpty();
    }

    @Test
    @DisplayName("R100 a listing of hidden names reports each entry and each context whose name it cannot read")
    void damage_foundByAListing_isReported() {
        Fixture fixture = opened(Fixture.of(
                Kind.COMPLETE,
                options -> options.listener(events)
                        .encryption(TestEncryption.create().hidingNames())
                        .withoutStandby()));
        fixture.put("x", "1");
        fixture.put("y", "2");
        events.take();
        overwrite(fixture, stored -> !isOfTheEngine(stored));

        assertThatThrownBy(() -> list(fixture.alice.ids(KeyTypes.SESSION, "")))
                .isInstanceOf(UnreadableEntryException.class);
        assertThat(events.take()).containsExactly("unreadable: 1", "unreadable: 1");
        assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> list(tx.ids(KeyTypes.SESSION, ""))))
                .isInstanceOf(UnreadableEntryException.class);
        assertThat(events.take())
                .containsExactly("lock: SUCCESS", "unreadable: 1", "unreadable: 1", "transaction [k]: false");

        overwrite(fixture, StoreSealing.KEYS::equals);
        assertThatThrownBy(() -> list(fixture.database.contexts())).isInstanceOf(UnreadableEntryException.class);
        assertThat(events.take()).containsExactly("unreadable: 1");
    }

    private static boolean isOfTheEngine(EntryId stored) {
        return stored.equals(StoreSealing.KEYS) || stored.equals(StoreSealing.MARK);
    }

    private static List<String> list(Stream<String> listing) {
        try (listing) {
            return listing.toList();
        }
    }

    /** Overwrites entries in the backend, by their stored names. */
    private static void overwrite(Fixture fixture, Predicate<EntryId> which) {
        ContextAwareBackend contents = fixture.contents();
        for (String context : fixture.storedContexts()) {
            List<EntryId> entries;
            try (Stream<EntryId> listed = contents.list(context)) {
                entries = listed.filter(which).toList();
            }
            entries.forEach(entry -> contents.save(context, entry.type(), entry.id(), bytes("never sealed")));
        }
    }

    @Test
    @DisplayName("R100 a listener that throws changes no outcome, and the next listener is called")
    void listener_throws_harmsNothing() {
        RuntimeException unchecked = new IllegalStateException("a listener's");
        for (Throwable failure : List.of(unchecked, new Exception("checked"), new StackOverflowError())) {
            KeyStoreListener failing = failing(failure);
            Fixture fixture = opened(Fixture.of(
                    Kind.COMPLETE,
                    options -> options.listener(failing).listener(events).withoutStandby()));
            fixture.faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);

            fixture.alice.useTransaction("k", tx -> tx.put(KeyTypes.SESSION, "a", bytes("1")));
            fixture.put("b", fixture.find("c"));

            assertThat(fixture.stored(KeyTypes.SESSION, "a")).isPresent();
            assertThat(fixture.stored(KeyTypes.SESSION, "b")).isPresent();
            assertThat(events.take())
                    .containsExactly(
                            "lock: SUCCESS",
                            "group of 1, sent 1 times: RETRIED",
                            WRITTEN_ALONE,
                            "commit: WRITTEN",
                            "transaction [k]: true",
                            "load of 1: SUCCESS",
                            WRITTEN_ALONE,
                            "commit: WRITTEN");
        }
    }

    /** Returns a listener whose methods all throw. */
    private static KeyStoreListener failing(Throwable failure) {
        return (KeyStoreListener) Proxy.newProxyInstance(
                ListenerTest.class.getClassLoader(),
                new Class<?>[] {KeyStoreListener.class},
                (proxy, method, arguments) -> {
                    throw failure;
                });
    }

    @Test
    @DisplayName("R100 a listener that writes to the database is refused, and what it was called for is durable")
    void listener_writes_isRefused() {
        AtomicReference<Fixture> fixture = new AtomicReference<>();
        List<Throwable> refusals = new ArrayList<>();
        KeyStoreListener writing = new KeyStoreListener() {
            @Override
            public void onGroup(int commits, int sendings, long nanos, GroupResult result) {
                fixture.get().find("read " + refusals.size());
                try {
                    fixture.get().put("b", "2");
                } catch (IllegalStateException e) {
                    refusals.add(e);
                }
            }
        };
        fixture.set(opened(Fixture.of(
                Kind.COMPLETE,
                options -> options.listener(writing).listener(events).withoutStandby())));

        fixture.get().put("a", "1");
        fixture.get().put("a", "2");

        assertThat(refusals).hasSize(2);
        assertThat(events.take()).containsExactly(WRITTEN_ALONE, "commit: WRITTEN", WRITTEN_ALONE, "commit: WRITTEN");
        assertThat(fixture.get().stored(KeyTypes.SESSION, "a")).isPresent();
        assertThat(fixture.get().stored(KeyTypes.SESSION, "b")).isEmpty();
    }

    @Test
    @DisplayName("R100 a commit that another thread wrote returns before a listener of its group does")
    void listener_ofAGroup_isCalledWithoutTheLead() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        CountDownLatch reached = new CountDownLatch(1);
        KeyStoreListener blocking = new KeyStoreListener() {
            @Override
            public void onGroup(int commits, int sendings, long nanos, GroupResult result) {
                if (reached.getCount() > 0) {
                    reached.countDown();
                    try {
                        release.await();
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                }
            }
        };
        Fixture fixture = opened(Fixture.of(Kind.COMPLETE, options -> options.listener(blocking)));
        Threads.Running<Boolean> blocked = Threads.run(() -> fixture.put("a", "1"));
        reached.await();

        fixture.put("b", "2");

        release.countDown();
        blocked.result();
        assertThat(fixture.find("a") + fixture.find("b")).isEqualTo("12");
    }

    @ParameterizedTest
    @CsvSource({"COMPLETE, 2", "GROUPING, 0"})
    @DisplayName("R100 each fsync is reported on its thread, if the backend measures it")
    void onFsync_backendMeasures_isCalled(Kind kind, int expected) {
        List<Thread> threads = new CopyOnWriteArrayList<>();
        KeyStoreListener listener = new KeyStoreListener() {
            @Override
            public void onFsync(long nanos) {
                assertThat(nanos).isZero();
                threads.add(Thread.currentThread());
            }
        };
        Fixture fixture = opened(Fixture.of(kind, options -> options.listener(listener)));
        threads.clear();

        fixture.put("a", "1");
        fixture.put("a", "2");
        fixture.find("b");

        assertThat(threads).hasSize(expected).allMatch(Thread.currentThread()::equals);
    }

    @Test
    @DisplayName("R100 if nobody listens, nothing is allocated or measured")
    void events_nobodyListens_allocateNothing() {
        EngineEvents silent = new EngineEvents(List.of());
        TransactionScope scope = new TransactionScope(null);

        long allocated = allocatedBytes(() -> {
            for (int i = 0; i < 100; i++) {
                silent.refuseWritesOfListeners();
                silent.opened();
                silent.end(silent.beginLoad(), 1, KeyStoreListener.WaitResult.SUCCESS);
                silent.end(silent.beginLockWait(), KeyStoreListener.WaitResult.SUCCESS);
                silent.end(silent.beginCommit(), KeyStoreListener.CommitResult.WRITTEN);
                silent.end(silent.beginGroupWrite(), 1, WRITTEN);
                silent.fsync(1);
                silent.end(silent.beginTransaction(Set.of()), true);
                scope.beginAttempt();
                scope.begin(Phase.COMMIT);
            }
        });

        assertThat(silent.beginCommit()).isNull();
        assertThat(silent.cachedReads()).isNull();
        assertThat(allocated).isZero();
    }

    @Test
    @DisplayName("R100 if somebody listens, a report allocates nothing beyond the object that measures")
    void events_somebodyListens_allocateOnlyWhatMeasures() {
        EngineEvents loud = new EngineEvents(List.of(new KeyStoreListener() {}, new KeyStoreListener() {}));
        Set<String> lockKeys = Set.of("k");

        long measuring = allocatedBytes(() -> {
            loud.beginLoad();
            loud.beginLockWait();
            loud.beginCommit();
            loud.beginGroupWrite();
            loud.beginTransaction(lockKeys);
        });
        long reporting = allocatedBytes(() -> {
            loud.refuseWritesOfListeners();
            loud.end(loud.beginLoad(), 1, KeyStoreListener.WaitResult.SUCCESS);
            loud.end(loud.beginLockWait(), KeyStoreListener.WaitResult.SUCCESS);
            loud.end(loud.beginCommit(), KeyStoreListener.CommitResult.WRITTEN);
            loud.end(loud.beginGroupWrite(), 1, WRITTEN);
            loud.end(loud.beginTransaction(lockKeys), true);
        });

        assertThat(reporting).isEqualTo(measuring).isPositive();
    }

    /** The minimum of several attempts, since the first one loads classes. */
    private static long allocatedBytes(Runnable events) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (int n = 0; n < 10; n++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            events.run();
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        return least;
    }

    @Test
    @DisplayName("R101 no event has a parameter for a value, an id or a context; only one has lock keys")
    void listener_hasNoParameterForKeys() {
        List<String> others = new ArrayList<>();
        for (Method method : KeyStoreListener.class.getMethods()) {
            for (Class<?> type : method.getParameterTypes()) {
                if (!type.isEnum()
                        && !Set.<Class<?>>of(int.class, long.class, boolean.class)
                                .contains(type)) {
                    others.add(method.getName() + ": " + type.getSimpleName());
                }
            }
        }

        assertThat(others).containsExactlyInAnyOrder("onTransaction: Set", "onOpened: LongSupplier");
    }
}
