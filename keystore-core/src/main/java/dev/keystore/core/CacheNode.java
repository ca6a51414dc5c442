package dev.keystore.core;

import dev.keystore.KeyType;
import org.jspecify.annotations.Nullable;

/**
 * What {@link S3FifoCache} holds: a key, and its links in the cache. An {@link Entry} is the node itself, so that a hit
 * loads one object less.
 *
 * <p>Concurrency: the key never changes. Readers follow {@link #next} and count reads without a lock; all else is
 * changed under the lock of the cache.
 */
abstract class CacheNode {

    /** Further reads are not counted. */
    static final int MAXIMUM_READS = 3;

    final Context context;
    final KeyType<?> type;
    final String id;
    final int hash;

    /** The next node of the slot. It stays when this node is removed, for readers that have reached this node. */
    volatile @Nullable CacheNode next;

    @Nullable
    CacheNode newer;

    @Nullable
    CacheNode older;

    byte reads;
    boolean isMain;

    CacheNode(EntryKey key) {
        this.context = key.context;
        this.type = key.type;
        this.id = key.id;
        this.hash = hash(key);
    }

    /** Returns the hash of a key, mixed so that its lower bits depend on all of them. */
    static int hash(EntryKey key) {
        int hash = key.hashCode() * 0x9E3779B9;
        return hash ^ (hash >>> 16);
    }

    boolean isOf(Context otherContext, KeyType<?> otherType, String otherId) {
        return context == otherContext && id.equals(otherId) && type.equals(otherType);
    }

    /** Counts a read. The count may be lost if threads count at the same time. */
    void countRead() {
        if (reads < MAXIMUM_READS) {
            reads++;
        }
    }

    /** Returns the estimated heap size of this node and its contents, in bytes. It never changes. */
    abstract int weight();
}
