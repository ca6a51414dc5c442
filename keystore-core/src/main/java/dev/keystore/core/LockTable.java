package dev.keystore.core;

import dev.keystore.LockTimeoutException;
import dev.keystore.OperationInterruptedException;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The locks of all lock keys of all contexts.
 *
 * <p>Concurrency: each key that is held or waited for has a queue of places, and the table maps the key to the last of
 * them; other keys have no entry. A transaction adds its place by compare-and-set, and gets the lock in that order (R20).
 * A place is done once its transaction has released its locks, or has given up waiting. The lock belongs to the place
 * whose predecessors are all done: it finds that out by itself, so there is no hand-over that could meet a waiter that
 * gives up. Keys share nothing; the bins of the hash table are locked only while an entry changes.
 *
 * <p>Order: the locks of one call are taken in the order of their keys (R25). Waits are timed parks (R27).
 *
 * <p>Recovery: a transaction releases its locks by one write to a field, {@link Held#released}, without a call that could
 * fail where no stack or heap is left (R31). The calls after it, which wake the next waiter and remove the key from the
 * table, may fail: a waiter also looks by itself after a pause, and a place that stays in the table counts as done and is
 * removed with the next one of its key.
 */
final class LockTable {

    /** A waiter looks by itself after as long as it has waited so far, within these bounds. */
    private static final long SHORTEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final ConcurrentHashMap<LockKey, Place> last = new ConcurrentHashMap<>();
    private final Duration timeout;

    LockTable(Duration timeout) {
        this.timeout = timeout;
    }

    /** Takes the locks of all keys that {@code held} does not hold yet, or none of them. */
    void acquire(String context, Set<String> lockKeys, Held held) {
        long beginNanos = System.nanoTime();
        Place outer = held.top;
        boolean acquired = false;
        try {
            for (String lockKey : new TreeSet<>(lockKeys)) {
                LockKey key = new LockKey(context, lockKey);
                if (!isAmong(outer, key)) {
                    await(enqueue(key, held), beginNanos);
                }
            }
            acquired = true;
        } finally {
            if (!acquired) {
                Place top = held.top;
                for (Place place = top; place != null && place != outer; place = place.below) {
                    place.left = true;
                }
                held.top = outer;
                leave(top, outer);
            }
        }
    }

    /** Releases all locks. */
    void release(Held held) {
        held.released = true;
        leave(held.top, null);
    }

    /** Returns whether nobody holds a lock or waits for one. */
    boolean isEmpty() {
        return last.isEmpty();
    }

    private static boolean isAmong(@Nullable Place top, LockKey key) {
        for (Place place = top; place != null; place = place.below) {
            if (place.key.equals(key)) {
                return true;
            }
        }
        return false;
    }

    /** Whatever fails in here, the new place is one of {@code held}, and if others see it they see its predecessor too. */
    private Place enqueue(LockKey key, Held held) {
        Place mine = new Place(key, held);
        held.top = mine;
        while (true) {
            Place before = last.get(key);
            mine.before = before;
            if (before == null ? last.putIfAbsent(key, mine) == null : last.replace(key, before, mine)) {
                return mine;
            }
        }
    }

    private void await(Place mine, long beginNanos) {
        while (true) {
            if (Thread.currentThread().isInterrupted()) {
                throw new OperationInterruptedException(mine.key.toString());
            }
            if (mine.isFirst()) {
                return;
            }
            long waitedNanos = System.nanoTime() - beginNanos;
            long leftNanos = timeout.toNanos() - waitedNanos;
            if (leftNanos <= 0) {
                throw new LockTimeoutException(mine.key.context, mine.key.lockKey, timeout, mine.describeHolder());
            }
            long pauseNanos = Math.min(Math.max(waitedNanos, SHORTEST_PAUSE_NANOS), LONGEST_PAUSE_NANOS);
            LockSupport.parkNanos(this, Math.min(leftNanos, pauseNanos));
        }
    }

    /** Wakes the waiters behind places that are done, down to {@code outer}, and removes those places from the table. */
    private void leave(@Nullable Place top, @Nullable Place outer) {
        for (Place place = top; place != null && place != outer; place = place.below) {
            Place waiter = place.next;
            place.next = null;
            if (waiter != null) {
                LockSupport.unpark(waiter.held.thread);
            }
            remove(place);
        }
    }

    /** Removes a place that is done if it is the last of its key, and then its predecessors that are done. */
    private void remove(Place done) {
        Place place = done;
        while (place != null && place.isDone()) {
            Place before = place.before;
            boolean wasLast = before == null ? last.remove(place.key, place) : last.replace(place.key, place, before);
            place = wasLast ? before : null;
        }
    }

    private record LockKey(String context, String lockKey) {

        @Override
        public String toString() {
            return "lock key \"" + lockKey + "\" of context \"" + context + "\"";
        }
    }

    /** The locks of one transaction, which belongs to the thread that makes this. */
    static final class Held {

        private final Thread thread = Thread.currentThread();
        private @Nullable Place top;

        /** Whether the locks are released; never unset. To be set without a call, before {@link LockTable#release}. */
        volatile boolean released;
    }

    /** A transaction in the queue of one key. Its own thread alone changes it, except {@link #next}. */
    private static final class Place {

        final LockKey key;
        final Held held;

        /** The place that the same transaction took before this one. */
        final @Nullable Place below;

        /** The place ahead in the queue, or null if this one holds the lock; final once this is done. */
        volatile @Nullable Place before;

        /** The place that waits for this one to be done, set by its thread. */
        volatile @Nullable Place next;

        volatile boolean left;

        Place(LockKey key, Held held) {
            this.key = key;
            this.held = held;
            this.below = held.top;
        }

        boolean isDone() {
            return left || held.released;
        }

        /** Returns whether all places ahead are done. If not, the first of them that isn't will wake this one's thread. */
        boolean isFirst() {
            for (Place ahead = before; ahead != null; ahead = ahead.before) {
                before = ahead;
                ahead.next = this;
                if (!ahead.isDone()) {
                    return false;
                }
            }
            before = null;
            return true;
        }

        String describeHolder() {
            Place holder = null;
            for (Place ahead = before; ahead != null; ahead = ahead.before) {
                holder = ahead.isDone() ? holder : ahead;
            }
            return holder == null
                    ? "nobody any more"
                    : "thread \"" + holder.held.thread.getName() + "\" with " + holder.key;
        }
    }
}
