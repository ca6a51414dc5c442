package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.TransactionOptions;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The durations of events, compared with the time for which a test held each part. The times are different, so that two
 * parts cannot be mistaken for each other, and none has an upper bound.
 */
@Timeout(60)
class DurationsTest {

    private static final Pattern LINE =
            Pattern.compile("waited (\\d+) ms for its locks, worked (\\d+) ms and committed (\\d+) ms$");

    @TempDir
    private Path folder;

    /** The nanoseconds of each part, as reported last. */
    private static final class ReportedTimes implements KeyStoreListener {

        final Map<String, Long> nanos = new ConcurrentHashMap<>();

        @Override
        public void onLoad(int entries, long nanos, WaitResult result) {
            this.nanos.put("load", nanos);
        }

        @Override
        public void onLockWait(long nanos, WaitResult result) {
            this.nanos.put("lock wait", nanos);
        }

        @Override
        public void onCommit(long nanos, CommitResult result) {
            this.nanos.put("commit", nanos);
        }

        @Override
        public void onGroup(int commits, int sendings, long nanos, GroupResult result) {
            this.nanos.put("group", nanos);
        }

        @Override
        public void onTransaction(
                Set<String> lockKeys, long waitNanos, long workNanos, long commitNanos, boolean succeeded) {
            nanos.put("transaction: wait", waitNanos);
            nanos.put("transaction: work", workNanos);
            nanos.put("transaction: commit", commitNanos);
        }
    }

    /** Lets time pass, and returns how much. */
    private static long hold(long millis) {
        long startNanos = System.nanoTime();
        Threads.awaitTrue(
                millis + " ms have passed",
                () -> System.nanoTime() - startNanos >= TimeUnit.MILLISECONDS.toNanos(millis));
        return System.nanoTime() - startNanos;
    }

