package dev.keystore.jdbc;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A lock that its holder releases with one write of a field: {@link Hold#over}. A thread that has no stack or no memory left
 * for a call can still do that (R31).
 *
 * <p>Concurrency: waiters are woken by {@link #wakeNext} in the order in which they came, though a thread that comes just
 * then may be faster. A wake-up that is lost costs a waiter {@link #SLICE_NANOS}.
 */
final class WriterLock {

    private static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** One thread's hold of the lock. */
    static final class Hold {

        /** Set by the holder when it leaves. */
        volatile boolean over;
    }

    private final AtomicReference<@Nullable Hold> last = new AtomicReference<>();
    private final Queue<Thread> waiters = new ConcurrentLinkedQueue<>();

    /**
     * Waits for the lock.
     *
     * @return the hold, or null if the time has passed
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    @Nullable
    Hold acquire(long timeoutNanos) throws InterruptedException {
        Hold mine = new Hold();
        if (take(mine)) {
            return mine;
        }
        Thread self = Thread.currentThread();
        long deadlineNanos = System.nanoTime() + timeoutNanos;
        boolean taken = false;
        waiters.add(self);
        try {
            while (!take(mine)) {
                long leftNanos = deadlineNanos - System.nanoTime();
                if (leftNanos <= 0) {
                    return null;
                }
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                LockSupport.parkNanos(this, Math.min(leftNanos, SLICE_NANOS));
            }
            waiters.remove(self);
            taken = true;
            return mine;
        } finally {
            if (!taken) {
                mine.over = true;
                waiters.remove(self);
            }
        }
    }

    private boolean take(Hold mine) {
        Hold holder = last.get();
        return (holder == null || holder.over) && last.compareAndSet(holder, mine);
    }

    /** Wakes the first waiter, if there is one. */
    void wakeNext() {
        LockSupport.unpark(waiters.peek());
    }
}
