package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Counts the operations that are running in a backend, and closes it after the last of them.
 *
 * <p>Concurrency: an operation never waits here, neither for another nor for {@link #close}; it runs, or is refused. Closing
 * waits for running operations, then releases on a thread that no caller can interrupt. Both together take at most the
 * timeout.
 */
final class Lifecycle {

    /** Added to the number of running operations once no more are admitted. */
    private static final int CLOSED = Integer.MIN_VALUE;

    private final String place;
    private final Duration closeTimeout;
    private final AtomicInteger running = new AtomicInteger();
    private final CompletableFuture<Void> idle = new CompletableFuture<>();

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
        if (running.getAndUpdate(count -> count < 0 ? count : count + 1) < 0) {
            throw new IllegalStateException("the backend is closed");
        }
        try {
            return operation.get();
        } finally {
            if (running.decrementAndGet() == CLOSED) {
                idle.complete(null);
            }
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
        int before = running.getAndUpdate(count -> count | CLOSED);
        if (before < 0) {
            return;
        }
        if (before == 0) {
            idle.complete(null);
        }
        long untilNanos = System.nanoTime() + closeTimeout.toNanos();
        boolean wasIdle = await(idle, untilNanos);
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
