package dev.keystore.core;

import dev.keystore.KeyType;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A map bounded by weight, which evicts by S3-FIFO (Yang et al., SOSP 2023).
 *
 * <p>A hit only increments a counter in its node, so readers do not contend. New nodes enter a small queue, a tenth of
 * the weight. From its end, nodes that were read move to the main queue, and the others are evicted; a key that returns
 * soon after its eviction enters the main queue directly. At the end of the main queue, a node is reinserted once for
 * each of its counted reads, then evicted. Entries that are read only once, such as one-time pre-keys, therefore pass
 * through the small queue only.
 *
 * <p>Concurrency: a read takes no lock, and its increment may be lost. Changes take one lock and only link nodes while
 * they hold it, so they never block for long. The lock is released by one write of a field, which needs no stack. A
 * thread that fails during a change leaves {@link #changing} set, and the next change empties the cache (R31).
 *
 * <p>The cost of a hit is its loads from memory: the slot of the table, the node, which is the entry itself, and the
 * id.
 */
class S3FifoCache<N extends CacheNode> {

    /** Several times the weight of a small entry. Each slot takes 12 bytes, in two tables. */
    private static final int WEIGHT_PER_SLOT = 512;

    private static final int MAXIMUM_SLOTS = 1 << 22;

    /** Nodes by the hash of their key; those of one slot are linked. The table never grows, so nodes never move. */
    private final AtomicReferenceArray<@Nullable CacheNode> slots;

    private final long maximumWeight;

    private static final long PAUSE_NANOS = 20_000;
    private static final int SPINS = 100;

    private static final VarHandle LOCKED;

    static {
        try {
            LOCKED = MethodHandles.lookup().findVarHandle(S3FifoCache.class, "locked", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @SuppressWarnings("unused") // used through LOCKED
    private volatile boolean locked;

    /**
     * Whether the current or last holder of the lock has started a change and not finished it. Written under the lock.
     */
    private boolean changing;

    private final Queue small = new Queue(false);
    private final Queue main = new Queue(true);

    /**
     * For each slot, the hash of the last key evicted there in the lower half and the number of that eviction in the
     * upper.
     */
    private final long[] evicted;

    private int evictions;

    S3FifoCache(long maximumWeight) {
        this.maximumWeight = maximumWeight;
        long slots = Math.max(1, Math.min(MAXIMUM_SLOTS, maximumWeight / WEIGHT_PER_SLOT));
        int count = Integer.highestOneBit((int) slots);
        this.slots = new AtomicReferenceArray<>(count);
        this.evicted = new long[count];
    }

    @Nullable
    N get(EntryKey key) {
        CacheNode node = find(key.context, key.type, key.id, CacheNode.hash(key));
        if (node == null) {
            return null;
        }
        node.countRead();
        return cast(node);
    }

    @SuppressWarnings("unchecked") // put accepts no other nodes
    private N cast(CacheNode node) {
        return (N) node;
    }

    private @Nullable CacheNode find(Context context, KeyType<?> type, String id, int hash) {
        CacheNode node = slots.get(slot(hash));
        while (node != null && (node.hash != hash || !node.isOf(context, type, id))) {
            node = node.next;
        }
        return node;
    }

    private int slot(int hash) {
        return hash & (evicted.length - 1);
    }

    /** Puts a node, replacing the one of its key, if any. A node heavier than the maximum weight is not kept. */
    void put(N node) {
        acquire();
        try {
            beginChange();
            CacheNode known = find(node.context, node.type, node.id, node.hash);
            if (node.weight() > maximumWeight) {
                remove(known);
            } else if (known == null) {
                makeRoom(node.weight());
                add(node, wasEvictedRecently(node.hash) ? main : small);
            } else {
                replace(known, node);
                makeRoom(0);
            }
            changing = false;
        } finally {
            locked = false;
        }
    }

    void remove(EntryKey key) {
        acquire();
        try {
            beginChange();
            remove(find(key.context, key.type, key.id, CacheNode.hash(key)));
            changing = false;
        } finally {
            locked = false;
        }
    }

    /** Drops everything. */
    void clear() {
        acquire();
        try {
            changing = true;
            dropAll();
            changing = false;
        } finally {
            locked = false;
        }
    }

    long weight() {
        acquire();
        try {
            return small.weight + main.weight;
        } finally {
            locked = false;
        }
    }

    /** Waits without a deadline, since no thread blocks while it holds the lock. */
    private void acquire() {
        for (int tries = 1; !LOCKED.compareAndSet(this, false, true); tries++) {
            if (tries < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(this, PAUSE_NANOS);
            }
        }
    }

    /** Empties the cache if the last change was not finished, because its links and weights may be inconsistent. */
    private void beginChange() {
        if (changing) {
            dropAll();
        }
        changing = true;
    }

    /** Also removes the links of the queues: whoever still holds one node must not keep all others alive. */
    private void dropAll() {
        for (int slot = 0; slot < slots.length(); slot++) {
            for (CacheNode node = slots.get(slot); node != null; node = node.next) {
                Queue.unlink(node);
            }
            slots.set(slot, null);
        }
        small.clear();
        main.clear();
    }

    private void add(CacheNode node, Queue queue) {
        int slot = slot(node.hash);
        node.next = slots.get(slot);
        slots.set(slot, node);
        queue.add(node);
    }

    /** Puts a node in the place of another one of its key, in its slot and its queue. */
    @SuppressWarnings("ReferenceEquality") // a publication that is repeated puts its nodes again
    private void replace(CacheNode known, CacheNode node) {
        if (node != known) {
            node.reads = known.reads;
            node.next = known.next;
            relink(known, node);
            queueOf(known).replace(known, node);
        }
        node.countRead();
    }

    private void remove(@Nullable CacheNode node) {
        if (node != null) {
            queueOf(node).remove(node);
            relink(node, node.next);
        }
    }

    private Queue queueOf(CacheNode node) {
        return node.isMain ? main : small;
    }

    /** Makes the link to a node lead to {@code next} instead. */
    @SuppressWarnings("ReferenceEquality") // this very node, not any node of its key
    private void relink(CacheNode node, @Nullable CacheNode next) {
        int slot = slot(node.hash);
        CacheNode at = slots.get(slot);
        if (at == node) {
            slots.set(slot, next);
        }
        for (; at != null; at = at.next) {
            if (at.next == node) {
                at.next = next;
            }
        }
    }

    /** Evicts until there is room. Reinsertions are limited, so this ends however fast readers are. */
    private void makeRoom(int weight) {
        int reinserted = 0;
        while (small.weight + main.weight + weight > maximumWeight) {
            boolean isNew = main.oldest == null || small.weight > maximumWeight / 10;
            CacheNode node = Objects.requireNonNull((isNew ? small : main).oldest);
            if (node.reads > 0 && reinserted++ < CacheNode.MAXIMUM_READS * (small.size + main.size)) {
                node.reads = isNew ? 0 : (byte) (node.reads - 1);
                queueOf(node).remove(node);
                main.add(node);
            } else {
                remove(node);
                if (isNew) {
                    rememberEviction(node.hash);
                }
            }
        }
    }

    private void rememberEviction(int hash) {
        evicted[slot(hash)] = ((long) ++evictions << Integer.SIZE) | Integer.toUnsignedLong(hash);
    }

    /** Returns whether a key of this hash was evicted, with fewer evictions since than there are entries. */
    private boolean wasEvictedRecently(int hash) {
        long found = evicted[slot(hash)];
        int since = evictions - (int) (found >> Integer.SIZE);
        return found != 0 && (int) found == hash && since < small.size + main.size;
    }

    /** Nodes in insertion order. */
    private static final class Queue {

        private final boolean isMain;

        @Nullable
        CacheNode oldest;

        @Nullable
        CacheNode newest;

        long weight;
        int size;

        Queue(boolean isMain) {
            this.isMain = isMain;
        }

        void clear() {
            oldest = null;
            newest = null;
            weight = 0;
            size = 0;
        }

        void add(CacheNode node) {
            node.isMain = isMain;
            link(newest, node);
            link(node, null);
            weight += node.weight();
            size++;
        }

        void remove(CacheNode node) {
            link(node.older, node.newer);
            unlink(node);
            weight -= node.weight();
            size--;
        }

        void replace(CacheNode node, CacheNode replacement) {
            replacement.isMain = isMain;
            link(node.older, replacement);
            link(replacement, node.newer);
            unlink(node);
            weight += replacement.weight() - node.weight();
        }

        /** Makes two nodes neighbours. Null stands for the end of the queue on that side. */
        private void link(@Nullable CacheNode older, @Nullable CacheNode newer) {
            if (older == null) {
                oldest = newer;
            } else {
                older.newer = newer;
            }
            if (newer == null) {
                newest = older;
            } else {
                newer.older = older;
            }
        }

        private static void unlink(CacheNode node) {
            node.older = null;
            node.newer = null;
        }
    }
}
