package dev.keystore.core;

import dev.keystore.UnreadableEntryException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The committed entries, cached or loaded when they are read, and what a commit does to them. All contexts share one
 * cache.
 *
 * <p>Concurrency: a hit takes no lock. A miss goes to the {@link EntryLoader}, which also knows the writes in progress.
 * The leader of the commit pipeline changes the cache once a commit is durable, never before (R13).
 *
 * <p>Clearing a context increments its generation, which invalidates everything cached of it at once.
 */
final class EntryCache {

    private final CachedEntries cache;
    private final EntryLoader loader;
    private final Storage storage;
    private final KeyTypeRegistry types;
    private final Duration loadTimeout;
    private final @Nullable LongAdder cachedReads;

    EntryCache(Storage storage, KeyTypeRegistry types, KeyStoreOptions options, EngineEvents events) {
        this.storage = storage;
        this.types = types;
        this.loadTimeout = options.loadTimeout();
        this.cachedReads = events.cachedReads();
        this.cache = new CachedEntries(options.maximumCacheBytes());
        this.loader = new EntryLoader(cache, storage, loadTimeout, events);
    }

    /**
     * Returns the entry if it is cached, else null. Waits while a commit of the context is being put into the cache.
     */
    @Nullable
    Entry cached(EntryKey key) {
        return cache.getValid(key);
    }

    /** Returns the entry from the cache, or else from the backend. */
    Entry read(EntryKey key) {
        Entry cached = cached(key);
        if (cached == null) {
            return readMissing(key, System.nanoTime() + loadTimeout.toNanos());
        }
        countCached(1);
        return cached;
    }

    /** Counts ids that a caller read and that were cached, if anybody listens. */
    void countCached(int reads) {
        if (cachedReads != null) {
            cachedReads.add(reads);
        }
    }

    /** Returns the entry like {@link #read}, for the engine: it does not count as a read of the cache. */
    private Entry committed(EntryKey key) {
        Entry cached = cached(key);
        return cached == null ? readMissing(key, System.nanoTime() + loadTimeout.toNanos()) : cached;
    }

    private Entry readMissing(EntryKey key, long deadlineNanos) {
        types.registerAndCheck(key);
        return loader.load(key, deadlineNanos);
    }

    /**
     * Returns the entries of several keys of one context and type, all as of one point in time (R21).
     *
     * <p>If a commit of the context was published meanwhile, all keys are read again, until either none was or two
     * consecutive reads returned the same objects: then none of them was replaced in between.
     */
    List<Entry> readAll(Context context, List<EntryKey> keys) {
        long deadlineNanos = System.nanoTime() + loadTimeout.toNanos();
        int seen = context.awaitPublications();
        List<Entry> entries = collect(keys, deadlineNanos);
        while (keys.size() > 1 && !context.unchangedSince(seen)) {
            if (deadlineNanos - System.nanoTime() <= 0) {
                throw LoadFailures.neverUnchanged(keys.get(0), loadTimeout);
            }
            seen = context.awaitPublications();
            List<Entry> again = collect(keys, deadlineNanos);
            if (again.equals(entries)) { // by identity, since Entry does not override equals
                return again;
            }
            entries = again;
        }
        return entries;
    }

    private List<Entry> collect(List<EntryKey> keys, long deadlineNanos) {
        List<Entry> entries = new ArrayList<>(keys.size());
        for (EntryKey key : keys) {
            Entry entry = cached(key);
            if (entry == null) {
                return collectMissing(keys, deadlineNanos);
            }
            entries.add(entry);
        }
        countCached(keys.size());
        return entries;
    }

    /** Collects entries of which at least one has to be loaded. */
    private List<Entry> collectMissing(List<EntryKey> keys, long deadlineNanos) {
        Map<EntryKey, Entry> found = new HashMap<>();
        List<EntryKey> missing = new ArrayList<>();
        for (EntryKey key : keys) {
            Entry entry = cached(key);
            if (entry == null) {
                types.registerAndCheck(key);
                missing.add(key);
            } else {
                found.put(key, entry);
            }
        }
        countCached(keys.size() - missing.size());
        if (missing.size() > 1) {
            found.putAll(loader.loadAll(missing));
        }
        List<Entry> entries = new ArrayList<>(keys.size());
        for (EntryKey key : keys) {
            Entry entry = found.get(key);
            entries.add(entry == null ? readMissing(key, deadlineNanos) : entry);
        }
        return entries;
    }

