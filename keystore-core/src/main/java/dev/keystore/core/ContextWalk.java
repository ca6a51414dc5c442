package dev.keystore.core;

import com.google.common.collect.Iterators;
import dev.keystore.ContextPosition;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.KeyReader;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.TamperedEntryException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.ContextInspection.Damage;
import dev.keystore.core.ContextInspection.Kind;
import dev.keystore.core.ContextInspection.Move;
import dev.keystore.core.ContextInspection.MoveState;
import dev.keystore.core.ContextInspection.TypeContents;
import dev.keystore.spi.ContextOwner;
import dev.keystore.spi.StoreSealing;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads every entry of a context once, as {@link StoreInspection} describes, and counts. Does not use the cache. Used
 * by one thread.
 */
final class ContextWalk implements Engine.Look<ContextInspection>, PlainSnapshot.Pages {

    private final Engine engine;
    private final String context;
    private final Instant now;
    private final LongConsumer progress;
    private final ContextSealer sealer;
    private final Map<String, TypeContents> types = new HashMap<>();
    private SignedKeys signedKeys = new SignedKeys();
    private SessionAges sessionAges;
    private final List<Damage> damaged = new ArrayList<>();
    private Predicate<String> left = id -> true;
    private Predicate<String> kyberLeft = id -> true;
    private long preKeysLeft;
    private long kyberPreKeysLeft;
    private final Map<String, Long> entriesByKey = new HashMap<>();
    private long damagedEntries;
    private int unreadableEntries;
    private long entriesRead;
    private long entriesReported;
    private @Nullable String incomplete;

    /**
     * Creates a walk.
     *
     * @param now from when the ages of sessions are counted
     */
    ContextWalk(Engine engine, String context, Instant now, LongConsumer progress) {
        this.engine = engine;
        this.context = context;
        this.now = now;
        this.sessionAges = new SessionAges(now);
        this.progress = progress;
        this.sealer = engine.unopenedSealer(context);
    }

    @Override
    public int unreadable() {
        return unreadableEntries;
    }

    @Override
    public ContextInspection run() {
        try {
            readUploads();
            boolean isIntact = PlainSnapshot.read(engine.storage, context, sealer, this) && damagedEntries == 0;
            if (!isIntact) {
                begin();
                readEach();
            }
        } finally {
            sealer.close();
        }
        readFreshness();
        Optional<ContextOwner> owner = orEmpty(engine.storage::owner);
        Optional<ContextPosition> position = orEmpty(engine.storage::position);
        Optional<Move> move = orEmpty(this::move);
        return new ContextInspection(
                context,
                types,
                damagedEntries,
                damaged,
                preKeysLeft,
                kyberPreKeysLeft,
                sessionAges.counts(),
                entriesByKey,
                signedKeys.list(types),
                owner,
                position,
                move,
                Optional.ofNullable(incomplete));
    }

    /** Reads what only an opening with a freshness anchor reads otherwise. */
    private void readFreshness() {
        try {
            Freshness.entry(engine.storage, context);
        } catch (CorruptEntryException e) {
            unreadable(FreshnessEntry.ID, e);
        } catch (LoadFailedException e) {
            failed(e);
        }
    }

    private Optional<Move> move(String name) {
        return Optional.ofNullable(MoveMark.load(engine.storage, name))
                .map(mark -> new Move(MoveState.valueOf(mark.side().name()), mark.target()));
    }

    /** Reads what is recorded of uploads. If it is damaged, it is found again later, and all pre-keys count as left. */
    private void readUploads() {
        KeyReader reader = new UncachedReader(engine, new Context(context, 0, sealer), new EngineEvents(List.of()));
        try {
            left = OneTimePreKeys.left(reader);
            kyberLeft = OneTimePreKeys.kyberLeft(reader);
        } catch (UnreadableEntryException | LoadFailedException e) {
            if (BackendFailures.isTransient(e.getCause())) {
                throw e;
            }
        }
    }

    @Override
    public void begin() {
        types.clear();
        preKeysLeft = 0;
        kyberPreKeysLeft = 0;
        signedKeys = new SignedKeys();
        sessionAges = new SessionAges(now);
        entriesByKey.clear();
        damagedEntries = 0;
        entriesRead = 0;
    }

    /** Counts a page of a snapshot, which is not read on once a value cannot be decoded. */
    @Override
    public boolean accept(Map<EntryId, byte[]> values) {
        values.forEach((entry, value) -> {
            try {
                decode(entry, value);
                count(entry, value);
            } catch (CorruptEntryException | IllegalArgumentException e) {
                damagedEntries++;
            }
        });
        report(values.size());
        return damagedEntries == 0;
    }

    private void readEach() {
        try (Stream<EntryId> listed = engine.names.entries(context, sealer, this::unnamed)) {
            if (!sealer.areKeysIntact()) {
                unreadable(
                        StoreSealing.KEYS,
                        new CorruptEntryException(context, StoreSealing.KEYS, "it cannot be opened", null));
            }
            Iterators.partition(listed.iterator(), Storage.PAGE_ENTRIES).forEachRemaining(this::read);
        } catch (LoadFailedException e) {
            failed(e);
        }
    }

