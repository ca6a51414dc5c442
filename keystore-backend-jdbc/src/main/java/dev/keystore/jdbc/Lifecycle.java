package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.Await;
import dev.keystore.spi.support.RunningOperations;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Runs the operations of a backend, and closes it after the last of them.
 *
 * <p>Concurrency: an operation never waits here; it runs or is refused. Closing waits for the running operations, and
 * then releases what they used on a thread that no caller can interrupt. Both together take up to the timeout, or a
 * quarter more if operations are still running at the timeout.
 */
final class Lifecycle {

    private final String place;
    private final Duration closeTimeout;
    private final RunningOperations operations;
    private final AtomicBoolean closing = new AtomicBoolean();

    /**
     * Creates an instance that admits operations.
     *
     * @param place where the store is, for messages
     */
    Lifecycle(String place, Duration closeTimeout) {
        this.place = place;
        this.closeTimeout = closeTimeout;
        this.operations = new RunningOperations(place);
    }

    /**
     * Runs an operation on the calling thread.
     *
     * @param name what the operation does, for messages
     * @throws IllegalStateException if {@link #close} was called before; the operation did not run
     */
    <T> T run(String name, Supplier<T> operation) {
        return operations.<T, RuntimeException>run(name, operation::get);
    }

    /** Returns whether no operation is running. */
    boolean isIdle() {
        return operations.awaitIdle(Duration.ZERO);
    }

    /**
     * Refuses operations from now on, waits for the running ones, and releases what they used. An interrupt does not
     * end the wait; the thread's flag is preserved. A second call does nothing, unless the first failed before it
     * released anything.
     *
     * <p>If operations are still running at the timeout, everything is released nevertheless, which ends operations
     * that wait for a server.
     *
     * @throws BackendException if releasing failed, or did not end in time; then it continues in the background
     */
    void close(Runnable release) {
        operations.refuseMore();
        if (!closing.compareAndSet(false, true)) {
            return;
        }
        long startNanos = System.nanoTime();
        FutureTask<Void> releasing;
        boolean wasIdle;
        boolean started = false;
        try {
            releasing = new FutureTask<>(release, null);
            wasIdle = operations.awaitIdle(closeTimeout);
            Thread thread = new Thread(releasing, "keystore-jdbc-close");
            thread.setDaemon(true);
            thread.start();
            started = true;
        } finally {
            if (!started) {
                closing.set(false); // without memory for a thread, for example: the next call releases
            }
        }
        Duration left = wasIdle ? closeTimeout.minusNanos(System.nanoTime() - startNanos) : closeTimeout.dividedBy(4);
        BooleanSupplier released = new BooleanSupplier() {
            @Override
            public boolean getAsBoolean() {
                return releasing.isDone();
            }
        };
        if (!Await.uninterruptibly(released, left)) {
            throw BackendException.permanent(
                    place + ": could not close within " + closeTimeout.toMillis() + " ms: "
                            + (wasIdle ? "its connections do not close" : "an operation is still running"),
                    null);
        }
        requireReleased(releasing);
    }

    private void requireReleased(Future<Void> done) {
        try {
            done.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof BackendException failure) {
                throw failure;
            }
            throw BackendException.permanent(place + ": could not close: " + e.getCause(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
