package dev.keystore.jdbc;

import dev.keystore.spi.support.PlatformThreads;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jdbi.v3.core.ConnectionException;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;

/**
 * A pool of connections that read: a fixed number of slots, each of which opens its connection when it is first needed.
 *
 * <p>Concurrency: one thread at a time uses a slot. It takes a free slot by compare-and-set and releases it by one
 * field write ({@link ReaderSlot.Lease#ended}), which needs neither stack nor memory: no error makes a slot unavailable
 * (R31). Waiting threads are woken in arrival order; a lost wake-up delays a thread by up to 50 ms.
 */
final class ReaderPool {

    private static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** A maximum age that no connection reaches. */
    static final Duration UNLIMITED = Duration.ofNanos(Long.MAX_VALUE);

    /**
     * The size of a pool, and its time limits.
     *
     * @param connections the maximum number of connections
     * @param timeout the maximum time that a read waits for a free slot and keeps trying to open its connection
     * @param maxAge the age at which a connection is replaced
     * @param isRemote whether queries wait for a server; if so, those of virtual threads run on platform threads
     */
    record Limits(int connections, Duration timeout, Duration maxAge, boolean isRemote) {}

    private final Limits limits;
    private final PlatformThreads platformThreads = new PlatformThreads("keystore-jdbc-read");
    private final List<ReaderSlot> slots;
    private final Queue<ReaderSlot.Lease> waiters = new ConcurrentLinkedQueue<>();
    private volatile boolean closed;

    /**
     * Whether a read has failed since the last call of {@link #closeUnfinished}, and may have left its connection open.
     */
    private volatile boolean hasFailure;

    /**
     * Creates a pool without opening a connection.
     *
     * @param source where connections come from
     */
    ReaderPool(Limits limits, ReaderSlot.Source source) {
        this.limits = limits;
        this.slots = IntStream.range(0, limits.connections())
                .mapToObj(i -> new ReaderSlot(source, limits.maxAge()))
                .toList();
    }

    /**
     * Runs a query on a connection that no other thread uses meanwhile.
     *
     * @throws JdbiException if no connection was free in time or could be opened, if the thread was interrupted while
     *     it waited for one (the interrupt flag stays set), or if the query failed
     */
    <T> T withHandle(Function<Handle, T> query) {
        if (hasFailure) {
            closeUnfinished();
        }
        long deadlineNanos = System.nanoTime() + limits.timeout().toNanos();
        ReaderSlot.Lease mine = new ReaderSlot.Lease();
        boolean finished = false;
        try {
            ReaderSlot slot = acquire(mine, deadlineNanos);
            T result = limits.isRemote()
                    ? platformThreads.run(() -> slot.useHandedOff(mine, query, deadlineNanos))
                    : slot.use(query, deadlineNanos);
            finished = true;
            return result;
        } finally {
            mine.left = true;
            if (!mine.handedOff) {
                mine.ended = true;
            }
            if (!finished) {
                hasFailure = true;
            }
            wakeNext();
            if (closed) {
                close();
            }
        }
    }

    /** Closes connections that failed threads left open: their snapshots would keep SQLite from emptying the log. */
    private void closeUnfinished() {
        hasFailure = false;
        boolean complete = false;
        try {
            for (ReaderSlot slot : slots) {
                closeUnfinished(slot);
            }
            complete = true;
        } finally {
            if (!complete) {
                hasFailure = true;
            }
        }
    }

    private static void closeUnfinished(ReaderSlot slot) {
        ReaderSlot.Lease mine = new ReaderSlot.Lease();
        try {
            if (slot.take(mine)) {
                slot.discardUnfinished();
            }
        } finally {
            mine.ended = true;
        }
    }

    /** Wakes the first thread that is still waiting. After an error, some may have left without removing themselves. */
    private void wakeNext() {
        ReaderSlot.Lease next = waiters.peek();
        while (next != null && next.left) {
            waiters.remove(next);
            next = waiters.peek();
        }
        if (next != null) {
            LockSupport.unpark(next.thread);
        }
    }

    private ReaderSlot acquire(ReaderSlot.Lease mine, long deadlineNanos) {
        ReaderSlot free = takeFree(mine);
        return free == null ? await(mine, deadlineNanos) : free;
    }

    private @Nullable ReaderSlot takeFree(ReaderSlot.Lease mine) {
        for (ReaderSlot slot : slots) {
            if (slot.take(mine)) {
                return slot;
            }
        }
        return null;
    }

    private ReaderSlot await(ReaderSlot.Lease mine, long deadlineNanos) {
        waiters.add(mine);
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
                if (mine.thread.isInterrupted()) {
                    throw unavailable("interrupted while waiting for a connection for reading");
                }
                LockSupport.parkNanos(this, Math.min(leftNanos, SLICE_NANOS));
            }
        } finally {
            waiters.remove(mine);
        }
    }

    private static ConnectionException unavailable(String why) {
        return new ConnectionException(new SQLTransientConnectionException(why));
    }

    /**
     * Closes idle connections, and aborts those in use, which their users then close. No query may begin afterwards.
     */
    void close() {
        closed = true;
        ReaderSlot.Lease mine = new ReaderSlot.Lease();
        for (ReaderSlot slot : slots) {
            if (slot.take(mine)) {
                slot.discard();
            } else {
                slot.abort();
            }
        }
    }

    /** Returns the number of open connections. */
    int open() {
        return (int) slots.stream().filter(ReaderSlot::isOpen).count();
    }
}
