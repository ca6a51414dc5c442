package dev.keystore.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jdbi.v3.core.ConnectionException;
import org.jdbi.v3.core.ConnectionFactory;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;

/**
 * A slot of a {@link ReaderPool}. It holds at most one connection, which is opened when it is first needed.
 *
 * <p>Concurrency: {@link #current} is the lease of the thread that uses the slot. Only that thread accesses the other
 * fields, except {@link #connection}.
 *
 * <p>Recovery: a slot is marked {@link #unfinished} before its connection is opened or used, and stores the driver's
 * connection as soon as the driver returns it. A connection that fails, or whose user was stopped by an error, is
 * closed by that thread or by the pool's next user (R31).
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
        volatile boolean ended;

        /** Set by a thread that uses the slot on behalf of the one that took it, before it reads {@link #left}. */
        volatile boolean handedOff;

        /** Set by the thread that took the slot when it leaves, before it reads {@link #handedOff}. */
        volatile boolean left;
    }

    /**
     * Where connections come from.
     *
     * @param driver opens a connection
     * @param setUp prepares it for queries
     * @param isWorthRetrying returns whether another attempt to open a connection may succeed after a failure
     */
    record Source(ConnectionFactory driver, Consumer<Handle> setUp, Predicate<JdbiException> isWorthRetrying) {}

    private final Source source;
    private final Duration maxAge;

    private final AtomicReference<@Nullable Lease> current = new AtomicReference<>();

    /** The driver's connection. Volatile only for {@link #abort}. */
    private volatile @Nullable Connection connection;

    /** The connection for queries. Volatile only for {@link #isOpen}. */
    private volatile @Nullable Handle handle;

    /** Whether the connection is being opened or used, or an error stopped a thread that did so. */
    private boolean unfinished;

    private long openedNanos;
    private long usedNanos;

    /** Creates a slot without a connection; the parameters are those of the pool. */
    ReaderSlot(Source source, Duration maxAge) {
        this.source = source;
        this.maxAge = maxAge;
    }

    /** Takes the slot, if it is free. */
    boolean take(Lease mine) {
        Lease former = current.get();
        return (former == null || former.ended) && current.compareAndSet(former, mine);
    }

    boolean isOpen() {
        return handle != null;
    }

    /** Runs a query on the connection, after {@link #take}. */
    <T> T use(Function<Handle, T> query, long deadlineNanos) {
        Handle usable = unfinished ? null : usable();
        unfinished = true;
        try {
            if (usable == null) {
                usable = open(deadlineNanos);
            }
            T result = query.apply(usable);
            usedNanos = System.nanoTime();
            unfinished = false;
            return result;
        } catch (RuntimeException | Error e) {
            discard();
            throw e;
        }
    }

    /**
     * Runs a query like {@link #use}, and ends the lease. Called on a different thread from the one that took the slot,
     * which an error may stop at any time. Each of the two threads sets its flag and then reads the other's, so the
     * lease never ends while the query runs.
     *
     * @throws IllegalStateException if the other thread has left; the query did not run
     */
    <T> T useHandedOff(Lease mine, Function<Handle, T> query, long deadlineNanos) {
        mine.handedOff = true;
        try {
            if (mine.left) {
                throw new IllegalStateException(mine.thread.getName() + " has left before its query began");
            }
            return use(query, deadlineNanos);
        } finally {
            mine.ended = true;
        }
    }

    private @Nullable Handle usable() {
        Handle open = handle;
        long nowNanos = System.nanoTime();
        if (open == null || nowNanos - openedNanos > maxAge.toNanos()) {
            return null;
        }
        return nowNanos - usedNanos < UNCHECKED_IDLE_NANOS || isValid(open) ? open : null;
    }

    private static boolean isValid(Handle open) {
        try {
            return open.getConnection().isValid(VALIDATION_SECONDS);
        } catch (SQLException e) {
            return false;
        }
    }

    private Handle open(long deadlineNanos) {
        while (true) {
            discard();
            unfinished = true;
            try {
                return openOnce();
            } catch (JdbiException e) {
                boolean over = System.nanoTime() - deadlineNanos > 0
                        || Thread.currentThread().isInterrupted();
                if (over || !source.isWorthRetrying().test(e)) {
                    throw e;
                }
            }
            LockSupport.parkNanos(OPEN_PAUSE_NANOS);
        }
    }

    private Handle openOnce() {
        Connection driverConnection;
        try {
            driverConnection = source.driver().openConnection();
        } catch (SQLException e) {
            throw new ConnectionException(e);
        }
        // Before any call, which may fail: from here on, the slot closes the connection.
        connection = driverConnection;
        Handle open = Connections.jdbiWithCache(() -> driverConnection).open();
        handle = open;
        source.setUp().accept(open);
        openedNanos = System.nanoTime();
        return open;
    }

    /** Closes the connection after {@link #take}, if an error stopped the thread that opened or used it. */
    void discardUnfinished() {
        if (unfinished) {
            discard();
        }
    }

    /** Closes the connection, if there is one. An unfinished slot stays unfinished until that is done. */
    void discard() {
        Connection open = connection;
        if (open != null) {
            Connections.closeQuietly(open);
            handle = null;
            connection = null;
        }
        unfinished = false;
    }

    /** Aborts another thread's use of the connection, if the driver supports that. */
    void abort() {
        Connection used = connection;
        if (used != null) {
            try {
                used.abort(Connections.ON_CALLING_THREAD);
            } catch (SQLException e) {
                // The query ends normally, or fails at the driver's timeout.
            }
        }
    }
}
