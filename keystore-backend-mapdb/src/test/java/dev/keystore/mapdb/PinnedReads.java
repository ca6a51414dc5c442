package dev.keystore.mapdb;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Reads and commits on virtual threads that share one carrier. */
final class PinnedReads {

    private static final int THREADS = 64;
    private static final int COMMITS = 3;
    private static final byte[] SMALL = {1};

    private PinnedReads() {}

    public static void main(String[] arguments) throws Exception {
        try (MapdbBackend backend = Mapdb.open(Path.of(arguments[0]))) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            ExecutorService threads = (ExecutorService)
                    Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
            readDuringCommit(backend, threads);
            readAndCommit(backend, threads);
            threads.shutdown();
        }
    }

    private static void readDuringCommit(MapdbBackend backend, ExecutorService threads) throws Exception {
        CountDownLatch committing = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicBoolean ended = new AtomicBoolean();
        Future<?> commit = threads.submit(() -> backend.writer().whileLocked(() -> {
            committing.countDown();
            await(goOn);
            ended.set(true);
            return true;
        }));
        await(committing);
        Future<?> read = threads.submit(() -> Pinned.run(() -> {
            // From now on the committing thread could continue, but has no carrier.
            goOn.countDown();
            require(backend.load("alice", "session", "left.0").isPresent());
            require(backend.loadAll("alice", "session", List.of("right.0")).size() == 1);
            require(backend.list("alice").count() == 2);
            require(!ended.get());
        }));
        read.get(60, TimeUnit.SECONDS);
        commit.get(60, TimeUnit.SECONDS);
        System.out.println("read during the commit");
    }

    /** Half of the threads are pinned. Each sees what it has committed, and no wait reaches its deadline. */
    private static void readAndCommit(MapdbBackend backend, ExecutorService threads) throws Exception {
        AtomicInteger commits = new AtomicInteger();
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            String id = "id." + i;
            Runnable work = () -> {
                for (int n = 1; n <= COMMITS; n++) {
                    byte[] value = {(byte) n};
                    backend.save("bob", "session", id, value);
                    require(backend.load("bob", "session", id).orElseThrow()[0] == n);
                    require(backend.list("bob").anyMatch(entry -> entry.id().equals(id)));
                    commits.incrementAndGet();
                }
            };
            running.add(threads.submit(i % 2 == 0 ? work : () -> Pinned.run(work)));
        }
        for (Future<?> one : running) {
            one.get(60, TimeUnit.SECONDS);
        }
        require(commits.get() == THREADS * COMMITS);
        System.out.println("all commits done");
    }

    private static void await(CountDownLatch latch) {
        try {
            require(latch.await(60, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void require(boolean condition) {
        if (!condition) {
            throw new AssertionError("the condition is false");
        }
    }
}
