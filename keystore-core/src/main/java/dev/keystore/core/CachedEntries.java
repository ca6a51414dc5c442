package dev.keystore.core;

import org.jspecify.annotations.Nullable;

/**
 * The cache of entries, of which only those of the present generation of their context are valid.
 *
 * <p>It extends the cache instead of holding it, so that a hit loads no further field.
 */
final class CachedEntries extends S3FifoCache<Entry> {

    CachedEntries(long maximumBytes) {
        super(maximumBytes);
    }

    /**
     * Returns the entry of a key if it is cached and valid, else null. Waits while a commit of its context is being put
     * into the cache.
     */
    @Nullable
    Entry getValid(EntryKey key) {
        key.context.awaitPublications();
        Entry entry = get(key);
        return entry != null && entry.isValidIn(key.context.generation()) ? entry : null;
    }
}
