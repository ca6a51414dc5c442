package dev.keystore.jdbc;

import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;

/**
 * A place for one connection of a {@link ReaderPool}, which is opened when it is first needed.
 *
 * <p>Concurrency: {@link #current} is the lease of the thread that uses the slot; that thread has the other fields to
 * itself.
 *
 * <p>Recovery: a slot is marked {@link #unfinished} before its connection is used. A connection that fails, or whose
 * user left by an error, is closed by that thread or by the pool's next user (R31).
 */
final class ReaderSlot {

    private static final long OPEN_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** A connection that was idle for longer than this is validated before it is used. */
    private static final long UNCHECKED_IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private static final int VALIDATION_SECONDS = 5;

    /** One thread's use of a slot. */
    static final class Lease {

        /** The thread that takes the slot, or waits for one. */
        final Thread thread = Thread.currentThread();

        /** Set by the thread that uses the slot when it leaves. */
        volatile boolean over;

        /** Set by a thread that uses the slot for the one that took it, before it looks at {@link #left}. */
        volatile boolean handedOff;

        /** Set by the thread that took the slot when it leaves, before it looks at {@link #handedOff}. */
        volatile boolean left;
    }

    private final Supplier<Handle> opening;
    private final Predicate<JdbiException> isWorthRetrying;
    private final Duration maxAge;

    private final AtomicReference<@Nullable Lease> current = new AtomicReference<>();

    /** Volatile for {@link #abort} alone. */
    private volatile @Nullable Handle handle;

    /** Whether the connection is in use, or was left by an error while it was. */
    private boolean unfinished;

    private long openedNanos;
    private long usedNanos;

    /** Creates a slot without a connection; the parameters are those of the pool. */
    ReaderSlot(Supplier<Handle> opening, Predicate<JdbiException> isWorthRetrying, Duration maxAge) {
        this.opening = opening;
        this.isWorthRetrying = isWorthRetrying;
        this.maxAge = maxAge;
    }

    /** Takes the slot, if it is free. */
    boolean take(Lease mine) {
        Lease former = current.get();
        return (former == null || former.over) && current.compareAndSet(former, mine);
    }

    boolean isOpen() {
        return handle != null;
    }

    /** Runs a query on the connection, after {@link #take}. */
    <T> T use(Function<Handle, T> query, long deadlineNanos) {
        Handle connection = unfinished ? null : usable();
        unfinished = true;
        if (connection == null) {
            discard();
            unfinished = true;
            connection = open(deadlineNanos);
            handle = connection;
            openedNanos = System.nanoTime();
        }
        try {
            T result = query.apply(connection);
            usedNanos = System.nanoTime();
            unfinished = false;
            return result;
        } catch (RuntimeException | Error e) {
            discard();
            throw e;
        }
    }

    /**
     * Does what {@link #use} does, and ends the lease: on another thread than the one that took the slot, which may
     * leave by an error at any time. One of the two sees that the other was first.
     *
     * @throws IllegalStateException if the other thread has left; the query did not run
     */
    <T> T useHandedOff(Lease mine, Function<Handle, T> query, long deadlineNanos) {
        mine.handedOff = true;
        try {
            if (mine.left) {
                throw new IllegalStateException("the reading thread has left");
            }
            return use(query, deadlineNanos);
        } finally {
            mine.over = true;
        }
    }

    private @Nullable Handle usable() {
        Handle connection = handle;
        long nowNanos = System.nanoTime();
        if (connection == null || nowNanos - openedNanos > maxAge.toNanos()) {
            return null;
        }
        return nowNanos - usedNanos < UNCHECKED_IDLE_NANOS || isValid(connection) ? connection : null;
    }

    private static boolean isValid(Handle connection) {
        try {
            return connection.getConnection().isValid(VALIDATION_SECONDS);
        } catch (SQLException e) {
            return false;
        }
    }

    private Handle open(long deadlineNanos) {
        while (true) {
            try {
                return opening.get();
            } catch (JdbiException e) {
                boolean over = System.nanoTime() - deadlineNanos > 0
                        || Thread.currentThread().isInterrupted();
                if (over || !isWorthRetrying.test(e)) {
                    throw e;
                }
            }
            LockSupport.parkNanos(OPEN_PAUSE_NANOS);
        }
    }

    /** Closes the connection after {@link #take}, if it was left by an error. */
    void discardUnfinished() {
        if (unfinished) {
            discard();
        }
    }

    /** Closes the connection, if there is one. Until that is done, the slot stays unfinished. */
    void discard() {
        Handle connection = handle;
        if (connection != null) {
            Connections.closeQuietly(connection);
            handle = null;
        }
        unfinished = false;
    }

    /** Ends what another thread does on the connection, where the driver can. */
    void abort() {
        Handle connection = handle;
        if (connection != null) {
            try {
                connection.getConnection().abort(Runnable::run);
            } catch (SQLException e) {
                // It ends by itself, or its thread waits for the server until the driver's timeout.
            }
        }
    }
}
