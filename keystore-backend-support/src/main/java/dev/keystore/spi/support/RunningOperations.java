package dev.keystore.spi.support;

import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Counts the operations that are running in a backend, so that closing it can wait for them.
 *
 * <p>Concurrency: an operation waits neither for another one nor for {@link #refuseMore}; it runs or is refused. Its
 * end is recorded by one write to a field, which can't fail (R31).
 */
public final class RunningOperations {

    /** An operation that is running. */
    private static final class Running {
        private volatile boolean ended;
    }

    private final String place;
    private final Set<Running> running = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;
    private final BooleanSupplier noneRuns = this::noneRuns;

    /**
     * Creates an instance that admits operations.
     *
     * @param place where the store is, for messages
     */
    public RunningOperations(String place) {
        this.place = Objects.requireNonNull(place, "place");
    }

    /**
     * An operation of a backend.
     *
     * @param <T> the type of the result
     * @param <X> the type of its checked exceptions
     */
    @FunctionalInterface
    public interface Operation<T extends @Nullable Object, X extends Exception> {

        /**
         * Runs the operation.
         *
         * @return the result
         * @throws X if it fails
         */
        T run() throws X;
    }

    /**
     * Runs an operation on the calling thread.
     *
     * @param name what the operation does, for messages, for example "compact"
     * @param operation runs once, unless it is refused
     * @param <T> the type of the result
     * @param <X> the type of the operation's checked exceptions
     * @return what the operation returned
     * @throws X if the operation throws it
     * @throws IllegalStateException if {@link #refuseMore} was called before; the operation did not run
     */
    public <T extends @Nullable Object, X extends Exception> T run(String name, Operation<T, X> operation) throws X {
        Running mine = new Running();
        running.add(mine);
        try {
            // In this order: either this sees that the backend is closed, or awaitIdle sees the operation.
            if (closed) {
                throw new IllegalStateException(place + ": could not " + name + ": the backend is closed");
            }
            return operation.run();
        } finally {
            mine.ended = true;
            running.remove(mine);
        }
    }

    /** Refuses operations from now on. Does not wait for those that are running. */
    public void refuseMore() {
        closed = true;
    }

    /**
     * Waits until no operation is running. An interrupt does not end the wait; the thread's flag is preserved.
     *
     * @param timeout the maximum time to wait
     * @return whether no operation is running
     */
    public boolean awaitIdle(Duration timeout) {
        return Await.uninterruptibly(noneRuns, timeout);
    }

    private boolean noneRuns() {
        for (Running operation : running) {
            if (!operation.ended) {
                return false;
            }
        }
        return true;
    }
}
