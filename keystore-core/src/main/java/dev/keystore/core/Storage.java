package dev.keystore.core;

import com.google.common.collect.Iterators;
import dev.keystore.ContextOwnedException;
import dev.keystore.ContextPosition;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.Compaction;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.ContextOwner;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.ContextPositions;
import dev.keystore.spi.ContextSnapshots;
import dev.keystore.spi.ContextSnapshots.EntryConsumer;
import dev.keystore.spi.FsyncTiming;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.NameHiding;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.PrefixScan;
import dev.keystore.spi.StoreSealing;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The engine's access to the backend. The constructor chooses how each operation is done, by the capabilities that the
 * backend implements.
 *
 * <p>Its callers use the true names of contexts, types and ids; the backend gets their {@link StoredNames}. If these
 * are hidden, listings return them as they are, and {@link TrueNames} reads the true ones.
 *
 * <p>Failures: {@link #load}, {@link #loadAll}, the methods that write, and those whose Javadoc says so throw what the
 * backend throws. The others throw as a reader's load does: {@link LoadFailedException} if the backend fails.
 *
 * <p>Concurrency: any thread calls the backend, without waiting here. {@link #close} rejects further calls and closes
 * the backend once the calls in progress have returned, or at its deadline even if one has not. It does not wait for
 * streams: a listing that is still being read when the backend is closed fails.
 */
final class Storage {

    /** How many records of a context are loaded at a time. */
    static final int PAGE_ENTRIES = 64;

    /** How many contexts of a plain store are searched for data keys, which tell that its mark is lost. */
    private static final int SEARCHED_CONTEXTS = 8;

    private final Backend backend;
    private final ContextAwareBackend entries;
    private final BulkLoad bulk;
    private final PrefixScan prefixes;
    private final @Nullable ContextListing listing;
    private final @Nullable ContextSnapshots snapshots;
    private final @Nullable ContextOwnership ownership;
    private final @Nullable ContextPositions positions;
    private final @Nullable Compaction compaction;
    private final Consumer<List<Batch>> writer;
    private final @Nullable RollbackWriter rollback;
    private final int groupLimit;
    private final CallGate gate = new CallGate();

    /** Set while the store is being opened, before anything but its mark is accessed. */
    private StoredNames names = StoredNames.TRUE;

    /** Why nothing may be written, or null. Set while the store is being opened. */
    private @Nullable String readOnlyReason;

    /** Whether nothing may be written since it is unknown what the store is. Set while the store is being opened. */
    private boolean isStateUnknown;

    Storage(Backend backend, KeyStoreOptions options) {
        this.backend = backend;
        this.entries = backend instanceof PersistenceBackend contextFree
                ? ContextAwareBackend.of(contextFree)
                : (ContextAwareBackend) backend;
        this.bulk = backend instanceof BulkLoad loads ? loads : this::loadEach;
        this.prefixes = backend instanceof PrefixScan scans ? scans : this::scanList;
        this.listing = backend instanceof ContextListing lists ? lists : null;
        this.snapshots = backend instanceof ContextSnapshots reads ? reads : null;
        this.ownership = backend instanceof ContextOwnership owns ? owns : null;
        this.positions = backend instanceof ContextPositions keeps ? keeps : null;
        this.compaction = backend instanceof Compaction compacts ? compacts : null;
        if (backend instanceof GroupCommit groups) {
            this.writer = group -> groups.commit(names.group(group));
            this.rollback = null;
            this.groupLimit = options.maximumGroupSize();
        } else if (backend instanceof AtomicCommit atomic) {
            this.writer = group -> atomic.commit(names.batch(group.get(0))); // one batch: all or nothing
            this.rollback = null;
            this.groupLimit = 1;
        } else {
            RollbackWriter rollbackWriter = new RollbackWriter(entries, options);
            this.writer = group -> rollbackWriter.write(group.get(0), names.batch(group.get(0)));
            this.rollback = rollbackWriter;
            this.groupLimit = 1;
        }
    }

    /** Returns whether the backend holds more contexts than the default one. */
    boolean servesManyContexts() {
        return !(backend instanceof PersistenceBackend);
    }

    /** Returns the context of the entries that say what the store is: its mark, its id and its state. */
    String contextOfMark() {
        return servesManyContexts() ? StoreSealing.MARK.type() : PersistenceBackend.DEFAULT_CONTEXT;
    }

    /** Returns the maximum number of batches in a group. */
    int groupLimit() {
        return groupLimit;
    }

    /** Sets the receiver of the times of fsyncs, if the backend measures them. */
    void reportFsyncs(LongConsumer nanos) {
        if (backend instanceof FsyncTiming timing) {
            timing.reportFsyncs(nanos);
        }
    }

    /** Hides the names of contexts, types and ids from the backend from now on. */
    void hideNames(NameHiding hiding) {
        names = StoredNames.hidden(hiding, servesManyContexts());
    }

    /** Refuses to write and to take contexts over from now on; called while the store is being opened. */
    void refuseWrites(String reason) {
        readOnlyReason = reason;
    }

    /** Refuses as {@link #refuseWrites} does, since it is unknown whether the store may be written. */
    void refuseWritesInUnknownState(String reason) {
        refuseWrites(reason);
        isStateUnknown = true;
    }

    /** Returns whether {@link #refuseWritesInUnknownState} was called. */
    boolean isStateUnknown() {
        return isStateUnknown;
    }

    private void requireWritable() {
        if (readOnlyReason != null) {
            throw BackendException.permanent(readOnlyReason, null);
        }
    }

    /** Returns the names that the backend holds. */
    StoredNames names() {
        return names;
    }

    byte @Nullable [] load(String context, String type, String id) {
        try {
            return call(() -> entries.load(
                            names.context(context), names.type(context, type), names.id(context, type, id)))
                    .orElse(null);
        } catch (CorruptEntryException e) {
            throw named(context, new EntryId(type, id), e);
        }
    }

    private CorruptEntryException named(String context, EntryId entry, CorruptEntryException failure) {
        return names.areHidden()
                ? new CorruptEntryException(context, entry, "the backend reports: " + failure.getMessage(), failure)
                : failure;
    }

    Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        return names.areHidden() ? loadAllHidden(context, type, ids) : call(() -> bulk.loadAll(context, type, ids));
    }

    private Map<String, byte[]> loadAllHidden(String context, String type, Collection<String> ids) {
        Map<String, String> idsByStored = new LinkedHashMap<>();
        ids.forEach(id -> idsByStored.put(names.id(context, type, id), id));
        Map<String, byte[]> found = new HashMap<>();
        try {
            loadStored(context, names.type(context, type), idsByStored.keySet())
                    .forEach((stored, record) -> found.put(idsByStored.get(stored), record));
        } catch (CorruptEntryException e) {
            String id = idsByStored.getOrDefault(e.entry().id(), e.entry().id());
            throw named(context, new EntryId(type, id), e);
        }
        return found;
    }

    private Map<String, byte[]> loadStored(String context, String storedType, Collection<String> storedIds) {
        return call(() -> bulk.loadAll(names.context(context), storedType, storedIds));
    }

    /** Reads an entry; null if it does not exist. */
    byte @Nullable [] read(String context, EntryId entry) {
        return LoadFailures.translated(context, entry, () -> load(context, entry.type(), entry.id()));
    }

    /** Reads entries, of any types; those that do not exist are not in the map. */
    Map<EntryId, byte[]> readAll(String context, List<EntryId> wanted) {
        return readByType(context, wanted, this::loadAll);
    }

    /** Reads an entry by its stored type and id; null if it does not exist. */
    byte @Nullable [] readStored(String context, EntryId stored) {
        return readStored(context, names.context(context), stored);
    }

    /** Reads entries by their stored types and ids; those that do not exist are not in the map. */
    Map<EntryId, byte[]> readAllStored(String context, List<EntryId> wanted) {
        return readByType(context, wanted, this::loadStored);
    }

    /** Reads one of the engine's entries by the stored name of its context; null if it does not exist. */
    byte @Nullable [] readReserved(String storedContext, EntryId entry) {
        return readStored(storedContext, storedContext, entry);
    }

    private byte @Nullable [] readStored(String context, String storedContext, EntryId stored) {
        return LoadFailures.translated(
                context,
                stored,
                () -> call(() -> entries.load(storedContext, stored.type(), stored.id()))
                        .orElse(null));
    }

    private static Map<EntryId, byte[]> readByType(String context, List<EntryId> wanted, BulkLoad loader) {
        Map<EntryId, byte[]> found = new LinkedHashMap<>();
        wanted.stream()
                .collect(Collectors.groupingBy(EntryId::type, Collectors.mapping(EntryId::id, Collectors.toList())))
                .forEach((type, ids) -> LoadFailures.translated(context, new EntryId(type, ids.get(0)), () -> {
                    loader.loadAll(context, type, ids)
                            .forEach((id, record) -> found.put(new EntryId(type, id), record));
                    return found;
                }));
        return found;
    }

    private Map<String, byte[]> loadEach(String context, String type, Collection<String> ids) {
        Map<String, byte[]> found = new HashMap<>();
        for (String id : ids) {
            entries.load(context, type, id).ifPresent(value -> found.put(id, value));
        }
        return found;
    }

    /**
     * Returns whether the backend holds no entry except the id of the store, as far as it can tell. Throws what the
     * backend throws.
     */
    boolean isEmpty() {
        return call(() -> {
            try (Stream<String> found = listing == null
                    ? entries.list(PersistenceBackend.DEFAULT_CONTEXT).map(EntryId::type)
                    : listing.contexts()) {
                return found.allMatch(StoreSealing.MARK.type()::equals);
            }
        });
    }

    /**
     * Lists the stored names of the contexts that hold entries, including those that the engine stores for itself, but
     * not the context of a store's mark; throws as {@link #list} does.
     *
     * @throws UnsupportedOperationException if the backend has many contexts and can't list them
     */
    Stream<String> storedContexts() {
        if (!servesManyContexts()) {
            return Stream.of(PersistenceBackend.DEFAULT_CONTEXT).filter(this::holdsEntriesOrMark);
        }
        return storedContextsWithMark().filter(context -> !context.equals(StoreSealing.MARK.type()));
    }

    /** As {@link #storedContexts}, with the context of a store's mark. */
    Stream<String> storedContextsWithMark() {
        if (!servesManyContexts()) {
            return Stream.of(PersistenceBackend.DEFAULT_CONTEXT);
        }
        ContextListing contexts = listing;
        if (contexts == null) {
            throw new UnsupportedOperationException(unlisted());
        }
        return Listing.ofContexts(() -> call(contexts::contexts));
    }

    /** Returns whether {@link #storedContexts} is supported. */
    boolean listsContexts() {
        return !servesManyContexts() || listing != null;
    }

    /** Returns the message for a backend whose contexts cannot be listed. */
    String unlisted() {
        return "The contexts of this backend cannot be listed: " + backendName() + " does not implement "
                + ContextListing.class.getName();
    }

    /** Returns whether the backend can read a context as of one point in time. */
    boolean hasSnapshots() {
        return snapshots != null;
    }

    /**
     * Reads all entries of a context as of one point in time, by its stored name, and with stored types and ids. Throws
     * what the backend or the consumer throws.
     */
    void readSnapshot(String storedContext, EntryConsumer consumer) {
        ContextSnapshots reading = Objects.requireNonNull(snapshots);
        call(() -> {
            reading.readSnapshot(storedContext, consumer);
            return storedContext;
        });
    }

    /**
     * Reads all entries of a context while they may change; throws as {@link #list} does, or what the consumer throws.
     */
    void readEach(String storedContext, EntryConsumer consumer) {
        try (Stream<EntryId> listed = listAll(storedContext, storedContext)) {
            BulkLoad loader = (context, type, ids) -> call(() -> bulk.loadAll(context, type, ids));
            Iterators.partition(listed.iterator(), PAGE_ENTRIES)
                    .forEachRemaining(
                            page -> readByType(storedContext, page, loader).forEach(consumer::accept));
        }
    }

    /** Returns whether a context holds data keys. If the contexts can't be listed, only the default one is checked. */
    boolean holdsKeys() {
        if (servesManyContexts() && listing == null) {
            return readReserved(PersistenceBackend.DEFAULT_CONTEXT, StoreSealing.KEYS) != null;
        }
        try (Stream<String> contexts = storedContexts()) {
            return contexts.anyMatch(context -> readReserved(context, StoreSealing.KEYS) != null);
        }
    }

    /**
     * Returns whether one of the first contexts holds data keys, as each context does that holds a value of an
     * encrypted store. Reads few entries, however many contexts there are. Throws what the backend throws.
     */
    boolean holdsKeysAtFirst() {
        return call(() -> {
            try (Stream<String> contexts =
                    listing == null ? Stream.of(PersistenceBackend.DEFAULT_CONTEXT) : listing.contexts()) {
                return contexts.filter(context -> !context.equals(StoreSealing.MARK.type()))
                        .limit(SEARCHED_CONTEXTS)
                        .anyMatch(context -> entries.load(context, StoreSealing.KEYS.type(), StoreSealing.KEYS.id())
                                .isPresent());
            }
        });
    }

    /** Returns whether a context holds an entry that the engine does not store for itself; throws as {@link #list}. */
    boolean holdsEntries(String context) {
        try (Stream<EntryId> found = list(context)) {
            return found.findAny().isPresent();
        }
    }

    /** Returns whether a context holds such an entry, or the mark of a move; throws as {@link #list} does. */
    boolean holdsEntriesOrMark(String context) {
        try (Stream<EntryId> found = listAll(context, names.context(context))) {
            return found.anyMatch(
                    entry -> !StoredNames.isReserved(entry.type()) || entry.equals(StoredNames.MOVE_MARK));
        }
    }

    /** As {@link #holdsEntries}, by the stored name of the context. */
    boolean holdsEntriesStored(String storedContext) {
        try (Stream<EntryId> found = listStored(storedContext, storedContext)) {
            return found.findAny().isPresent();
        }
    }

    /**
     * Lists the stored types and ids of entries, without those that the engine stores for itself; throws
     * {@link LoadFailedException} if the backend fails, now or while the stream is read.
     */
    Stream<EntryId> list(String context) {
        return listStored(context, names.context(context));
    }

    private Stream<EntryId> listStored(String context, String storedContext) {
        return listAll(context, storedContext).filter(entry -> !StoredNames.isReserved(entry.type()));
    }

    private Stream<EntryId> listAll(String context, String storedContext) {
        return Listing.of(context, () -> call(() -> entries.list(storedContext)));
    }

    /**
     * Lists the stored ids of those that begin with a prefix. If ids are hidden, others may be among them. Throws as
     * {@link #list} does.
     */
    Stream<String> scan(String context, String type, String idPrefix) {
        return Listing.of(
                context,
                () -> call(() -> prefixes.scan(
                        names.context(context), names.type(context, type), names.idPrefix(context, type, idPrefix))));
    }

    private Stream<String> scanList(String context, String type, String idPrefix) {
        return entries.list(context)
                .filter(entry -> entry.type().equals(type) && entry.id().startsWith(idPrefix))
                .map(EntryId::id);
    }

    boolean hasOwnership() {
        return ownership != null;
    }

    /** Takes a context over and returns its new epoch, or 0 if the backend has no ownership. */
    long takeOver(String context, boolean unlessOwned) {
        return takeOver(List.of(context), unlessOwned).getOrDefault(context, 0L);
    }

    /** Takes contexts over and returns the new epoch of each, or 0 if the backend has no ownership. */
    Map<String, Long> takeOver(Collection<String> contexts, boolean unlessOwned) {
        Map<String, Long> epochs = new LinkedHashMap<>();
        if (ownership == null || readOnlyReason != null) {
            contexts.forEach(context -> epochs.put(context, 0L));
            return epochs;
        }
        Map<String, String> trueNames = new LinkedHashMap<>();
        contexts.forEach(context -> trueNames.put(names.context(context), context));
        try {
            call(() -> ownership.takeOverEach(trueNames.keySet(), unlessOwned))
                    .forEach((stored, epoch) -> epochs.put(trueNames.getOrDefault(stored, stored), epoch));
            return epochs;
        } catch (ContextOwnedException e) {
            String context = trueNames.getOrDefault(e.context(), e.context());
            throw e.context().equals(context)
                    ? e
                    : new ContextOwnedException(context, e.host(), e.process(), e.since(), e.inThisProcess());
        }
    }

    /**
     * Takes over all contexts of owners that are not alive, so that these write nothing more. Does nothing if the
     * backend has no ownership.
     *
     * @throws ContextOwnedException if another owner is alive; it names one of its contexts as the backend holds it
     */
    void takeOverAllUnlessOwned() {
        if (ownership != null) {
            call(() -> {
                ownership.takeOverAllUnlessOwned();
                return ownership;
            });
        }
    }

    /**
     * Returns the last owner of a context; empty also if the backend has no ownership.
     *
     * @throws LoadFailedException if the backend failed
     */
    Optional<ContextOwner> owner(String context) {
        return ownership == null
                ? Optional.empty()
                : LoadFailures.translated(
                        context, "the owner", () -> call(() -> ownership.owner(names.context(context))));
    }

    /**
     * Returns whether the last commit of one of its contexts proves that nothing of a group was written. Throws what
     * the backend throws.
     */
    boolean isUnwritten(List<Batch> group) {
        if (ownership == null) {
            return false;
        }
        return call(new Supplier<>() {
            @Override
            public Boolean get() {
                for (Batch batch : group) {
                    if (isUnwritten(ownership, batch)) {
                        return true;
                    }
                }
                return false;
            }
        });
    }

    private boolean isUnwritten(ContextOwnership ownership, Batch batch) {
        OptionalLong last = ownership.lastCommit(names.context(batch.context()), batch.epoch());
        return last.isPresent() && last.getAsLong() < batch.sequence();
    }

    /**
     * Returns the position of a context; empty if there is none, or the backend keeps none. Throws
     * {@link dev.keystore.LoadFailedException} if the backend fails.
     */
    Optional<ContextPosition> position(String context) {
        return position(context, names.context(context));
    }

    /** Returns the position of a context like {@link #position}, by its stored name. */
    Optional<ContextPosition> positionStored(String storedContext) {
        return position(storedContext, storedContext);
    }

    private Optional<ContextPosition> position(String context, String storedContext) {
        ContextPositions kept = positions;
        return kept == null
                ? Optional.empty()
                : LoadFailures.translated(context, "the position", () -> call(() -> kept.position(storedContext)));
    }

    /**
     * Returns what no position of a context that the store holds nothing of any more was above; throws as
     * {@link #position} does.
     *
     * @param storedContext for which context that is asked, for messages
     */
    Optional<ContextPosition> highestForgotten(String storedContext) {
        ContextPositions kept = positions;
        return kept == null
                ? Optional.empty()
                : LoadFailures.translated(storedContext, "the position", () -> call(kept::highestForgotten));
    }

    /** Returns whether the backend keeps the positions of contexts. */
    boolean keepsPositions() {
        return positions != null;
    }

    /** Makes later takeovers of any context return epochs above a number, if the backend has epochs. */
    void raiseEpochs(long floor) {
        if (ownership != null) {
            call(() -> {
                ownership.raiseEpochs(floor);
                return floor;
            });
        }
    }

    /** Compacts the backend's files. Returns whether the backend can do that; if not, nothing was done. */
    boolean compact() {
        Compaction compacting = compaction;
        if (compacting == null) {
            return false;
        }
        requireWritable();
        return call(() -> {
            compacting.compact();
            return true;
        });
    }

    /** Returns the class of the backend, for messages. */
    String backendName() {
        return backend.getClass().getName();
    }

    /** Writes a group durably: all of it, or nothing. */
    void write(List<Batch> group) {
        requireWritable();
        try {
            call(new Supplier<List<Batch>>() {
                @Override
                public List<Batch> get() {
                    writer.accept(group);
                    return group;
                }
            });
        } catch (OwnershipLostException e) {
            throw named(group, e);
        }
    }

    private OwnershipLostException named(List<Batch> group, OwnershipLostException failure) {
        for (Batch batch : group) {
            if (names.areContextsHidden() && names.context(batch.context()).equals(failure.context())) {
                return new OwnershipLostException(batch.context(), batch.epoch());
            }
        }
        return failure;
    }

    /**
     * Resumes the write of a group whose writing thread failed. On a backend without atomic commits, this rolls back
     * what that thread has written; on others it does nothing.
     *
     * @return the outcome; null on a backend with atomic commits, where only a commit id can tell
     */
    @Nullable
    WriteOutcome resumeWrite(List<Batch> group, Throwable cause) {
        if (rollback == null) {
            return null;
        }
        return call(new Supplier<>() {
            @Override
            public WriteOutcome get() {
                return rollback.resume(group.get(0), cause);
            }
        });
    }

    private <T> T call(Supplier<T> operation) {
        CallGate.RunningCall call = gate.enter();
        try {
            return operation.get();
        } finally {
            call.ended = true;
            gate.leave(call);
        }
    }

    /** Closes the backend once no call is in progress, but no later than the deadline. Waits uninterruptibly. */
    void close(long deadlineNanos) {
        gate.close(deadlineNanos);
        backend.close();
    }
}
