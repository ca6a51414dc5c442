package dev.keystore.core;

import dev.keystore.CorruptEntryException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.InFlight.Result;
import dev.keystore.core.InFlight.Result.Failed;
import dev.keystore.core.InFlight.Result.Found;
import dev.keystore.spi.KeyStoreListener.WaitResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Loads entries into the cache, one key or several at a time.
 *
 * <p>Concurrency: {@link #inFlight} holds the loads and writes in progress, at most one per key.
 *
 * <ul>
 *   <li>A thread that misses registers its load there; others that miss the same key wait for it (R2).
 *   <li>Before it calls the backend, the leader of the commit pipeline registers its write there, displacing any load.
 *       A load may cache what it found only while it is registered: a displaced load may have read the older value, so
 *       its result is discarded and the reader looks again (R4).
 *   <li>A reader that misses a key being written waits for that write. At that moment the backend may return a value
 *       that is not published yet, or that is rolled back later (R13, R21).
 *   <li>Clearing a context increments its generation, which invalidates everything cached of it at once. A load that
 *       started in an older generation is discarded like a displaced one, and so is one that ends while the clear is
 *       written. Its reader waits for that write.
 * </ul>
 */
final class EntryLoader {

    /** How long a thread waits for the load of a virtual thread before it loads the key itself. */
    private static final long VIRTUAL_PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** How often a waiting thread checks whether the loading thread has abandoned its load. */
    private static final long CHECK_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final ConcurrentHashMap<EntryKey, InFlight> inFlight = new ConcurrentHashMap<>();

    /** The writes in progress that clear a context. */
    private final ConcurrentHashMap<Context, InFlight> clears = new ConcurrentHashMap<>();

    private final LongAdder loads = new LongAdder();
    private final CachedEntries cache;
    private final Storage storage;
    private final Duration loadTimeout;
    private final EngineEvents events;

    EntryLoader(CachedEntries cache, Storage storage, Duration loadTimeout, EngineEvents events) {
        this.cache = cache;
        this.storage = storage;
        this.loadTimeout = loadTimeout;
        this.events = events;
    }

    /** Returns an entry that is not cached; its type has been checked. Waits until {@code deadlineNanos} at most. */
    Entry load(EntryKey key, long deadlineNanos) {
        while (true) {
            Entry entry = joinOrLoad(key, deadlineNanos);
            // Another thread's load may have started before a clear that was acknowledged before this read.
            if (entry == null || !entry.isValidIn(key.context.generation())) {
                entry = cache.getValid(key);
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
            return loadOne(key, self, mine, deadlineNanos);
        }
        if (awaitEnd(key, other, deadlineNanos)) {
            inFlight.remove(key, other); // left behind if its thread ended with an error
            return entryOf(other.result());
        }
        InFlight replacement = InFlight.forLoadReplacing(other, self);
        return inFlight.replace(key, other, replacement) ? loadOne(key, self, replacement, deadlineNanos) : null;
    }

    /**
     * Waits for the load, the write or the clear of another thread.
     *
     * @return false if it has not ended and this thread should do the load itself, because the loading thread has
     *     abandoned it or is a virtual thread that may not get a carrier while this one waits
     * @throws dev.keystore.LoadFailedException at the deadline
     */
    private boolean awaitEnd(EntryKey key, InFlight other, long deadlineNanos) {
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
        return true;
    }

    private static @Nullable Entry entryOf(Result result) {
        if (result instanceof Failed failed) {
            throw failed.failure();
        }
        return result instanceof Found found ? found.entry() : null;
    }

    /**
     * Loads one key, for which {@code mine} is registered, and ends {@code mine} with the outcome.
     *
     * @return the entry, or null if a write or a clear came in between and the caller must look again
     */
    private @Nullable Entry loadOne(EntryKey key, InFlight.Loader self, InFlight mine, long deadlineNanos) {
        Context context = key.context;
        InFlight clearing = clears.get(context);
        int generation = context.generation();
        Result result = Result.LOOK_AGAIN;
        try {
            // A load or write may have ended between the miss and the registration (R2).
            Entry published = cache.getValid(key);
            if (published != null) {
                result = new Found(published);
            } else if (clearing == null) {
                LoadFailures.throwIfInterrupted(key);
                result = settle(key, mine, generation, loadRecord(key));
            }
            mine.record(result);
        } catch (RuntimeException | Error e) {
            RuntimeException failure = LoadFailures.of(key, e);
            mine.record(failedUnlessInterrupted(failure));
            throw failure;
        } finally {
            self.gone = true;
            try {
                inFlight.remove(key, mine);
            } finally {
                mine.complete();
            }
        }
        Entry found = entryOf(result);
        if (found == null && clearing != null && awaitEnd(key, clearing, deadlineNanos)) {
            clears.remove(context, clearing); // left behind if its thread ended with an error
        }
        return found;
    }

    private byte @Nullable [] loadRecord(EntryKey key) {
        return measured(1, new Supplier<byte @Nullable []>() {
            @Override
            public byte @Nullable [] get() {
                return storage.load(key.context.name(), key.type.name(), key.id);
            }
        });
    }

    /** Returns what a load of ids from the backend returns; counts and reports it. */
    private <T extends @Nullable Object> T measured(int ids, Supplier<T> load) {
        loads.add(ids);
        FlightEvents.Load event = events.beginLoad();
        WaitResult outcome = WaitResult.FAILURE;
        try {
            T loaded = load.get();
            outcome = WaitResult.SUCCESS;
            return loaded;
        } catch (RuntimeException e) {
            outcome = events.failedLoad(e);
            throw e;
        } finally {
            events.end(event, ids, outcome);
        }
    }

    /**
     * Caches what was loaded and returns it, unless a write or a clear came in between: then it may be the older value,
     * and readers have to look again.
     */
    private Result settle(EntryKey key, InFlight mine, int generation, byte @Nullable [] record) {
        Entry entry;
        try {
            entry = decodeLatest(storage, key, record);
        } catch (UnreadableEntryException e) {
            // An erase that came in between has destroyed the keys of what was loaded before it.
            if (isCurrent(key, mine, generation)) {
                events.unreadable(1);
                throw e;
            }
            return Result.LOOK_AGAIN;
        }
        entry.makeValidIn(generation);
        return putIfCurrent(key, entry, mine, generation);
    }

    /**
     * Decodes a record that was loaded, or the one that has replaced it.
     *
     * @param loaded null if the key does not exist
     * @throws UnreadableEntryException if what is stored cannot be read
     */
    static Entry decodeLatest(Storage storage, EntryKey key, byte @Nullable [] loaded) {
        Supplier<byte @Nullable []> load = new Supplier<>() {
            @Override
            public byte @Nullable [] get() {
                return storage.read(key.context.name(), key.entryId());
            }
        };
        Function<byte[], Entry> opening = new Function<>() {
            @Override
            public Entry apply(byte[] record) {
                return decode(key, record);
            }
        };
        Entry entry = LatestRecord.open(loaded, load, opening);
        return entry == null ? Entry.absent(key) : entry;
    }

    private static Entry decode(EntryKey key, byte[] record) {
        try {
            return Entry.decoded(key, key.context.sealer().open(key.type.name(), key.id, record));
        } catch (UnreadableEntryException | LoadFailedException | OperationInterruptedException | ClosedException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new CorruptEntryException(
                    key.context.name(), key.entryId(), Objects.requireNonNullElse(e.getMessage(), e.toString()), e);
        }
    }

    /** Returns whether no write or clear has come in between since a load began. */
    private boolean isCurrent(EntryKey key, InFlight mine, int generation) {
        InFlight registered = inFlight.get(key);
        return registered != null && isCurrent(key.context, registered, mine, generation);
    }

    private boolean isCurrent(Context context, InFlight registered, InFlight mine, int generation) {
        return registered.isOrReplaces(mine) && context.generation() == generation && clears.get(context) == null;
    }

    /**
     * Caches an entry and returns it, unless a write or a clear came in between. The map holds the lock of the key
     * meanwhile, so no write is registered between the check and the put. If the context is lost, the entry is not
     * cached.
     */
    private Result putIfCurrent(EntryKey key, Entry entry, InFlight mine, int generation) {
        Context context = key.context;
        Result[] result = {Result.LOOK_AGAIN};
        inFlight.computeIfPresent(key, new BiFunction<>() {
            @Override
            public InFlight apply(EntryKey same, InFlight registered) {
                if (isCurrent(context, registered, mine, generation)) {
                    if (!context.isOwnershipLost()) {
                        cache.put(entry);
                    }
                    result[0] = new Found(entry);
                }
                return registered;
            }
        });
        return result[0];
    }

    /** Waiting threads fail with the load, unless only its own thread was interrupted: then they look again. */
    private static Result failedUnlessInterrupted(RuntimeException failure) {
        return Thread.currentThread().isInterrupted() ? Result.LOOK_AGAIN : new Failed(failure);
    }

    /**
     * Loads those keys that no other thread is loading or writing, in one round trip.
     *
     * @return what was found; keys that the caller must read one by one are not in the map
     */
    Map<EntryKey, Entry> loadAll(List<EntryKey> keys) {
        EntryKey first = keys.get(0);
        Context context = first.context;
        if (clears.get(context) != null) {
            return Map.of();
        }
        int generation = context.generation();
        InFlight.Loader self = new InFlight.Loader();
        Map<EntryKey, InFlight> mine = new LinkedHashMap<>();
        Map<EntryKey, Entry> found = new HashMap<>();
        try {
            for (EntryKey key : keys) {
                InFlight load = InFlight.forLoad(self);
                if (inFlight.putIfAbsent(key, load) == null) {
                    mine.put(key, load);
                }
            }
            Map<EntryKey, Entry> cached = findCached(mine.keySet());
            Map<String, byte[]> records = loadRecords(first, mine.keySet(), cached);
            for (Map.Entry<EntryKey, InFlight> load : mine.entrySet()) {
                EntryKey key = load.getKey();
                Entry published = cached.get(key);
                Result result = published == null
                        ? settleOrFail(key, load.getValue(), generation, records.get(key.id))
                        : new Found(published);
                load.getValue().record(result);
                if (result instanceof Found entry) {
                    found.put(key, entry.entry());
                }
            }
        } catch (RuntimeException | Error e) {
            for (Map.Entry<EntryKey, InFlight> load : mine.entrySet()) {
                load.getValue().record(failedUnlessInterrupted(LoadFailures.of(load.getKey(), e)));
            }
            throw LoadFailures.of(first, e);
        } finally {
            self.gone = true;
            end(mine);
        }
        return found;
    }

    private void end(Map<EntryKey, InFlight> loads) {
        try {
            for (Map.Entry<EntryKey, InFlight> load : loads.entrySet()) {
                inFlight.remove(load.getKey(), load.getValue());
            }
        } finally {
            for (InFlight load : loads.values()) {
                load.complete();
            }
        }
    }

    /** Returns the entries that were cached between the miss and the registration. */
    private Map<EntryKey, Entry> findCached(Set<EntryKey> registered) {
        Map<EntryKey, Entry> cached = new HashMap<>();
        for (EntryKey key : registered) {
            Entry published = cache.getValid(key);
            if (published != null) {
                cached.put(key, published);
            }
        }
        return cached;
    }

    /** Loads the records of the keys that are not cached. All keys have the context and type of {@code first}. */
    private Map<String, byte[]> loadRecords(EntryKey first, Set<EntryKey> keys, Map<EntryKey, Entry> cached) {
        List<String> ids = new ArrayList<>();
        for (EntryKey key : keys) {
            if (!cached.containsKey(key)) {
                ids.add(key.id);
            }
        }
        if (ids.isEmpty()) {
            return Map.of();
        }
        LoadFailures.throwIfInterrupted(first);
        return measured(ids.size(), new Supplier<>() {
            @Override
            public Map<String, byte[]> get() {
                return storage.loadAll(first.context.name(), first.type.name(), ids);
            }
        });
    }

    /** Settles one of several keys. A damaged entry fails only the readers of its key, not those of the other keys. */
    private Result settleOrFail(EntryKey key, InFlight mine, int generation, byte @Nullable [] record) {
        try {
            return settle(key, mine, generation, record);
        } catch (RuntimeException | Error e) {
            return failedUnlessInterrupted(LoadFailures.of(key, e));
        }
    }

    /** Returns how many ids were loaded from the backend. */
    long loads() {
        return loads.sum();
    }

    /** Registers a write that clears a context, which displaces all loads of the context. Called by the leader. */
    void beginClear(InFlight write, Context context) {
        clears.put(context, write);
    }

    /** Removes a write that clears a context. Called by the leader. */
    void endClear(InFlight write, Context context) {
        clears.remove(context, write);
    }

    /** Registers a write, which displaces the loads of the keys. Called by the leader. */
    void beginWrite(InFlight write, Set<EntryKey> keys) {
        for (EntryKey key : keys) {
            inFlight.put(key, write);
        }
    }

    /** Removes a write. Called by the leader. */
    void endWrite(InFlight write, Set<EntryKey> keys) {
        for (EntryKey key : keys) {
            inFlight.remove(key, write);
        }
    }
}
