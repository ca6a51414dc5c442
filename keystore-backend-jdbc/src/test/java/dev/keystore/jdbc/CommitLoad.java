package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.LoadFailedException;
import dev.keystore.LockTimeoutException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.TransactionConflictException;
import dev.keystore.core.SignalKeyDatabase;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Eight threads that count, two in each of four contexts, with the reported outcomes of their commits. */
final class CommitLoad implements AutoCloseable {

    private static final int THREADS = 8;
    private static final int CONTEXTS = 4;
    private static final int NOTES = 10_000_000;

    private final SignalKeyDatabase database;
    private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    private final List<Future<?>> running = new ArrayList<>();

    /** For each context, the acknowledged numbers with their notes. */
    private final Map<String, Map<Integer, Integer>> acknowledged = new ConcurrentHashMap<>();

    private final Set<Integer> unknown = ConcurrentHashMap.newKeySet();
    private final AtomicInteger failed = new AtomicInteger();
    private volatile boolean stopping;

    CommitLoad(SignalKeyDatabase database) {
        this.database = database;
        for (int i = 0; i < THREADS; i++) {
            String context = "account-" + i % CONTEXTS;
            int firstNote = i * NOTES;
            acknowledged.computeIfAbsent(context, unused -> new ConcurrentHashMap<>());
            running.add(threads.submit(() -> count(context, firstNote)));
        }
    }

    private void count(String context, int firstNote) {
        SignalKeyStore store = opened(context);
        for (int note = firstNote; !stopping; note++) {
            try {
                int number = Counting.count(store, note);
                assertThat(acknowledged.get(context).put(number, note))
                        .as("acknowledged under %s before", number)
                        .isNull();
            } catch (CommitOutcomeUnknownException e) {
                unknown.add(note);
            } catch (CommitFailedException
                    | LoadFailedException
                    | LockTimeoutException
                    | TransactionConflictException e) {
                failed.incrementAndGet();
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
            }
        }
    }

    private SignalKeyStore opened(String context) {
        while (true) {
            try {
                return database.forContext(context);
            } catch (StoreOpenException e) {
                // Another thread's takeover took longer than the timeout of the database.
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
            }
        }
    }

    int acknowledged() {
        return acknowledged.values().stream().mapToInt(Map::size).sum();
    }

    /** Returns the number of commits that were reported as failed or unknown. */
    int failed() {
        return failed.get() + unknown.size();
    }

    /** Waits for more acknowledged commits. */
    void awaitAcknowledged(int more) {
        int enough = acknowledged() + more;
        await(more + " more commits", () -> acknowledged() >= enough);
    }

    /** Waits for as many failed or unknown commits as there are threads. */
    void awaitFailures() {
        int enough = failed.get() + unknown.size() + THREADS;
        await("failures", () -> failed.get() + unknown.size() >= enough);
    }

    private void await(String what, BooleanSupplier condition) {
        long deadlineNanos = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
        while (!condition.getAsBoolean()) {
            assertThat(running).as("threads that run").noneMatch(Future::isDone);
            assertThat(System.nanoTime()).as(what).isLessThan(deadlineNanos);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
    }

    /** Stops the threads after their current commits; fails if one of them met an unexpected exception. */
    void stop() throws Exception {
        stopping = true;
        for (Future<?> one : running) {
            one.get(3, TimeUnit.MINUTES);
        }
    }

    /** Checks that the store holds all acknowledged commits, and apart from them only those reported as unknown. */
    void check(Supplier<JdbcBackend> opening) {
        Set<Integer> there = new HashSet<>();
        acknowledged.forEach((context, reported) -> {
            Map<Integer, Integer> counted = Counting.counted(opening.get(), context);
            assertThat(counted).as(context).containsAllEntriesOf(reported);
            counted.values()
                    .forEach(note ->
                            assertThat(there.add(note)).as("note %s once", note).isTrue());
            counted.values().removeAll(reported.values());
            assertThat(unknown).as("beyond those acknowledged").containsAll(counted.values());
        });
        System.out.println(there.size() + " commits, " + acknowledged() + " acknowledged, " + unknown.size()
                + " reported unknown, " + failed + " reported failed");
    }

    @Override
    public void close() {
        stopping = true;
        threads.shutdownNow();
    }
}
