package dev.keystore.bench.commit;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Threads that make the commits of {@link CommitBenchmark} in this JVM, where something else measures them. */
public final class CommittingThreads implements AutoCloseable {

    private static final int LEAST_COMMITS = 10;

    private final Dataset stored;
    private final CommitPeer store;
    private final int count;
    private final ExecutorService threads;

    private CommittingThreads(Dataset stored, CommitPeer store, int count) {
        this.stored = stored;
        this.store = store;
        this.count = count;
        this.threads = Executors.newFixedThreadPool(count);
    }

    /** Opens and fills the peer of a folder. */
    public static CommittingThreads open(CommitPeers peer, int count, int entries, Path folder) throws Exception {
        Dataset stored = Dataset.of(entries, 1, count);
        return new CommittingThreads(stored, stored.open(peer, folder), count);
    }

    /** Commits for some time, with each thread ten times at least, and returns the number of commits. */
    public long run(Duration time) throws InterruptedException {
        long untilNanos = System.nanoTime() + time.toNanos();
        List<Future<Long>> commits = new ArrayList<>();
        for (int thread = 0; thread < count; thread++) {
            int number = thread;
            commits.add(threads.submit(() -> commit(number, untilNanos)));
        }
        long all = 0;
        for (Future<Long> future : commits) {
            try {
                all += future.get();
            } catch (ExecutionException e) {
                throw new IllegalStateException("a commit failed: " + e.getCause(), e);
            }
        }
        return all;
    }

    private long commit(int thread, long untilNanos) throws Exception {
        SplittableRandom random = new SplittableRandom(thread);
        long commits = 0;
        while (commits < LEAST_COMMITS || untilNanos - System.nanoTime() > 0) {
            int id = stored.randomNumber(random, thread, count);
            store.commit(stored.context(id), Dataset.id(id));
            commits++;
        }
        return commits;
    }

    @Override
    public void close() throws IOException, SQLException {
        threads.shutdown();
        store.close();
    }
}
