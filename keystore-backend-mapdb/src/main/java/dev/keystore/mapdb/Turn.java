package dev.keystore.mapdb;

import dev.keystore.spi.BackendException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Lets one thread at a time do something that changes shared state.
 *
 * <p>In place of a {@link java.util.concurrent.locks.ReentrantLock}, whose {@code unlock} is a call and so may itself fail,
 * with a {@link StackOverflowError} for example, and leave the lock held. Here unwinding is one write to a field, whatever
 * was thrown and wherever. What the failed thread left half done is for the next one to find, from the state that it
 * guards: that thread writes the state first, and calls afterwards.
 *
 * <p>Turns are neither reentrant nor fair. Reads and writes of one turn are visible to the next.
 */
final class Turn {

    private static final VarHandle HOLDER;

    static {
        try {
            HOLDER = MethodHandles.lookup().findVarHandle(Turn.class, "holder", Object.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final String others;
    private final Duration timeout;
    private volatile @Nullable Object holder;

    /**
     * Creates one that is free.
     *
     * @param others what other threads do when they have the turn, for messages
     * @param timeout how long a thread waits for its turn
     */
    Turn(String others, Duration timeout) {
        this.others = others;
        this.timeout = timeout;
    }

    /** What a thread does when it is its turn. */
    interface Work<T extends @Nullable Object, X extends Exception> {
        T run() throws X;
    }

    /**
     * Waits for the turn, and does the work.
     *
     * @param doing for messages, for example "commit"
     * @throws BackendException a transient one, if the turn did not come within the timeout, or the thread was interrupted
     *     while it waited; nothing was done
     */
    @SuppressWarnings("ReferenceEquality") // this hold, and not one that equals it
    <T extends @Nullable Object, X extends Exception> T hold(String doing, Work<T, X> work) throws X {
        Object token = new Object();
        try {
            switch (Await.until(() -> HOLDER.compareAndSet(this, null, token), timeout)) {
                case DONE -> {
                    return work.run();
                }
                case TIMED_OUT ->
                    throw BackendException.transientFailure(
                            "could not " + doing + ": " + others + " has not ended within " + timeout.toMillis()
                                    + " ms",
                            null);
                case INTERRUPTED ->
                    throw BackendException.transientFailure(
                            "could not " + doing + ": interrupted while waiting for " + others, null);
            }
            throw new AssertionError();
        } finally {
            // No call, which could fail here as well.
            if (holder == token) {
                holder = null;
            }
        }
    }
}
