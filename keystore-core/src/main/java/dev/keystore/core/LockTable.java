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
 * The locks of all lock keys of all contexts; a second table locks contexts while they are opened, copied or moved.
 *
 * <p>Concurrency: each key that is held or waited for has a linked queue of {@link Node}s, as in a CLH lock, and the
 * table maps the key to the tail; other keys have no entry. A transaction appends its node by compare-and-set and gets
 * the lock in that order (R20). A node is done once its transaction has released its locks or has stopped waiting. The
 * lock belongs to the node whose predecessors are all done. Each waiter finds that out by itself, so a lock is never
 * handed to a waiter that is just giving up. Keys do not block each other; the bins of the hash table are locked only
 * while an entry changes.
 *
 * <p>Order: the locks of one call are taken in the sort order of their keys (R25). Waits are timed parks (R27).
 *
 * <p>Recovery: a transaction releases its locks by one write of a field, {@link Held#released}, not by a call, which
 * might fail if no stack or heap is left (R31). The calls after it, which wake the next waiter and clean the table, may
 * fail. Therefore a waiter also checks by itself at intervals, and a node that stays in the table counts as done and is
 * removed together with the next node of its key.
 */
final class LockTable {

    /** A waiter rechecks at intervals that equal the time it has waited so far, within these bounds. */
    private static final long SHORTEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final ConcurrentHashMap<LockKey, Node> tails = new ConcurrentHashMap<>();
    private final Duration timeout;

    LockTable(Duration timeout) {
        this.timeout = timeout;
    }

    /**
     * Acquires the locks of all keys that {@code held} does not include yet, or none of them.
     *
     * @throws LockTimeoutException if one was not free in time
     * @throws OperationInterruptedException if the thread was interrupted
     */
    void acquire(String context, Set<String> lockKeys, Held held) {
        long beginNanos = System.nanoTime();
        Node outer = held.top;
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
                Node top = held.top;
                for (Node node = top; node != null && node != outer; node = node.below) {
                    node.cancelled = true;
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

    /** Returns whether no lock is held or waited for. */
    boolean isEmpty() {
        return tails.isEmpty();
    }

    private static boolean isAmong(@Nullable Node top, LockKey key) {
        for (Node node = top; node != null; node = node.below) {
            if (node.key.equals(key)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Even if this fails midway, {@code held} includes the new node, and a thread that sees the node also sees its
     * predecessor.
     */
    private Node enqueue(LockKey key, Held held) {
        Node mine = new Node(key, held);
        held.top = mine;
        while (true) {
            Node before = tails.get(key);
            mine.before = before;
            if (before == null ? tails.putIfAbsent(key, mine) == null : tails.replace(key, before, mine)) {
                return mine;
            }
        }
    }

    private void await(Node mine, long beginNanos) {
        while (true) {
            if (Thread.currentThread().isInterrupted()) {
                throw new OperationInterruptedException(mine.key.toString(), "nothing was written", null);
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

    /** Wakes the waiters behind nodes that are done, down to {@code outer}, and removes those nodes from the table. */
    private void leave(@Nullable Node top, @Nullable Node outer) {
        for (Node node = top; node != null && node != outer; node = node.below) {
            Node waiter = node.next;
            node.next = null;
            if (waiter != null) {
                LockSupport.unpark(waiter.held.thread);
            }
            remove(node);
        }
    }

    /** Removes a node that is done if it is the tail of its key, and then its predecessors that are done. */
    private void remove(Node done) {
        Node node = done;
        while (node != null && node.isDone()) {
            Node before = node.before;
            boolean wasLast = before == null ? tails.remove(node.key, node) : tails.replace(node.key, node, before);
            node = wasLast ? before : null;
        }
    }

    /** Its methods are written by hand: a record's own ones are linked when first called, which may lack memory. */
    private record LockKey(String context, String lockKey) {

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof LockKey key && key.lockKey.equals(lockKey) && key.context.equals(context);
        }

        @Override
        public int hashCode() {
            return 31 * context.hashCode() + lockKey.hashCode();
        }

        @Override
        public String toString() {
            return "lock key \"" + lockKey + "\" of context \"" + context + "\"";
        }
    }

    /** The locks of one transaction. It belongs to the thread that creates it. */
    static final class Held {

        private final Thread thread = Thread.currentThread();
        private @Nullable Node top;

        /** Set when the locks are released: by a plain field write, before {@link LockTable#release}. Never unset. */
        volatile boolean released;
    }

    /** A transaction in the queue of one key. Only its own thread changes it, except {@link #next}. */
    private static final class Node {

        final LockKey key;
        final Held held;

        /** The node that the same transaction created before this one. */
        final @Nullable Node below;

        /** The predecessor in the queue, or null if this node holds the lock; final once this node is done. */
        volatile @Nullable Node before;

        /** The node that waits for this one, set by its thread. */
        volatile @Nullable Node next;

        volatile boolean cancelled;

        Node(LockKey key, Held held) {
            this.key = key;
            this.held = held;
            this.below = held.top;
        }

        boolean isDone() {
            return cancelled || held.released;
        }

        /**
         * Returns whether all predecessors are done. If not, the nearest one that isn't will wake this node's thread.
         */
        boolean isFirst() {
            for (Node ahead = before; ahead != null; ahead = ahead.before) {
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
            Node holder = null;
            for (Node ahead = before; ahead != null; ahead = ahead.before) {
                holder = ahead.isDone() ? holder : ahead;
            }
            return holder == null
                    ? "a transaction that has just ended"
                    : "thread \"" + holder.held.thread.getName() + "\" with " + holder.key;
        }
    }
}