    /** Holds a call of the backend, and returns for how long. */
    private static long hold(Gate gate, long millis) throws InterruptedException {
        gate.awaitReached();
        long heldNanos = hold(millis);
        gate.open();
        return heldNanos;
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(Threads.DEADLINE_SECONDS, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** The times for which a test held the parts, in nanoseconds. */
    private record Held(long loaded, long waited, long worked, long committed) {

        Map<String, Long> parts() {
            return Map.of(
                    "load", loaded,
                    "lock wait", waited,
                    "group", committed,
                    "commit", committed,
                    "transaction: wait", waited,
                    "transaction: work", worked,
                    "transaction: commit", committed);
        }
    }

    /** Holds a load, and then the lock, the work and the commit of the second transaction that ends. */
    private static Held holdEachPart(Fixture fixture) throws Exception {
        Gate loading = fixture.faults.on(Operation.LOAD).hold(Moment.BEFORE);
        Threads.Running<String> reader = Threads.start(() -> fixture.find("a"));
        long load = hold(loading, 5);
        reader.result();

        CountDownLatch locked = new CountDownLatch(1);
        CountDownLatch unlock = new CountDownLatch(1);
        Threads.Running<Boolean> holder = Threads.run(() -> fixture.alice.useTransaction("k", tx -> {
            locked.countDown();
            await(unlock);
        }));
        await(locked);
        CountDownLatch working = new CountDownLatch(1);
        CountDownLatch worked = new CountDownLatch(1);
        Gate committing = fixture.faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> measured = Threads.run(() -> fixture.alice.useTransaction("k", tx -> {
            working.countDown();
            await(worked);
            tx.put(KeyTypes.SESSION, "a", bytes("1"));
        }));
        measured.awaitWaiting();
        long wait = hold(10);
        unlock.countDown();
        holder.result();
        await(working);
        long work = hold(40);
        worked.countDown();
        long commit = hold(committing, 120);
        measured.result();
        return new Held(load, wait, work, commit);
    }

    @Test
    @DisplayName("R100 each duration is at least the time that its part took: to listeners, in the log, in a recording")
    void durations_areAtLeastTheTimesOfTheirParts() throws Exception {
        ReportedTimes reported = new ReportedTimes();
        Path file = folder.resolve("keystore.jfr");
        Held held;
        String line;
        try (LoggedTransactions logged = new LoggedTransactions();
                Recording recording = new Recording();
                Fixture fixture = Fixture.of(
                        Kind.COMPLETE,
                        options -> options.listener(reported)
                                .listener(SlowTransactionLog.over(Duration.ZERO))
                                .withoutStandby())) {
            recording.enable("dev.keystore.Load").withoutThreshold();
            recording.start();
            held = holdEachPart(fixture);
            recording.stop();
            recording.dump(file);
            line = logged.lines().get(1);
        }

        assertThat(reported.nanos.keySet()).isEqualTo(held.parts().keySet());
        held.parts()
                .forEach((part, nanos) ->
                        assertThat(reported.nanos.get(part)).as(part).isGreaterThanOrEqualTo(nanos));

        Matcher millis = LINE.matcher(line);
        assertThat(millis.find()).as(line).isTrue();
        assertThat(Long.parseLong(millis.group(1))).isGreaterThanOrEqualTo(NANOSECONDS.toMillis(held.waited));
        assertThat(Long.parseLong(millis.group(2))).isGreaterThanOrEqualTo(NANOSECONDS.toMillis(held.worked));
        assertThat(Long.parseLong(millis.group(3))).isGreaterThanOrEqualTo(NANOSECONDS.toMillis(held.committed));

        List<RecordedEvent> recorded = RecordingFile.readAllEvents(file);
        assertLasted(recorded, "Load", held.loaded);
        assertLasted(recorded, "LockWait", held.waited);
        assertLasted(recorded, "GroupWrite", held.committed);
        assertLasted(recorded, "Commit", held.committed);
        // Only the second transaction commits anything; the first one may last as long on a busy machine.
        RecordedEvent transaction = assertLasted(
                recorded,
                "Transaction",
                Comparator.comparing(event -> event.getDuration("commitNanos")),
                held.waited + held.worked + held.committed);
        assertThat(transaction.getDuration("waitNanos")).isGreaterThanOrEqualTo(Duration.ofNanos(held.waited));
        assertThat(transaction.getDuration("workNanos")).isGreaterThanOrEqualTo(Duration.ofNanos(held.worked));
        assertThat(transaction.getDuration("commitNanos")).isGreaterThanOrEqualTo(Duration.ofNanos(held.committed));
    }

    @Test
    @DisplayName("R26 R100 the wait of a nested transaction for its lock is reported as waiting, not as work")
    void transaction_nestedWaits_isReportedAsWait() throws Exception {
        ReportedTimes reported = new ReportedTimes();
        try (Fixture fixture =
                Fixture.of(Kind.COMPLETE, options -> options.listener(reported).withoutStandby())) {
            CountDownLatch locked = new CountDownLatch(1);
            CountDownLatch unlock = new CountDownLatch(1);
            Threads.Running<Boolean> holder = Threads.run(() -> fixture.alice.useTransaction("inner", tx -> {
                locked.countDown();
                await(unlock);
            }));
            await(locked);
            Threads.Running<Boolean> nested = Threads.run(() ->
                    fixture.alice.useTransaction("outer", tx -> tx.useTransaction("inner", inner -> hold(5))));
            nested.awaitWaiting();
            long waited = hold(40);
            unlock.countDown();
            holder.result();
            nested.result();

            assertThat(reported.nanos.get("transaction: wait")).isGreaterThanOrEqualTo(waited);
            assertThat(reported.nanos.get("transaction: work")).isGreaterThanOrEqualTo(MILLISECONDS.toNanos(5));
        }
    }

    @Test
    @DisplayName(
            "R24 R100 the pauses after conflicts are reported as part of the commit, also if a read had the conflict")
    void transaction_conflictsAtReads_pausesAreReportedAsCommit() {
        ReportedTimes reported = new ReportedTimes();
        int conflicts = 8;
        try (Fixture fixture =
                Fixture.of(Kind.COMPLETE, options -> options.listener(reported).withoutStandby())) {
            AtomicInteger attempts = new AtomicInteger();
            fixture.alice.transaction(Set.of("k"), TransactionOptions.retryOnConflict(conflicts + 1), tx -> {
                tx.find(KeyTypes.SESSION, "a");
                int attempt = attempts.incrementAndGet();
                if (attempt <= conflicts) {
                    onOtherThread(() -> fixture.put("a", "" + attempt));
                }
                return tx.find(KeyTypes.SESSION, "b");
            });
        }

        // At least half of 0.1, 0.2, 0.4 … 12.8 ms.
        assertThat(reported.nanos.get("transaction: commit")).isGreaterThan(MILLISECONDS.toNanos(12));
    }

    private static void onOtherThread(Runnable work) {
        try {
            Threads.run(work).result();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static void assertLasted(List<RecordedEvent> events, String name, long heldNanos) {
        assertLasted(events, name, Comparator.comparing(RecordedEvent::getDuration), heldNanos);
    }

    /**
     * Returns the greatest event of a kind, after comparing its duration: the recorder's clock is not quite the same.
     */
    private static RecordedEvent assertLasted(
            List<RecordedEvent> events, String name, Comparator<RecordedEvent> order, long heldNanos) {
        RecordedEvent greatest = events.stream()
                .filter(event -> event.getEventType().getName().equals("dev.keystore." + name))
                .max(order)
                .orElseThrow(() -> new AssertionError("no event " + name));
        assertThat(greatest.getDuration()).as(name).isGreaterThanOrEqualTo(Duration.ofNanos(heldNanos / 10 * 9));
        return greatest;
    }
}
