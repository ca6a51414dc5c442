package dev.keystore.jdbc;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jdbi.v3.core.ConnectionException;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;

/**
 * The connections that read: a fixed number of slots, each of which opens its connection when it is first needed.
 *
 * <p>Concurrency: one thread at a time uses a slot. It takes a free slot by compare-and-set and releases it by one field
 * write ({@link Lease#over}), which needs neither stack nor memory: no error makes a slot unavailable (R31). Waiting
 * threads are woken in the order in which they came; a lost wake-up delays one by {@link #SLICE_NANOS}.
 *
 * <p>Recovery: a slot is marked {@link ReaderSlot#unfinished} before its connection is used. A connection that fails, or whose
 * user left by an error, is closed by that thread or by the slot's next user, which opens a new one.
 */
final class ReaderPool {

    private static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long OPEN_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** A connection that was idle for longer than this is validated before it is used. */
    private static final long UNCHECKED_IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private static final int VALIDATION_SECONDS = 5;

    /** The maximum age of connections that are not replaced. */
    static final Duration UNLIMITED = Duration.ofNanos(Long.MAX_VALUE);

    /**
     * How many connections a pool has, and for how long it uses and waits for them.
     *
     * @param connections the maximum number of connections
     * @param timeout how long a read waits for a free slot, and how long it keeps trying to open a connection
     * @param maxAge the age at which a connection is replaced
     */
    record Limits(int connections, Duration timeout, Duration maxAge) {}

    /** One thread's use of a slot. */
    private static final class Lease {

        volatile boolean over;
    }

    private final Supplier<Handle> opening;
    private final Predicate<JdbiException> isWorthRetrying;
    private final Limits limits;
    private final List<ReaderSlot> slots;
    private final Queue<Thread> waiters = new ConcurrentLinkedQueue<>();
    private volatile boolean closed;

    /**
     * Creates a pool without opening a connection.
     *
     * @param opening opens a connection
     * @param isWorthRetrying returns whether another attempt to open one may succeed after a failure
     */
    ReaderPool(Limits limits, Supplier<Handle> opening, Predicate<JdbiException> isWorthRetrying) {
        this.limits = limits;
        this.opening = opening;
        this.isWorthRetrying = isWorthRetrying;
        this.slots = IntStream.range(0, limits.connections())
                .mapToObj(i -> new ReaderSlot())
                .toList();
    }

    /**
     * Runs a query on a connection that no other thread uses meanwhile.
     *
     * @throws JdbiException if no connection was free in time or could be opened, if the thread was interrupted while it
     *     waited for one (the interrupt flag stays set), or if the query failed
     */
    <T> T withHandle(Function<Handle, T> query) {
        long deadlineNanos = System.nanoTime() + limits.timeout().toNanos();
        Lease mine = new Lease();
        try {
            return acquire(mine, deadlineNanos).use(query, deadlineNanos);
        } finally {
            mine.over = true;
            LockSupport.unpark(waiters.peek());
            if (closed) {
                close();
            }
        }
    }

    private ReaderSlot acquire(Lease mine, long deadlineNanos) {
        ReaderSlot free = takeFree(mine);
        return free == null ? await(mine, deadlineNanos) : free;
    }

    private @Nullable ReaderSlot takeFree(Lease mine) {
        for (ReaderSlot slot : slots) {
            if (slot.take(mine)) {
                return slot;
            }
        }
        return null;
    }

    private ReaderSlot await(Lease mine, long deadlineNanos) {
        Thread self = Thread.currentThread();
        waiters.add(self);
        try {
            while (true) {
                ReaderSlot free = takeFree(mine);
                if (free != null) {
                    return free;
                }
                long leftNanos = deadlineNanos - System.nanoTime();
                if (leftNanos <= 0) {
                    throw unavailable("all " + slots.size() + " connections for reading have been in use for "
                            + limits.timeout().toSeconds() + " s");
                }
                if (self.isInterrupted()) {
                    throw unavailable("interrupted while waiting for a connection for reading");
                }
                LockSupport.parkNanos(this, Math.min(leftNanos, SLICE_NANOS));
            }
        } finally {
            waiters.remove(self);
        }
    }

    private static ConnectionException unavailable(String why) {
        return new ConnectionException(new SQLTransientConnectionException(why));
    }

    /** Closes the connections, and aborts those in use, which their users then close. No query may begin any more. */
    void close() {
        closed = true;
        Lease mine = new Lease();
        for (ReaderSlot slot : slots) {
            if (slot.take(mine)) {
                slot.discard();
            } else {
                slot.abort();
            }
        }
    }

    /** Returns how many connections are open. */
    int open() {
        return (int) slots.stream().filter(slot -> slot.handle != null).count();
    }

    /** A place for one connection. The thread whose lease is the current one has its fields to itself. */
    private final class ReaderSlot {

        private final AtomicReference<@Nullable Lease> current = new AtomicReference<>();

        /** Volatile for {@link #abort} alone. */
        private volatile @Nullable Handle handle;

        /** Whether the connection is in use, or was left by an error while it was. */
        private boolean unfinished;

        private long openedNanos;
        private long usedNanos;

        boolean take(Lease mine) {
            Lease former = current.get();
            return (former == null || former.over) && current.compareAndSet(former, mine);
        }

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

        private @Nullable Handle usable() {
            Handle connection = handle;
            long nowNanos = System.nanoTime();
            if (connection == null || nowNanos - openedNanos > limits.maxAge().toNanos()) {
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
}