    /** Reports entries that were not reported before, if the context is read again. */
    private void report(int entries) {
        entriesRead += entries;
        if (entriesRead > entriesReported) {
            progress.accept(entriesRead - entriesReported);
            entriesReported = entriesRead;
        }
    }

    private <T> Optional<T> orEmpty(Function<String, Optional<T>> read) {
        try {
            return read.apply(context);
        } catch (LoadFailedException | UnreadableEntryException e) {
            failed(e);
            return Optional.empty();
        }
    }

    private void failed(KeyStoreException e) {
        if (BackendFailures.isTransient(e.getCause())) {
            throw e; // the backend as a whole cannot be read now
        }
        incomplete = incomplete == null ? String.valueOf(e.getMessage()) : incomplete;
    }

    private void read(List<EntryId> page) {
        LoadFailures.throwIfInterrupted(context);
        Map<EntryId, byte[]> records = loadPage(page);
        for (EntryId entry : page) {
            try {
                byte[] value = value(entry, records == null ? load(entry) : records.get(entry));
                if (value != null) {
                    count(entry, value);
                }
            } catch (UnreadableEntryException | LoadFailedException e) {
                unreadable(entry, e);
            }
        }
        report(page.size());
    }

    /** Returns the records of a page, or null if they have to be loaded one by one, since one cannot be read. */
    private @Nullable Map<EntryId, byte[]> loadPage(List<EntryId> page) {
        try {
            return engine.storage.readAll(context, page);
        } catch (UnreadableEntryException | LoadFailedException e) {
            return null;
        }
    }

    private byte @Nullable [] load(EntryId entry) {
        return engine.storage.read(context, entry);
    }

    /** Returns a value, or null if it was deleted meanwhile, perhaps with its keys. Counts the key of its record. */
    private byte @Nullable [] value(EntryId entry, byte @Nullable [] loaded) {
        return LatestRecord.open(
                loaded,
                () -> load(entry),
                record -> {
                    byte[] value = decoded(entry, record);
                    countKey(entry, record);
                    return value;
                },
                (record, failure) -> {
                    countKey(entry, record);
                    throw failure instanceof UnreadableEntryException unreadable
                            ? unreadable
                            : new CorruptEntryException(context, entry, String.valueOf(failure.getMessage()), null);
                });
    }

    /** Returns the bytes of a value, which its codec can decode. */
    private byte[] decoded(EntryId entry, byte[] record) {
        byte[] value = sealer.open(entry.type(), entry.id(), record);
        decode(entry, value);
        return value;
    }

    private void decode(EntryId entry, byte[] value) {
        KeyType<?> type = engine.types.find(entry.type());
        try {
            signedKeys.add(entry, type.codec().decode(value));
        } catch (RuntimeException e) {
            throw new CorruptEntryException(context, entry, "its value cannot be decoded", e);
        }
    }

    private void count(EntryId entry, byte[] value) {
        types.merge(
                entry.type(),
                new TypeContents(1, value.length, value.length),
                (all, one) -> new TypeContents(
                        all.entries() + 1,
                        all.bytes() + one.bytes(),
                        Math.max(all.largestBytes(), one.largestBytes())));
        sessionAges.add(entry, value);
        if (entry.type().equals(KeyTypes.PRE_KEY.name())) {
            preKeysLeft += left.test(entry.id()) ? 1 : 0;
        } else if (entry.type().equals(OneTimePreKeys.KYBER_MARK.name())) {
            kyberPreKeysLeft += kyberLeft.test(entry.id()) ? 1 : 0;
        }
    }

    private void countKey(EntryId entry, byte[] record) {
        if (sealer instanceof ContextKeys keys) {
            entriesByKey.merge(keys.keyOf(entry, record), 1L, Long::sum);
        }
    }

    /** Counts an entry whose true name, and with it its key, cannot be read. */
    private void unnamed(EntryId stored, KeyStoreException failure) {
        unreadable(stored, failure);
        if (sealer instanceof ContextKeys) {
            entriesByKey.merge(ContextKeys.UNREADABLE, 1L, Long::sum);
        }
    }

    private void unreadable(EntryId entry, KeyStoreException failure) {
        Damage found = damage(entry, failure);
        damagedEntries++;
        unreadableEntries += failure instanceof UnreadableEntryException ? 1 : 0;
        if (damaged.size() < ContextInspection.ENTRIES_NAMED) {
            damaged.add(found);
        }
    }

    /** Describes an entry that cannot be read; throws the failure if the backend as a whole cannot be read now. */
    static Damage damage(EntryId entry, KeyStoreException failure) {
        if (BackendFailures.isTransient(failure.getCause())) {
            throw failure;
        }
        return new Damage(entry, kind(failure), String.valueOf(failure.getMessage()));
    }

    private static Kind kind(KeyStoreException failure) {
        if (failure instanceof UnreadableEntryException unreadable
                && unreadable.entry().equals(StoreSealing.KEYS)) {
            return Kind.KEYS_UNREADABLE;
        }
        if (failure instanceof CorruptEntryException) {
            return Kind.CORRUPT;
        }
        if (failure instanceof TamperedEntryException) {
            return Kind.TAMPERED;
        }
        return failure instanceof EntryKeyMissingException ? Kind.KEY_MISSING : Kind.NOT_LOADED;
    }
}
