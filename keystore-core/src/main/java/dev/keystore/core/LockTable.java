package dev.keystore.core;

import com.google.common.util.concurrent.Striped;
import dev.keystore.LockTimeoutException;
import dev.keystore.OperationInterruptedException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The locks of all lock keys of all contexts.
 *
 * <p>Concurrency: fair, so that those who wait for one key get it in the order in which they came (R20). The locks of one
 * call are taken in the order of the stripes (R25). Every wait has a deadline (R27).
 */
final class LockTable {

    private final Striped<Lock> stripes;
    private final Duration timeout;

    LockTable(int stripes, Duration timeout) {
        this.stripes = Striped.custom(stripes, StripeLock::new);
        this.timeout = timeout;
    }

    /** Takes the locks of all keys, or none. */
    Held acquire(Context context, Set<String> lockKeys) {
        Held held = new Held();
        acquire(context, lockKeys, held);
        return held;
    }

    /** Takes the locks of all keys on top of those already held, or none more. */
    void acquire(Context context, Set<String> lockKeys, Held held) {
        Map<Lock, LockKey> wanted = new HashMap<>();
        for (String lockKey : lockKeys) {
            LockKey key = new LockKey(context, lockKey);
            wanted.put(stripes.get(key), key);
        }
        long deadlineNanos = System.nanoTime() + timeout.toNanos();
        int before = held.size();
        try {
            for (Lock stripe : stripes.bulkGet(wanted.values())) {
                StripeLock lock = (StripeLock) stripe;
                lock.take(Objects.requireNonNull(wanted.get(stripe)), deadlineNanos, timeout);
                held.push(lock);
            }
        } catch (RuntimeException e) {
            held.releaseDownTo(before);
            throw e;
        }
    }

    private record LockKey(Context context, String lockKey) {

        @Override
        public String toString() {
            return "lock key \"" + lockKey + "\" of context \"" + context.name + "\"";
        }
    }

    /** The locks that one transaction holds; closing it frees them. */
    static final class Held implements AutoCloseable {

        private final Deque<StripeLock> locks = new ArrayDeque<>();

        int size() {
            return locks.size();
        }

        private void push(StripeLock lock) {
            locks.push(lock);
        }

        void releaseDownTo(int size) {
            while (locks.size() > size) {
                locks.pop().free();
            }
        }

        @Override
        public void close() {
            releaseDownTo(0);
        }
    }

    private static final class StripeLock extends ReentrantLock {

        private static final long serialVersionUID = 1L;

        private transient volatile @Nullable LockKey holder;

        StripeLock() {
            super(true);
        }

        void take(LockKey key, long deadlineNanos, Duration timeout) {
            try {
                if (!tryLock(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                    throw new LockTimeoutException(key.context.name, key.lockKey, timeout, describeHolder());
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new OperationInterruptedException(key.toString());
            }
            if (getHoldCount() == 1) {
                holder = key;
            }
        }

        void free() {
            if (getHoldCount() == 1) {
                holder = null;
            }
            unlock();
        }

        private String describeHolder() {
            Thread thread = getOwner();
            LockKey key = holder;
            return thread == null || key == null
                    ? "nobody any more"
                    : "thread \"" + thread.getName() + "\" with " + key;
        }
    }
}
