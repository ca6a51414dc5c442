package dev.keystore.torture;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/**
 * A process that commits while it runs out of stack or memory, and then checks that it still can commit. The arguments
 * are the URL of the store, {@code stack} or {@code memory}, and a seed. It prints the final value of each entry.
 */
public final class Exhausted {

    private static final int THREADS = 3;

    /** The number of commits that a thread attempts while its stack unwinds. */
    private static final int COMMITS = 60;

    private static final long DEADLINE_SECONDS = 30;

    private final SignalKeyDatabase database;
    private final SignalKeyStore alice;
    private volatile boolean stopped;

    private Exhausted(String url) {
        Duration timeout = Duration.ofSeconds(10);
        this.database = SignalKeyDatabase.builder()
                .url(url)
                .commitTimeout(timeout)
                .lockTimeout(timeout)
                .loadTimeout(timeout)
                .maximumCacheBytes(100_000)
                .open();
        this.alice = database.forContext("alice");
    }

    /**
     * An entry and its possible values: the last acknowledged one, and later ones whose commits have no known outcome.
     */
    private final class Counter {

        private final String id;
        private final byte[] padding;
        private final TreeSet<Integer> possible = new TreeSet<>(Set.of(0));
        private int next = 1;

        Counter(String id, int size) {
            this.id = id;
            this.padding = new byte[size];
        }

        /** Commits the next value once. */
        void commit() {
            int value = next;
            next++;
            possible.add(value);
            alice.put(
                    KeyTypes.SESSION,
                    id,
                    ByteBuffer.allocate(Integer.BYTES + padding.length)
                            .putInt(value)
                            .array());
            possible.headSet(value).clear();
        }

        void tryToCommit() {
            try {
                commit();
            } catch (Throwable e) {
                // The entry holds this value or an earlier one: check() accepts both.
            }
        }

        void check() {
            int found = alice.find(KeyTypes.SESSION, id)
                    .map(value -> ByteBuffer.wrap(value).getInt())
                    .orElse(0);
            if (!possible.contains(found)) {
                throw new IllegalStateException(id + " is " + found + ", but must be one of " + possible);
            }
            possible.clear();
            possible.add(found);
        }
    }

    /** Runs out of stack several times, and attempts commits while it unwinds, with a little more stack for each. */
    private void exhaustStack(Counter counter, Random random) throws InterruptedException {
        for (int i = 0; i < 30; i++) {
            int[] calls = {0};
            int distance = 5 + random.nextInt(40);
            Thread deep = new Thread(null, () -> descend(counter, calls, distance), "deep", 512 * 1024L);
            deep.start();
            deep.join();
        }
    }

    @SuppressWarnings("InfiniteRecursion") // ends when the stack is exhausted
    private static void descend(Counter counter, int[] calls, int distance) {
        try {
            descend(counter, calls, distance);
        } catch (StackOverflowError e) {
            calls[0] = 0;
        }
        if (calls[0] < COMMITS * distance && calls[0]++ % distance == 0) {
            counter.tryToCommit();
        }
    }

    private static void exhaustMemory() {
        long endNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
        while (endNanos - System.nanoTime() > 0) {
            List<byte[]> hoard = new ArrayList<>();
            try {
                for (int size = 1 << 20; ; size = Math.max(16, size / 2)) {
                    hoard(hoard, size);
                }
            } catch (OutOfMemoryError e) {
                hoard.clear();
            }
        }
    }

    private static void hoard(List<byte[]> hoard, int size) {
        try {
            while (true) {
                hoard.add(new byte[size]);
            }
        } catch (OutOfMemoryError e) {
            if (size <= 16) {
                throw e;
            }
        }
    }

    /**
     * Uses all code first, and by compacting what rebuilds MapDB's file after a failure: a class whose initialization
     * runs out of memory, and a lambda expression whose linking does, stay unusable in their process.
     */
    private void warmUp() {
        Counter counter = new Counter("warm-up", 100);
        for (int i = 0; i < 50; i++) {
            counter.commit();
            counter.check();
        }
        alice.delete(KeyTypes.SESSION, counter.id);
        database.compact();
    }

    private void run(boolean memory, Random random) throws Exception {
        List<Counter> counters = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        warmUp();
        for (int i = 0; i < THREADS; i++) {
            Counter counter = new Counter("counter-" + i, memory ? 20_000 : 100);
            counters.add(counter);
            Thread thread = new Thread(
                    () -> {
                        while (!stopped) {
                            counter.tryToCommit();
                        }
                    },
                    counter.id);
            threads.add(thread);
            thread.start();
        }
        if (memory) {
            exhaustMemory();
        } else {
            Counter deep = new Counter("deep", 10);
            counters.add(deep);
            exhaustStack(deep, random);
        }
        stopped = true;
        for (Thread thread : threads) {
            thread.join(TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS));
            if (thread.isAlive()) {
                throw new IllegalStateException("thread " + thread.getName() + " has not ended");
            }
        }
        for (Counter counter : counters) {
            withinDeadline(() -> {
                counter.check();
                counter.commit();
                counter.check();
                return null;
            });
            System.out.println(counter.id + " " + counter.possible.first());
        }
        withinDeadline(() -> {
            database.close();
            return null;
        });
        System.out.println("closed");
    }

    private static void withinDeadline(Callable<Void> work) throws Exception {
        FutureTask<Void> task = new FutureTask<>(work);
        Thread thread = new Thread(task, "check");
        thread.setDaemon(true);
        thread.start();
        task.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    public static void main(String[] arguments) throws Exception {
        try {
            Exhausted exhausted = new Exhausted(arguments[0]);
            exhausted.run(arguments[1].equals("memory"), new Random(Long.parseLong(arguments[2])));
            Runtime.getRuntime().halt(0);
        } catch (Throwable e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }
}
