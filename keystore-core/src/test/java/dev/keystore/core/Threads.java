package dev.keystore.core;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Runs work on separate threads, with a deadline for every wait. */
public final class Threads {

    static final long DEADLINE_SECONDS = 30;

    private Threads() {}

    /** A thread and the result of its work. */
    record Running<T>(Thread thread, FutureTask<T> task) {

        T result() throws Exception {
            try {
                return task.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException e) {
                if (e.getCause() instanceof Exception failure) {
                    throw failure;
                }
                throw e;
            }
        }

        /** Returns the exception of the work. */
        Throwable failure() throws InterruptedException, TimeoutException {
            try {
                T result = task.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
                throw new AssertionError("the work should have failed, but returned " + result);
            } catch (ExecutionException e) {
                return e.getCause();
            }
        }

        /** Waits until the thread waits for something. */
        Running<T> awaitWaiting() {
            awaitTrue("the thread waits", () -> isWaiting() || task.isDone());
            if (task.isDone()) {
                throw new AssertionError("the thread does not wait, its work is done");
            }
            return this;
        }

        /** Waits until the thread waits for the end of its commit. */
        Running<T> awaitCommitting() {
            awaitTrue(
                    "the thread waits for its commit",
                    () -> LockSupport.getBlocker(thread) instanceof CommitPipeline || task.isDone());
            if (task.isDone()) {
                throw new AssertionError("the thread does not wait for its commit, its work is done");
            }
            return this;
        }

        private boolean isWaiting() {
            return thread.getState() == Thread.State.WAITING || thread.getState() == Thread.State.TIMED_WAITING;
        }
    }

    /** Waits until something is true. */
    static void awaitTrue(String what, BooleanSupplier condition) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadlineNanos) {
                throw new AssertionError("not within " + DEADLINE_SECONDS + " s: " + what);
            }
            LockSupport.parkNanos(100_000);
        }
    }

    static <T> Running<T> start(Callable<T> work) {
        FutureTask<T> task = new FutureTask<>(work);
        Thread thread = new Thread(task, "test");
        thread.setDaemon(true);
        thread.start();
        return new Running<>(thread, task);
    }

    static Running<Boolean> run(Runnable work) {
        return start(() -> {
            work.run();
            return Boolean.TRUE;
        });
    }

    /** Runs numbered work on several threads that start together, and returns their results in order. */
    public static <T> List<T> together(int threads, Numbered<T> work) throws Exception {
        CountDownLatch begin = new CountDownLatch(1);
        List<Running<T>> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int number = i;
            running.add(start(() -> {
                begin.await();
                return work.run(number);
            }));
        }
        begin.countDown();
        List<T> results = new ArrayList<>();
        for (Running<T> one : running) {
            results.add(one.result());
        }
        return results;
    }

    @FunctionalInterface
    public interface Numbered<T> {
        T run(int number) throws Exception;
    }
}
