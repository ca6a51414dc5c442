package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * Counts the operations that are running in a backend, and closes it after the last of them.
 *
 * <p>Concurrency: an operation never waits here, neither for another nor for {@link #close}; it runs, or is refused. Closing
 * waits for running operations, then releases on a thread that no caller can interrupt. Both together take at most the
 * timeout.
 */
final class Lifecycle {

    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** An operation that is running. */
    private static final class Operation {

        /** A field and not a method, since a thread that has no stack left can still write it (R31). */
        volatile boolean over;
    }

    private final String place;
    private final Duration closeTimeout;
    private final Set<Operation> running = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * Creates one that is open.
     *
     * @param place where the store is, for messages
     */
    Lifecycle(String place, Duration closeTimeout) {
        this.place = place;
        this.closeTimeout = closeTimeout;
    }

    /**
     * Runs an operation on this thread.
     *
     * @throws IllegalStateException if {@link #close} was called before; the operation did not run
     */
    <T> T run(Supplier<T> operation) {
        Operation mine = new Operation();
        running.add(mine);
        try {
            // In this order: either this sees that it is closed, or close sees the operation.
            if (closed.get()) {
                throw new IllegalStateException("the backend is closed");
            }
            return operation.get();
        } finally {
            mine.over = true;
            running.remove(mine);
        }
    }

    /**
     * Admits no more operations, waits for the running ones, and releases what they used. An interrupt does not end the
     * wait; the flag is kept. Calling it again does nothing.
     *
     * <p>If operations are still running at the deadline, it releases all the same, which ends those that wait for a server.
     *
     * @throws BackendException if releasing failed, or is not done at the deadline; then it goes on in the background
     */
    void close(Runnable release) {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        long untilNanos = System.nanoTime() + closeTimeout.toNanos();
        boolean wasIdle = awaitIdle(untilNanos);
        FutureTask<Void> releasing = new FutureTask<>(release, null);
        Thread thread = new Thread(releasing, "keystore-jdbc-close");
        thread.setDaemon(true);
        thread.start();
        if (!await(releasing, wasIdle ? untilNanos : System.nanoTime() + closeTimeout.toNanos() / 4)) {
            throw BackendException.permanent(
                    place + ": could not close within " + closeTimeout.toMillis() + " ms: "
                            + (wasIdle ? "its connections do not close" : "an operation is still running"),
                    null);
        }
    }

    private boolean awaitIdle(long untilNanos) {
        boolean interrupted = false;
        boolean idle = running.stream().allMatch(operation -> operation.over);
        while (!idle && untilNanos - System.nanoTime() > 0) {
            LockSupport.parkNanos(this, POLL_NANOS);
            interrupted |= Thread.interrupted();
            idle = running.stream().allMatch(operation -> operation.over);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return idle;
    }

    /** Returns whether it is done in time. */
    private boolean await(Future<Void> task, long untilNanos) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    task.get(untilNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
                    return true;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof BackendException failure) {
                throw failure;
            }
            throw BackendException.permanent(place + ": could not close: " + e.getCause(), e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
