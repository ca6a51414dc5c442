package dev.keystore.core;

import dev.keystore.CorruptEntryException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.InFlight.Result;
import dev.keystore.core.InFlight.Result.Failed;
import dev.keystore.core.InFlight.Result.Found;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The committed entries that are in memory, and the only way to load the others. All contexts share one cache.
 *
 * <p>Concurrency: a hit takes no lock. {@link #inFlight} holds the loads and writes in progress, at most one per key.
 *
 * <ul>
 *   <li>A thread that misses registers its load there; others that miss the same key wait for it (R2).
 *   <li>Before it calls the backend, the leader of the commit pipeline registers its write there, displacing any load.
 *       A load may cache what it found only while it is registered: a displaced load may have read the older value, so
 *       its result is discarded and the reader looks again (R4).
 *   <li>A reader that misses a key being written waits for that write. At that moment the backend may return a value
 *       that is not published yet, or that is rolled back later (R13, R21).
 *   <li>Clearing a context increments its generation, which invalidates everything cached of it at once. A load that
 *       started in an older generation is discarded like a displaced one.
 * </ul>
 */
final class EntryCache {

    /** Estimated size of an entry in addition to its bytes and its id: key, entry, and the nodes of the cache. */
    private static final int OVERHEAD_BYTES = 128;

    /** How long a thread waits for the load of a virtual thread before it loads the key itself. */
    private static final long VIRTUAL_PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** How often a waiting thread checks whether the loading thread has abandoned its load. */
    private static final long CHECK_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final S3FifoCache<Entry> cache;
    private final ConcurrentHashMap<EntryKey, InFlight> inFlight = new ConcurrentHashMap<>();
    private final LongAdder loads = new LongAdder();
    private final Storage storage;
    private final KeyTypeRegistry types;
    private final Duration loadTimeout;

    EntryCache(Storage storage, KeyTypeRegistry types, KeyStoreOptions options) {
        this.storage = storage;
        this.types = types;
        this.loadTimeout = options.loadTimeout();
        this.cache = new S3FifoCache<>(options.maximumCacheBytes(), EntryCache::weightBytes);
    }

    private static int weightBytes(EntryKey key, Entry entry) {
        return (int) Math.min(Integer.MAX_VALUE, OVERHEAD_BYTES + 2L * key.id.length() + entry.weightBytes());
    }

    /**
     * Returns the entry if it is cached, else null. Waits while a commit of the context is being put into the cache.
     */
    @Nullable
    Entry cached(EntryKey key) {
        key.context.awaitPublications();
        Entry entry = cache.get(key);
        return entry != null && entry.isValidIn(key.context.generation()) ? entry : null;
    }

    /** Returns the entry from the cache, or else from the backend. */
    Entry read(EntryKey key) {
        Entry cached = cached(key);
        return cached == null ? readMissing(key, System.nanoTime() + loadTimeout.toNanos()) : cached;
    }

    private Entry readMissing(EntryKey key, long deadlineNanos) {
        types.registerAndCheck(key);
        while (true) {
            Entry entry = joinOrLoad(key, deadlineNanos);
            // Another thread's load may have started before a clear that was acknowledged before this read.
            if (entry == null || !entry.isValidIn(key.context.generation())) {
                entry = cached(key);
            }
            if (entry != null) {
                return entry;
            }
        }
    }

    /** Loads an entry, or waits for the thread that loads or writes it; returns null if the caller must look again. */
    private @Nullable Entry joinOrLoad(EntryKey key, long deadlineNanos) {
        InFlight.Loader self = new InFlight.Loader();
        InFlight mine = InFlight.forLoad(self);
        InFlight other = inFlight.putIfAbsent(key, mine);
        if (other == null) {
            return load(key, self, mine, deadlineNanos);
        }
        if (await(key, other, deadlineNanos)) {
            return entryOf(other.result());
        }
        InFlight replacement = InFlight.forLoadReplacing(other, self);
        return inFlight.replace(key, other, replacement) ? load(key, self, replacement, deadlineNanos) : null;
    }

    private static @Nullable Entry entryOf(Result result) {
        if (result instanceof Failed failed) {
            throw failed.failure();
        }
        return result instanceof Found found ? found.entry() : null;
    }

    /**
     * Waits for another thread, and removes what it left behind if it ended with an error.
     *
     * @return false if this thread should do the load itself, because the loading thread has abandoned it or is a
     *     virtual thread that may not get a carrier while this one waits
     * @throws dev.keystore.LoadFailedException at the deadline
     */
    private boolean await(EntryKey key, InFlight other, long deadlineNanos) {
        long sliceNanos = other.isLoadOfVirtualThread() ? VIRTUAL_PATIENCE_NANOS : CHECK_INTERVAL_NANOS;
        try {
            while (!other.await(Math.min(sliceNanos, deadlineNanos - System.nanoTime()))) {
                if (deadlineNanos - System.nanoTime() <= 0) {
                    throw LoadFailures.timedOut(key, loadTimeout);
                }
                if (other.isAbandoned() || other.isLoadOfVirtualThread()) {
                    return false;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw LoadFailures.interrupted(key);
        }
        inFlight.remove(key, other);
        return true;
    }

    /**
     * Loads one key, for which {@code mine} is registered, and ends {@code mine} with the outcome.
     *
     * @return the entry, or null if a write or a clear came in between and the caller must look again
     */
    private @Nullable Entry load(EntryKey key, InFlight.Loader self, InFlight mine, long deadlineNanos) {
        Context context = key.context;
        InFlight clearing = context.clearing();
        int generation = context.generation();
        Result result = Result.LOOK_AGAIN;
        try {
            Entry published = cached(key); // a load or write may have ended between the miss and the registration (R2)
            if (published != null) {
                result = new Found(published);
            } else if (clearing == null) {
                LoadFailures.throwIfInterrupted(key);
                loads.increment();
                result = settle(key, mine, generation, storage.load(context.name(), key.type.name(), key.id));
            }
        } catch (RuntimeException | Error e) {
            RuntimeException failure = LoadFailures.of(key, e);
            result = failedUnlessInterrupted(failure);
            throw failure;
        } finally {
            self.gone = true;
            try {
                inFlight.remove(key, mine);
            } finally {
                mine.complete(result);
            }
        }
        if (result instanceof Found found) {
            return found.entry();
        }
        if (clearing != null) {
            await(key, clearing, deadlineNanos);
        }
        return null;
    }

    /**
     * Caches what was loaded, unless a write came in between: then it may be the older value.
     *
     * @return the entry, or {@link Result#LOOK_AGAIN} if it may be outdated
     */
    private Result settle(EntryKey key, InFlight mine, int generation, byte @Nullable [] sealed) {
        Context context = key.context;
        Entry entry;
        try {
            entry = decode(key, sealed);
        } catch (UnreadableEntryException e) {
            // An erase that came in between has destroyed the keys of what was loaded before it.
            if (isUndisplaced(key, mine, generation)) {
                throw e;
            }
            return Result.LOOK_AGAIN;
        }
        entry.makeValidIn(generation);
        Result found = new Found(entry);
        // The map calls this while it holds the lock of the key, so no write is registered between the check and the
        // put.
        boolean[] settled = {false};
        inFlight.computeIfPresent(key, (k, registered) -> {
            if (isUndisplaced(context, registered, mine, generation)) {
                if (!context.isOwnershipLost()) {
                    cache.put(key, entry);
                }
                settled[0] = true;
            }
            return registered;
        });
        return settled[0] ? found : Result.LOOK_AGAIN;
    }

    /** Returns whether no write or clear has come in between since a load began. */
    private boolean isUndisplaced(EntryKey key, InFlight mine, int generation) {
        InFlight registered = inFlight.get(key);
        return registered != null && isUndisplaced(key.context, registered, mine, generation);
    }

    private static boolean isUndisplaced(Context context, InFlight registered, InFlight mine, int generation) {
        return registered.standsFor(mine) && context.generation() == generation && context.clearing() == null;
    }

    /** Waiting threads fail with the load, unless only its own thread was interrupted: then they look again. */
    private static Result failedUnlessInterrupted(RuntimeException failure) {
        return Thread.currentThread().isInterrupted() ? Result.LOOK_AGAIN : new Failed(failure);
    }

    /** Decodes what the backend holds of a key; null means that the key does not exist. */
    private static Entry decode(EntryKey key, byte @Nullable [] sealed) {
        if (sealed == null) {
            return Entry.absent();
        }
        try {
            return Entry.decoded(key.type, key.context.sealer().open(key.type.name(), key.id, sealed));
        } catch (UnreadableEntryException | LoadFailedException | OperationInterruptedException | ClosedException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new CorruptEntryException(
                    key.context.name(), key.entryId(), Objects.requireNonNullElse(e.getMessage(), e.toString()), e);
        }
    }

    /**
     * Returns the entries of several keys of one context and type, all as of one point in time (R21).
     *
     * <p>If a commit of the context was published meanwhile, all keys are read again, until either none was or two
     * consecutive reads returned the same objects: then none of them was replaced in between.
     */
    List<Entry> readAll(Context context, List<EntryKey> keys) {
        long deadlineNanos = System.nanoTime() + loadTimeout.toNanos();
        long seen = context.awaitPublications();
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
        boolean complete = true;
        for (EntryKey key : keys) {
            Entry entry = cached(key);
            complete &= entry != null;
            entries.add(entry);
        }
        if (complete) {
            return entries;
        }
        List<EntryKey> missing = new ArrayList<>();
        for (int i = 0; i < keys.size(); i++) {
            if (entries.get(i) == null) {
                types.registerAndCheck(keys.get(i));
                missing.add(keys.get(i));
            }
        }
        Map<EntryKey, Entry> loaded = missing.size() > 1 ? loadAll(missing) : Map.of();
        for (int i = 0; i < keys.size(); i++) {
            if (entries.get(i) == null) {
                Entry entry = loaded.get(keys.get(i));
                entries.set(i, entry == null ? readMissing(keys.get(i), deadlineNanos) : entry);
            }
        }
        return entries;
    }

    /**
     * Loads those keys that no other thread is loading or writing, in one round trip.
     *
     * @return what was found; keys that the caller must read one by one are not in the map
     */
    private Map<EntryKey, Entry> loadAll(List<EntryKey> keys) {
        EntryKey first = keys.get(0);
        Context context = first.context;
        if (context.clearing() != null) {
            return Map.of();
        }
        int generation = context.generation();
        InFlight.Loader self = new InFlight.Loader();
        Map<EntryKey, InFlight> mine = new LinkedHashMap<>();
        Map<EntryKey, Result> results = new HashMap<>();
        try {
            List<String> ids = new ArrayList<>();
            for (EntryKey key : keys) {
                InFlight load = InFlight.forLoad(self);
                if (inFlight.putIfAbsent(key, load) == null) {
                    mine.put(key, load);
                    Entry published = cached(key);
                    if (published == null) {
                        ids.add(key.id);
                    } else {
                        results.put(key, new Found(published));
                    }
                }
            }
            if (!ids.isEmpty()) {
                LoadFailures.throwIfInterrupted(first);
                loads.add(ids.size());
                Map<String, byte[]> found = storage.loadAll(context.name(), first.type.name(), ids);
                mine.forEach((key, load) ->
                        results.computeIfAbsent(key, k -> settleOrFail(key, load, generation, found.get(key.id))));
            }
        } catch (RuntimeException | Error e) {
            mine.keySet().forEach(key -> results.put(key, failedUnlessInterrupted(LoadFailures.of(key, e))));
            throw LoadFailures.of(first, e);
        } finally {
            self.gone = true;
            try {
                mine.forEach(inFlight::remove);
            } finally {
                mine.forEach((key, load) -> load.complete(results.getOrDefault(key, Result.LOOK_AGAIN)));
            }
        }
        Map<EntryKey, Entry> entries = new HashMap<>();
        results.forEach((key, result) -> {
            if (result instanceof Found found) {
                entries.put(key, found.entry());
            }
        });
        return entries;
    }

    /** Settles one of several keys. A damaged entry fails only the readers of its key, not those of the other keys. */
    private Result settleOrFail(EntryKey key, InFlight mine, int generation, byte @Nullable [] sealed) {
        try {
            return settle(key, mine, generation, sealed);
        } catch (RuntimeException | Error e) {
            return failedUnlessInterrupted(LoadFailures.of(key, e));
        }
    }

    /** Returns whether {@code entry} equals what is committed under {@code key}. */
    boolean isCurrent(EntryKey key, Entry entry) {
        Entry cached = cached(key);
        return cached == entry || (cached == null ? read(key) : cached).sameContentsAs(entry);
    }

    /** Returns whether a key exists. An unreadable entry counts as existing, so that it can be deleted. */
    boolean exists(EntryKey key) {
        try {
            return read(key).exists();
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
    void loadDeleted(CommitRequest commit) {
        commit.writes.forEach((key, entry) -> {
            if (!entry.exists() && commit.keeps(key.type.name())) {
                exists(key); // loads it; one that is damaged need not be readable
            }
        });
    }

    /** Returns whether the backend holds an unreadable value for a key. The cache is neither used nor changed. */
    boolean isUnreadable(EntryKey key) {
        try {
            byte[] former = null;
            byte[] record = storage.read(key.context.name(), key.entryId());
            while (!decodes(key, record)) {
                if (Arrays.equals(record, former)) {
                    return true;
                }
                former = record; // if it is erased now, its keys may be gone already: look at it once more
                record = storage.read(key.context.name(), key.entryId());
            }
            return false;
        } catch (UnreadableEntryException e) {
            return true;
        }
    }

    private static boolean decodes(EntryKey key, byte @Nullable [] record) {
        try {
            decode(key, record);
            return true;
        } catch (UnreadableEntryException e) {
            return false;
        }
    }

    /** Drops all entries, which may be secret, when the database is closed. */
    void clear() {
        cache.clear();
    }

    /** Returns how many ids were loaded from the backend. */
    long loads() {
        return loads.sum();
    }

    /** Returns the estimated size of what is cached, in bytes. */
    long cachedBytes() {
        return cache.weight();
    }

    // Only the holder of the lead calls the methods below.

    /** Registers the write of a group, which displaces the loads of the keys that it writes. */
    void beginWrite(InFlight write, Collection<CommitRequest> commits) {
        for (CommitRequest commit : commits) {
            if (commit.clears()) {
                commit.context.beginClear(write);
            }
            commit.writes.keySet().forEach(key -> inFlight.put(key, write));
        }
    }

    /** Makes a durable commit visible: each reader sees all of it, or nothing. */
    void publish(CommitRequest commit) {
        Context context = commit.context;
        context.beginPublication();
        try {
            if (commit.clears()) {
                clear(context, commit);
            }
            commit.writes.forEach((key, entry) -> {
                entry.makeValidIn(context.generation());
                cache.put(key, entry);
            });
        } catch (RuntimeException | Error e) {
            // The commit is durable: an entry that could not be cached is loaded when it is next read.
            context.dropCached();
        } finally {
            context.endPublication();
        }
    }

    private void clear(Context context, CommitRequest commit) {
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
    void forget(CommitRequest commit) {
        Context context = commit.context;
        context.beginPublication();
        try {
            if (commit.clears()) {
                context.dropCached();
            }
            commit.writes.keySet().forEach(cache::remove);
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
                if (commit.clears()) {
                    commit.context.endClear();
                }
                commit.writes.keySet().forEach(key -> inFlight.remove(key, write));
            }
        } finally {
            write.complete(Result.LOOK_AGAIN);
        }
    }
}
