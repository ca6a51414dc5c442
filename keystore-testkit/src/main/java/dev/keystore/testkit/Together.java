package dev.keystore.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Runs what a test does at the same time. */
final class Together {

    private static final long DEADLINE_SECONDS = 50;

    private Together() {}

    /** What one thread does. */
    interface Task {
        void run() throws Exception;
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
