package dev.keystore.core;

import dev.keystore.CorruptEntryException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What is committed, as far as it is in memory, and the way to the rest of it: one cache for all contexts.
 *
 * <p>Concurrency: a hit takes no lock. Loads and writes under way stand in {@link #inFlight}, at most one for each key. A
 * thread that misses puts its load there, and others that miss the same key wait for it (R2). The commit pipeline puts
 * its write there in place of any load before it calls the backend. A load may put what it found into the cache only
 * while it still stands there; one that was displaced may have seen either value, so it is thrown away and the reader
 * looks again (R4). A reader that misses a key which is being written waits for that write, since what the backend
 * answers in that moment may be ahead of what is published, or may still be undone (R13, R21).
 *
 * <p>Clearing a context raises its generation, which makes every entry cached before invalid at once; a load that began
 * in an older generation is thrown away like a displaced one.
 */
final class EntryCache {

    /** What an entry takes besides its bytes and its id: key, entry, and the nodes of the cache; estimated. */
    private static final int OVERHEAD_BYTES = 128;

    /** How long a thread waits for the load of a virtual thread before it loads itself. */
    private static final long VIRTUAL_PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** How often a waiting thread looks whether the one that it waits for is still there. */
    private static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final S3FifoCache<Entry> cache;
    private final ConcurrentHashMap<EntryKey, InFlight> inFlight = new ConcurrentHashMap<>();
    private final LongAdder loads = new LongAdder();
    private final Storage storage;
    private final KeyTypeRegistry types;
    private final long loadTimeoutNanos;

    EntryCache(Storage storage, KeyTypeRegistry types, KeyStoreOptions options) {
        this.storage = storage;
        this.types = types;
        this.loadTimeoutNanos = options.loadTimeout().toNanos();
        this.cache = new S3FifoCache<>(options.maximumCacheBytes(), EntryCache::weightBytes);
    }

    private static int weightBytes(EntryKey key, Entry entry) {
        return (int) Math.min(Integer.MAX_VALUE, OVERHEAD_BYTES + 2L * key.id.length() + entry.weightBytes());
    }

    /** Returns the entry if it is cached. */
    @Nullable
    Entry peek(EntryKey key) {
        key.context.published();
        Entry entry = cache.get(key);
        return entry != null && entry.generation == key.context.generation ? entry : null;
    }

    /** Returns the entry, from the cache or else from the backend. */
    Entry read(EntryKey key) {
        Entry cached = peek(key);
        return cached == null ? readMissing(key) : cached;
    }

    private Entry readMissing(EntryKey key) {
        types.check(key);
        long deadlineNanos = System.nanoTime() + loadTimeoutNanos;
        while (true) {
            InFlight.Loader self = new InFlight.Loader();
            InFlight mine = InFlight.load(self);
            InFlight other = inFlight.putIfAbsent(key, mine);
            Entry entry = null;
            if (other == null) {
                entry = load(key, self, mine, deadlineNanos);
            } else if (await(key, other, deadlineNanos)) {
                entry = other.result();
            } else {
                InFlight instead = InFlight.loadInPlaceOf(other, self);
                if (inFlight.replace(key, other, instead)) {
                    entry = load(key, self, instead, deadlineNanos);
                }
            }
            // Another's load may have found its entry before a clear that was acknowledged before this read began.
            if (entry == null || entry.generation != key.context.generation) {
                entry = peek(key);
            }
            if (entry != null) {
                return entry;
            }
        }
    }

    /**
     * Waits for another thread, and clears away what it has left if it ended with an error.
     *
     * @return false if it is a load that this thread should do itself: its thread is gone or, for all that is known, a
     *     virtual one that gets no carrier while this one waits for it
     */
    private boolean await(EntryKey key, InFlight other, long deadlineNanos) {
        long sliceNanos = other.isLoadOfVirtualThread() ? VIRTUAL_PATIENCE_NANOS : SLICE_NANOS;
        while (!other.await(key, Math.min(sliceNanos, deadlineNanos - System.nanoTime()))) {
            if (deadlineNanos - System.nanoTime() <= 0) {
                throw timedOut(key);
            }
            if (other.isDeserted() || other.isLoadOfVirtualThread()) {
                return false;
            }
        }
        inFlight.remove(key, other);
        return true;
    }

    /**
     * Returns the entries of several keys of one context and type, as of one point in time (R21).
     *
     * <p>If a commit of the context was published while they were being read, they are read again, until none was, or
     * two readings in a row found the same objects: none of those was replaced in between.
     */
    List<Entry> readAll(Context context, List<EntryKey> keys) {
        long deadlineNanos = System.nanoTime() + loadTimeoutNanos;
        long seen = context.published();
        List<Entry> entries = collect(keys);
        while (keys.size() > 1 && !context.unchangedSince(seen)) {
            if (deadlineNanos - System.nanoTime() <= 0) {
                throw timedOut(keys.get(0));
            }
            seen = context.published();
            List<Entry> again = collect(keys);
            if (again.equals(entries)) {
                return again;
            }
            entries = again;
        }
        return entries;
    }

    /** Returns whether {@code entry} is what is committed under {@code key}. */
    boolean isCurrent(EntryKey key, Entry entry) {
        Entry cached = peek(key);
        return cached == entry || (cached == null ? read(key) : cached).sameContentsAs(entry);
    }

    private List<Entry> collect(List<EntryKey> keys) {
        List<Entry> entries = new ArrayList<>(keys.size());
        boolean complete = true;
        for (EntryKey key : keys) {
            Entry entry = peek(key);
            complete &= entry != null;
            entries.add(entry);
        }
        if (complete) {
            return entries;
        }
        List<EntryKey> missing = new ArrayList<>();
        for (int i = 0; i < keys.size(); i++) {
            if (entries.get(i) == null) {
                types.check(keys.get(i));
                missing.add(keys.get(i));
            }
        }
        Map<EntryKey, Entry> loaded = missing.size() > 1 ? loadAll(missing) : Map.of();
        for (int i = 0; i < keys.size(); i++) {
            if (entries.get(i) == null) {
                Entry entry = loaded.get(keys.get(i));
                entries.set(i, entry == null ? read(keys.get(i)) : entry);
            }
        }
        return entries;
    }

    /**
     * Loads one key that {@code mine} stands for.
     *
     * @return the entry, or null if a write came between and the caller has to look again
     */
    private @Nullable Entry load(EntryKey key, InFlight.Loader self, InFlight mine, long deadlineNanos) {
        InFlight clearing = key.context.clearing;
        int generation = key.context.generation;
        try {
            Entry published = peek(key);
            if (published != null) {
                mine.found(published);
            } else if (clearing == null) {
                refuseIfInterrupted(key);
                loads.increment();
                settle(key, mine, generation, storage.load(key.context.name, key.type.name(), key.id));
            }
        } catch (RuntimeException | Error e) {
            throw failed(key, mine, e);
        } finally {
            self.gone = true;
            try {
                inFlight.remove(key, mine);
            } finally {
                mine.complete();
            }
        }
        Entry entry = mine.entry();
        if (entry == null && clearing != null) {
            await(key, clearing, deadlineNanos);
        }
        return entry;
    }

    /** Loads those keys that no other thread is loading or writing, in one round trip; the others are not in the map. */
    private Map<EntryKey, Entry> loadAll(List<EntryKey> keys) {
        EntryKey first = keys.get(0);
        Context context = first.context;
        if (context.clearing != null) {
            return Map.of();
        }
        int generation = context.generation;
        InFlight.Loader self = new InFlight.Loader();
        Map<EntryKey, InFlight> mine = new LinkedHashMap<>();
        try {
            List<String> ids = new ArrayList<>();
            for (EntryKey key : keys) {
                InFlight load = InFlight.load(self);
                if (inFlight.putIfAbsent(key, load) == null) {
                    mine.put(key, load);
                    Entry published = peek(key);
                    if (published == null) {
                        ids.add(key.id);
                    } else {
                        load.found(published);
                    }
                }
            }
            if (!ids.isEmpty()) {
                refuseIfInterrupted(first);
                loads.add(ids.size());
                Map<String, byte[]> found = storage.loadAll(context.name, first.type.name(), ids);
                mine.forEach((key, load) -> {
                    if (load.entry() == null) {
                        settleOrFail(key, load, generation, found.get(key.id));
                    }
                });
            }
        } catch (RuntimeException | Error e) {
            mine.forEach((key, load) -> failed(key, load, e));
            throw wrap(first, e);
        } finally {
            self.gone = true;
            try {
                mine.forEach(inFlight::remove);
            } finally {
                mine.values().forEach(InFlight::complete);
            }
        }
        Map<EntryKey, Entry> entries = new HashMap<>();
        mine.forEach((key, load) -> {
            Entry entry = load.entry();
            if (entry != null) {
                entries.put(key, entry);
            }
        });
        return entries;
    }

    /** A damaged entry is its own reader's failure, and not that of the others. */
    private void settleOrFail(EntryKey key, InFlight mine, int generation, byte @Nullable [] sealed) {
        try {
            settle(key, mine, generation, sealed);
        } catch (RuntimeException | Error e) {
            failed(key, mine, e);
        }
    }

    /** Puts what was loaded into the cache, unless a write came between; then it may be the older value. */
    private void settle(EntryKey key, InFlight mine, int generation, byte @Nullable [] sealed) {
        Context context = key.context;
        Entry entry = decode(key, sealed);
        entry.generation = generation;
        inFlight.computeIfPresent(key, (k, standing) -> {
            if (standing.standsFor(mine) && context.generation == generation && context.clearing == null) {
                if (!context.lost) {
                    cache.put(key, entry);
                }
                mine.found(entry);
            }
            return standing;
        });
    }

    /** Makes those who wait for a load fail with it, unless only its thread was interrupted: then they look again. */
    private static RuntimeException failed(EntryKey key, InFlight mine, Throwable failure) {
        RuntimeException wrapped = wrap(key, failure);
        if (!Thread.currentThread().isInterrupted()) {
            mine.failed(wrapped);
        }
        return wrapped;
    }

    private static RuntimeException wrap(EntryKey key, Throwable failure) {
        if (failure instanceof CorruptEntryException || failure instanceof ClosedException) {
            return (RuntimeException) failure;
        }
        String what = "entry " + key.entryId();
        RuntimeException interruption =
                failure instanceof RuntimeException thrown ? Interrupts.translate(what, thrown) : null;
        return interruption == null ? new LoadFailedException(key.context.name, what, failure) : interruption;
    }

    static LoadFailedException timedOut(EntryKey key) {
        String what = "entry " + key.entryId();
        return new LoadFailedException(
                key.context.name, what, new TimeoutException("another thread has not done with it in time"));
    }

    private static void refuseIfInterrupted(EntryKey key) {
        if (Thread.currentThread().isInterrupted()) {
            throw new OperationInterruptedException("entry " + key.entryId());
        }
    }

    /** Turns what the backend holds of a key, or null, into an entry. */
    static Entry decode(EntryKey key, byte @Nullable [] sealed) {
        if (sealed == null) {
            return Entry.absent();
        }
        try {
            return Entry.decoded(key.type, Envelope.open(key.context.name, key.type.name(), key.id, sealed));
        } catch (RuntimeException e) {
            throw new CorruptEntryException(
                    key.context.name, key.entryId(), Objects.requireNonNullElse(e.getMessage(), e.toString()), e);
        }
    }

    /** Returns whether what the backend holds of a key is damaged; the cache is neither asked nor changed. */
    boolean isDamaged(EntryKey key) {
        try {
            decode(key, storage.load(key.context.name, key.type.name(), key.id));
            return false;
        } catch (CorruptEntryException e) {
            return true;
        } catch (RuntimeException e) {
            throw wrap(key, e);
        }
    }

    // The rest is called by the leader of the commit pipeline alone.

    /** Announces that a group is about to be written, and displaces the loads of what it writes. */
    void beginWrite(InFlight write, Collection<CommitRequest> commits) {
        for (CommitRequest commit : commits) {
            if (commit.cleared()) {
                commit.context.clearing = write;
            }
            commit.writes.keySet().forEach(key -> inFlight.put(key, write));
        }
    }

    /** Shows a commit that the backend has taken: to each reader all of it, or nothing. */
    void publish(CommitRequest commit) {
        Context context = commit.context;
        context.beginPublication();
        try {
            if (commit.cleared()) {
                clear(context, commit);
            }
            commit.writes.forEach((key, entry) -> {
                entry.generation = context.generation;
                cache.put(key, entry);
            });
        } catch (RuntimeException | Error e) {
            // What is committed is committed: an entry that could not be cached is loaded when it is asked for.
            context.dropCached();
        } finally {
            context.endPublication();
        }
    }

    private void clear(Context context, CommitRequest commit) {
        int next = context.generation + 1;
        for (EntryKey key : commit.keptByClear()) {
            Entry kept = cache.get(key);
            if (kept != null && kept.generation == context.generation) {
                kept.generation = next;
            }
        }
        context.dropCached();
    }

    /** Forgets what a commit was to write: what is cached, or being loaded, may not be what the backend holds. */
    void forget(CommitRequest commit) {
        Context context = commit.context;
        context.beginPublication();
        try {
            if (commit.cleared()) {
                context.dropCached();
            }
            commit.writes.keySet().forEach(cache::remove);
        } catch (RuntimeException | Error e) {
            // What could not be dropped by itself goes with all that is cached of its context.
            context.dropCached();
        } finally {
            context.endPublication();
        }
    }

    /** Ends what {@link #beginWrite} began, whatever came of it. */
    void endWrite(InFlight write, Collection<CommitRequest> commits) {
        try {
            for (CommitRequest commit : commits) {
                if (commit.cleared()) {
                    commit.context.clearing = null;
                }
                commit.writes.keySet().forEach(key -> inFlight.remove(key, write));
            }
        } finally {
            write.complete();
        }
    }

    long loads() {
        return loads.sum();
    }

    long cachedBytes() {
        return cache.weight();
    }
}
