package dev.keystore.spi.support;

import dev.keystore.spi.BackendException;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A mutual exclusion lock. Every wait for it has a deadline, and its release can't fail.
 *
 * <p>{@link java.util.concurrent.locks.ReentrantLock#unlock} is a call, which may fail, for example with a
 * {@link StackOverflowError}, and leave the lock held. Here the release is one write to a field (R31). If a thread
 * failed and left shared state incomplete, the next holder has to detect that.
 *
 * <p>Concurrency: waiting threads are woken in arrival order, but a thread that arrives just as the lock is released
 * may acquire it first. A lost wake-up delays a waiting thread by up to 10 ms: no thread depends on another one to wake
 * it, since that may be a virtual thread without a carrier. The lock is not reentrant. What one holder writes is
 * visible to the next.
 */
public final class TimedLock {

    private static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    /** One thread's attempt to hold the lock. */
    private static final class Hold {

        private final Thread thread = Thread.currentThread();

        /** Whether the attempt is over: the thread neither holds the lock nor waits for it. */
        private volatile boolean released;

        /** Whether the interrupt flag has to be restored. Used by the thread alone. */
        private boolean interrupted;
    }

    private final String place;
    private final String holderActivity;
    private final Duration timeout;
    private final AtomicReference<@Nullable Hold> last = new AtomicReference<>();
    private final Queue<Hold> waiting = new ConcurrentLinkedQueue<>();

    /**
     * Creates a lock that is free.
     *
     * @param place what the lock belongs to, for messages, for example the path of the store
     * @param holderActivity what a holder does, for messages, for example {@code "another thread's commit"}
     * @param timeout the maximum time that a thread waits for the lock
     */
    public TimedLock(String place, String holderActivity, Duration timeout) {
        this.place = place;
        this.holderActivity = holderActivity;
        this.timeout = timeout;
    }

    /**
     * What a thread does while it holds the lock.
     *
     * @param <T> the type of the result
     * @param <X> the type of its checked exceptions
     */
    @FunctionalInterface
    public interface Work<T extends @Nullable Object, X extends Exception> {

        /**
         * Does the work.
         *
         * @return the result
         * @throws X if it fails
         */
        T run() throws X;
    }

    /**
     * Waits for the lock, and runs work while holding it. If the work throws, the exception reaches the caller, and the
     * lock is released.
     *
     * @param operation for messages, for example {@code "commit"}
     * @param work runs on the calling thread, once
     * @param <T> the type of the result
     * @param <X> the type of the work's checked exceptions
     * @return what the work returned
     * @throws X if the work throws it
     * @throws BackendException (transient) if the lock was not free within the timeout, or the thread was interrupted
     *     while it waited (its flag stays set); the work did not run
     */
    public <T extends @Nullable Object, X extends Exception> T hold(String operation, Work<T, X> work) throws X {
        Hold mine = new Hold();
        try {
            if (!take(mine)) {
                await(operation, mine, true);
            }
            return work.run();
        } finally {
            // The release comes before any call, which may fail.
            mine.released = true;
            wakeNext();
        }
    }

    /**
     * Waits for the lock like {@link #hold}, but regardless of interrupts. The thread's interrupt flag is cleared
     * during the wait and the work, and restored afterwards.
     *
     * @param operation for messages, for example {@code "close"}
     * @param work runs on the calling thread, once
     * @param <T> the type of the result
     * @param <X> the type of the work's checked exceptions
     * @return what the work returned
     * @throws X if the work throws it
     * @throws BackendException (transient) if the lock was not free within the timeout; the work did not run
     */
    public <T extends @Nullable Object, X extends Exception> T holdUninterruptibly(String operation, Work<T, X> work)
            throws X {
        Hold mine = new Hold();
        try {
            mine.interrupted = Thread.interrupted();
            if (!take(mine)) {
                await(operation, mine, false);
            }
            return work.run();
        } finally {
            mine.released = true;
            wakeNext();
            if (mine.interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Runs work while holding the lock, if the lock is free now; never waits. If the work throws, the exception reaches
     * the caller, and the lock is released.
     *
     * @param work runs on the calling thread, at most once
     * @return what the work returned; {@code false} if the lock was not free and the work did not run
     */
    public boolean holdIfFree(BooleanSupplier work) {
        Hold mine = new Hold();
        try {
            return take(mine) && work.getAsBoolean();
        } finally {
            mine.released = true;
            wakeNext();
        }
    }

    private void await(String operation, Hold mine, boolean endsAtInterrupt) {
        long startNanos = System.nanoTime();
        waiting.add(mine);
        while (!take(mine)) {
            long leftNanos = timeout.toNanos() - (System.nanoTime() - startNanos);
            if (leftNanos <= 0) {
                throw BackendException.transientFailure(
                        place + ": could not " + operation + ": " + holderActivity + " has not ended within "
                                + timeout.toMillis() + " ms",
                        null);
            }
            if (!endsAtInterrupt) {
                mine.interrupted |= Thread.interrupted();
            } else if (Thread.currentThread().isInterrupted()) {
                throw BackendException.transientFailure(
                        place + ": could not " + operation + ": interrupted while waiting for " + holderActivity, null);
            }
            LockSupport.parkNanos(this, Math.min(leftNanos, SLICE_NANOS));
        }
        waiting.remove(mine);
    }

    private boolean take(Hold mine) {
        Hold holder = last.get();
        return (holder == null || holder.released) && last.compareAndSet(holder, mine);
    }

    /** Wakes the first thread that still waits. */
    private void wakeNext() {
        Hold next = waiting.peek();
        while (next != null && next.released) {
            waiting.remove(next);
            next = waiting.peek();
        }
        if (next != null) {
            LockSupport.unpark(next.thread);
        }
    }
}
