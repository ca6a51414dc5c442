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

/** Runs what a test does at the same time. */
final class Together {

    private static final long DEADLINE_SECONDS = 50;
    private static final int FEWEST_LOOKS = 50;
    private static final int MOST_TURNS = 100_000;

    private Together() {}

    /** What one thread does. */
    interface Task {
        void run() throws Exception;
    }

    /** What a thread does again and again. */
    interface Turn {
        void take(int number) throws Exception;
    }

    /** Runs each task on a thread of its own, all starting at once, and throws what the first of them to fail threw. */
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
                one.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
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
     * Lets a writer take turns, numbered from 1, while observers look again and again, each on a thread of its own: at
     * least so many turns, and on until each observer has had some looks. The first failure ends it, and is thrown.
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
                for (int i = 1; !over.get() && (i <= turns || (i < MOST_TURNS && isShort(looks))); i++) {
                    writer.take(i);
                }
            } finally {
                over.set(true);
            }
        });
        run(tasks);
    }

    /** Lets a writer take turns, and after each of them each reader look once, always on the same thread. */
    static void inStep(int turns, Turn writer, List<? extends Turn> readers) throws Exception {
        CyclicBarrier step = new CyclicBarrier(readers.size() + 1);
        List<Task> tasks = new ArrayList<>();
        for (Turn reader : readers) {
            tasks.add(() -> walk(turns, step, number -> {}, reader));
        }
        tasks.add(() -> walk(turns, step, writer, number -> {}));
        run(tasks);
    }

    private static void walk(int turns, CyclicBarrier step, Turn write, Turn read) throws Exception {
        boolean arrived = false;
        try {
            for (int i = 1; i <= turns; i++) {
                write.take(i);
                step.await(DEADLINE_SECONDS, TimeUnit.SECONDS);
                read.take(i);
                step.await(DEADLINE_SECONDS, TimeUnit.SECONDS);
            }
            arrived = true;
        } finally {
            if (!arrived) {
                step.reset();
            }
        }
    }

    private static boolean isShort(List<AtomicInteger> looks) {
        return looks.stream().anyMatch(own -> own.get() < FEWEST_LOOKS);
    }

    /** Runs a task on another thread, and waits for it. */
    static void elsewhere(Task task) throws Exception {
        run(List.of(task));
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "contract-test");
        thread.setDaemon(true);
        return thread;
    }
}
