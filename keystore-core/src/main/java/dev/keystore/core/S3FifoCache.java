package dev.keystore.core;

import dev.keystore.KeyType;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToIntBiFunction;
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
 * <p>The cost of a hit is its loads from memory: the slot of the table, the node, and the id.
 */
class S3FifoCache<V> {

    private static final int MAXIMUM_READS = 3;

    /** The greatest character of ISO 8859-1. */
    private static final int LATIN_1 = 0xFF;

    /** Several times the weight of a small entry. Each slot takes 12 bytes, in two tables. */
    private static final int WEIGHT_PER_SLOT = 512;

    private static final int MAXIMUM_SLOTS = 1 << 22;

    /** Nodes by the hash of their key; those of one slot are linked. The table never grows, so nodes never move. */
    private final AtomicReferenceArray<@Nullable Node<V>> slots;

    private final long maximumWeight;
    private final ToIntBiFunction<EntryKey, V> weigher;

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

    private final Queue<V> small = new Queue<>();
    private final Queue<V> main = new Queue<>();

    /**
     * For each slot, the hash of the last key evicted there in the lower half and the number of that eviction in the
     * upper.
     */
    private final long[] evicted;

    private int evictions;

    S3FifoCache(long maximumWeight, ToIntBiFunction<EntryKey, V> weigher) {
        this.maximumWeight = maximumWeight;
        this.weigher = weigher;
        long slots = Math.max(1, Math.min(MAXIMUM_SLOTS, maximumWeight / WEIGHT_PER_SLOT));
        int count = Integer.highestOneBit((int) slots);
        this.slots = new AtomicReferenceArray<>(count);
        this.evicted = new long[count];
    }

    private static final class Node<V> {

        final Context context;
        final KeyType<?> type;

        /** The id's characters, one byte each, without the object of a string; a string if one of them needs two. */
        final Object id;

        final int hash;
        volatile V value;

        /** The next node of the slot. It stays when this node is removed, for readers that have reached this node. */
        volatile @Nullable Node<V> next;

        int weight;
        byte reads;
        Queue<V> queue;

        @Nullable
        Node<V> newer;

        @Nullable
        Node<V> older;

        Node(EntryKey key, int hash, V value, int weight, Queue<V> queue) {
            this.context = key.context;
            this.type = key.type;
            this.id = compact(key.id);
            this.hash = hash;
            this.value = value;
            this.weight = weight;
            this.queue = queue;
        }

        private static Object compact(String id) {
            for (int i = 0; i < id.length(); i++) {
                if (id.charAt(i) > LATIN_1) {
                    return id;
                }
            }
            return id.getBytes(StandardCharsets.ISO_8859_1);
        }

        boolean isOf(EntryKey key) {
            return context == key.context && hasId(key.id) && type.equals(key.type);
        }

        private boolean hasId(String other) {
            return id instanceof byte[] characters ? isSame(characters, other) : id.equals(other);
        }

        private static boolean isSame(byte[] characters, String other) {
            if (characters.length != other.length()) {
                return false;
            }
            for (int i = 0; i < characters.length; i++) {
                if (other.charAt(i) != (characters[i] & LATIN_1)) {
                    return false;
                }
            }
            return true;
        }

        void countRead() {
            if (reads < MAXIMUM_READS) {
                reads++;
            }
        }
    }

    @Nullable
    V get(EntryKey key) {
        Node<V> node = find(key, hash(key));
        if (node == null) {
            return null;
        }
        node.countRead();
        return node.value;
    }

    private @Nullable Node<V> find(EntryKey key, int hash) {
        Node<V> node = slots.get(slot(hash));
        while (node != null && (node.hash != hash || !node.isOf(key))) {
            node = node.next;
        }
        return node;
    }

    private static int hash(Object key) {
        int hash = key.hashCode() * 0x9E3779B9;
        return hash ^ (hash >>> 16);
    }

    private int slot(int hash) {
        return hash & (evicted.length - 1);
    }

    /** Puts a value, replacing any existing one. A value heavier than the maximum weight is not kept. */
    void put(EntryKey key, V value) {
        int weight = weigher.applyAsInt(key, value);
        int hash = hash(key);
        acquire();
        try {
            beginChange();
            Node<V> known = find(key, hash);
            if (weight > maximumWeight) {
                remove(known);
            } else if (known == null) {
                makeRoom(weight);
                add(new Node<>(key, hash, value, weight, wasEvictedRecently(hash) ? main : small));
            } else {
                known.queue.weight += weight - known.weight;
                known.weight = weight;
                known.value = value;
                known.countRead();
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
            remove(find(key, hash(key)));
            changing = false;
        } finally {
            locked = false;
        }
    }

    /** Drops everything. */
    void clear() {
        acquire();
        try {
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

    private void dropAll() {
        for (int slot = 0; slot < slots.length(); slot++) {
            slots.set(slot, null);
        }
        small.clear();
        main.clear();
    }

    private void add(Node<V> node) {
        int slot = slot(node.hash);
        node.next = slots.get(slot);
        slots.set(slot, node);
        node.queue.add(node);
    }

    private void remove(@Nullable Node<V> node) {
        if (node != null) {
            node.queue.remove(node);
            unlink(node);
        }
    }

    @SuppressWarnings("ReferenceEquality") // this very node, not any node of its key
    private void unlink(Node<V> node) {
        int slot = slot(node.hash);
        Node<V> at = slots.get(slot);
        if (at == node) {
            slots.set(slot, node.next);
        }
        for (; at != null; at = at.next) {
            if (at.next == node) {
                at.next = node.next;
            }
        }
    }

    /** Evicts until there is room. Reinsertions are limited, so this ends however fast readers are. */
    private void makeRoom(int weight) {
        int reinserted = 0;
        while (small.weight + main.weight + weight > maximumWeight) {
            boolean isNew = main.oldest == null || small.weight > maximumWeight / 10;
            Node<V> node = Objects.requireNonNull((isNew ? small : main).oldest);
            if (node.reads > 0 && reinserted++ < MAXIMUM_READS * (small.size + main.size)) {
                node.reads = isNew ? 0 : (byte) (node.reads - 1);
                node.queue.remove(node);
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
    private static final class Queue<V> {

        @Nullable
        Node<V> oldest;

        @Nullable
        Node<V> newest;

        long weight;
        int size;

        void clear() {
            oldest = null;
            newest = null;
            weight = 0;
            size = 0;
        }

        void add(Node<V> node) {
            node.queue = this;
            node.older = newest;
            if (newest == null) {
                oldest = node;
            } else {
                newest.newer = node;
            }
            newest = node;
            weight += node.weight;
            size++;
        }

        void remove(Node<V> node) {
            if (node.older == null) {
                oldest = node.newer;
            } else {
                node.older.newer = node.newer;
            }
            if (node.newer == null) {
                newest = node.older;
            } else {
                node.newer.older = node.older;
            }
            node.older = null;
            node.newer = null;
            weight -= node.weight;
            size--;
        }
    }
}
