package dev.keystore.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs the concurrent parts of a test. */
final class Together {

    private static final long TIMEOUT_SECONDS = 50;
    private static final int MINIMUM_LOOKS = 50;
    private static final int MAXIMUM_TURNS = 100_000;

    private Together() {}

    /** The work of one thread. */
    interface Task {
        void run() throws Exception;
    }

    /** The repeated work of one thread. */
    interface Turn {
        void run(int number) throws Exception;
    }

    /**
     * Runs each task on a separate thread, all starting together, and throws the failure of the first one that failed.
     */
    static void run(List<? extends Task> tasks) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(tasks.size(), Together::daemon);
        try {
            CountDownLatch start = new CountDownLatch(1);
            List<Future<?>> running = new ArrayList<>();
            for (Task task : tasks) {
                running.add(threads.submit(() -> {
                    start.await();
                    task.run();
                    return null;
                }));
            }
            start.countDown();
            for (Future<?> one : running) {
                one.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e;
        } finally {
            threads.shutdownNow();
        }
    }

    /**
     * Runs a writer and some observers concurrently, each on a separate thread, until the writer has run at least
     * {@code turns} times, with numbers from 1, and each observer has run several times. The first failure ends the run
     * and is thrown.
     */
    static void race(int turns, Turn writer, Task... observers) throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        List<AtomicInteger> looks = new ArrayList<>();
        List<Task> tasks = new ArrayList<>();
        for (Task observer : observers) {
            AtomicInteger own = new AtomicInteger();
            looks.add(own);
            tasks.add(() -> {
                try {
                    do {
                        observer.run();
                        own.incrementAndGet();
                    } while (!over.get());
                } finally {
                    over.set(true);
                }
            });
        }
        tasks.add(() -> {
            try {
                for (int i = 1; !over.get() && (i <= turns || (i < MAXIMUM_TURNS && isUnfinished(looks))); i++) {
                    writer.run(i);
                }
            } finally {
                over.set(true);
            }
        });
        run(tasks);
    }

    /** Runs a writer {@code turns} times; after each time, each reader runs once, always on the same thread. */
    static void inStep(int turns, Turn writer, List<? extends Turn> readers) throws Exception {
        CyclicBarrier step = new CyclicBarrier(readers.size() + 1);
        List<Task> tasks = new ArrayList<>();
        for (Turn reader : readers) {
            tasks.add(() -> inStep(turns, step, number -> {}, reader));
        }
        tasks.add(() -> inStep(turns, step, writer, number -> {}));
        run(tasks);
    }

    private static void inStep(int turns, CyclicBarrier step, Turn write, Turn read) throws Exception {
        boolean arrived = false;
        try {
            for (int i = 1; i <= turns; i++) {
                write.run(i);
                step.await(TIMEOUT_SECONDS, TimeUnit.SECONDS);
                read.run(i);
                step.await(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            }
            arrived = true;
        } finally {
            if (!arrived) {
                step.reset();
            }
        }
    }

    private static boolean isUnfinished(List<AtomicInteger> looks) {
        return looks.stream().anyMatch(own -> own.get() < MINIMUM_LOOKS);
    }

    /** Runs a task on another thread and waits for it. */
    static void onOtherThread(Task task) throws Exception {
        run(List.of(task));
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "contract-test");
        thread.setDaemon(true);
        return thread;
    }
}