    /** Returns whether {@code entry} equals what is committed under {@code key}. */
    boolean isCurrent(EntryKey key, Entry entry) {
        Entry committed = committed(key);
        return committed == entry || committed.sameContentsAs(entry);
    }

    /** Returns whether a key exists. An unreadable entry counts as existing, so that it can be deleted. */
    boolean exists(EntryKey key) {
        try {
            return committed(key).exists();
        } catch (UnreadableEntryException e) {
            return true;
        }
    }

    /**
     * Loads the entries that a commit deletes. The committing thread does this before it queues the commit: the leader
     * needs to know whether the entries exist (R14), and the rest of its group should not wait for these loads.
     *
     * @throws dev.keystore.LoadFailedException if the backend fails
     */
    void loadDeleted(CommitContents commit) {
        for (Map.Entry<EntryKey, Entry> write : commit.writes.entrySet()) {
            EntryKey key = write.getKey();
            if (!write.getValue().exists() && commit.keeps(key.type.name())) {
                exists(key); // loads it; one that is damaged need not be readable
            }
        }
    }

    /** Returns whether the backend holds an unreadable value for a key. The cache is neither used nor changed. */
    boolean isUnreadable(EntryKey key) {
        try {
            EntryLoader.decodeLatest(storage, key, storage.read(key.context.name(), key.entryId()));
            return false;
        } catch (UnreadableEntryException e) {
            return true;
        }
    }

    /** Drops all entries, which may be secret, when the database is closed. */
    void dropAll() {
        cache.clear();
    }

    /** Returns how many ids were loaded from the backend. */
    long loads() {
        return loader.loads();
    }

    /** Returns the estimated size of what is cached, in bytes. */
    long cachedBytes() {
        return cache.weight();
    }

    // Only the holder of the lead calls the methods below.

    /** Registers the write of a group, which displaces the loads of the keys that it writes. */
    void beginWrite(InFlight write, Collection<CommitRequest> commits) {
        for (CommitRequest commit : commits) {
            if (commit.contents.clears()) {
                loader.beginClear(write, commit.context());
            }
            loader.beginWrite(write, commit.contents.writes.keySet());
        }
    }

    /** Makes a durable commit visible: each reader sees all of it, or nothing. */
    void publish(CommitContents commit) {
        Context context = commit.context;
        context.beginPublication();
        try {
            if (commit.clears()) {
                clear(context, commit);
            }
            for (Map.Entry<EntryKey, Entry> write : commit.writes.entrySet()) {
                write.getValue().makeValidIn(context.generation());
                cache.put(write.getValue());
            }
        } catch (RuntimeException | Error e) {
            // The commit is durable: an entry that could not be cached is loaded when it is next read.
            context.dropCached();
        } finally {
            context.endPublication();
        }
    }

    private void clear(Context context, CommitContents commit) {
        int next = context.generation() + 1;
        for (EntryKey key : commit.keptByClear()) {
            Entry kept = cache.get(key);
            if (kept != null && kept.isValidIn(context.generation())) {
                kept.makeValidIn(next);
            }
        }
        context.dropCached();
    }

    /** Drops the keys that a commit tried to write: the cached entries may differ from those in the backend. */
    void forget(CommitContents commit) {
        Context context = commit.context;
        context.beginPublication();
        try {
            if (commit.clears()) {
                context.dropCached();
            }
            for (EntryKey key : commit.writes.keySet()) {
                cache.remove(key);
            }
        } catch (RuntimeException | Error e) {
            // An entry that could not be removed is dropped with everything else cached of its context.
            context.dropCached();
        } finally {
            context.endPublication();
        }
    }

    /** Ends what {@link #beginWrite} started, whatever the outcome. */
    void endWrite(InFlight write, Collection<CommitRequest> commits) {
        try {
            for (CommitRequest commit : commits) {
                if (commit.contents.clears()) {
                    loader.endClear(write, commit.context());
                }
                loader.endWrite(write, commit.contents.writes.keySet());
            }
        } finally {
            write.complete();
        }
    }
}
