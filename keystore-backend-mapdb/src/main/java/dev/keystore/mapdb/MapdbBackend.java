package dev.keystore.mapdb;

import dev.keystore.ContextPosition;
import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.Compaction;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.ContextPositions;
import dev.keystore.spi.FsyncTiming;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PrefixScan;
import dev.keystore.spi.support.Await;
import dev.keystore.spi.support.EarlyInitialization;
import dev.keystore.spi.support.TimedLock;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.mapdb.Pump;

/**
 * A backend that keeps the entries of all contexts in a folder: in a MapDB file, behind a journal of commits.
 *
 * <p>Concurrency: one {@link CommitWriter}, and any number of concurrent readers. Readers wait only for the maintenance
 * thread, a platform thread of this backend, which changes the MapDB file and closes everything. Committing threads
 * hold only the writer's lock. Every wait has a deadline: a read or a commit waits for up to 10 s for other threads,
 * and then fails with a transient failure. An interrupt ends the wait of a read with
 * {@link dev.keystore.OperationInterruptedException}, and that of a commit with a transient failure; otherwise it has
 * no effect on reads and commits.
 *
 * <p>Listings are read page by page, so a stream that is never closed holds no resources. A read may wait for
 * microseconds while a few entries are being changed in MapDB, but never for a commit or an fsync.
 *
 * <p>While the store is compacted, reads continue, and commits wait once 16 groups or 4 MiB wait to be applied.
 *
 * <p>{@link #close} refuses new calls, and waits for running commits and the maintenance thread to end. If that takes
 * longer than a minute, it throws and closing continues in the background; the folder stays locked until then.
 */
final class MapdbBackend
        implements ContextAwareBackend,
                GroupCommit,
                BulkLoad,
                PrefixScan,
                ContextListing,
                ContextPositions,
                FsyncTiming,
                Compaction {

    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final int CLOSE_TIMEOUT_FACTOR = 6;
    private static final long PAUSE_NANOS = 1_000_000;
    private static final long LARGEST_JOURNAL_BYTES = 16 << 20;

    /** As many keys as a node of MapDB's tree has: fewer would cost as much. */
    private static final int PAGE_SIZE_OF_CONTEXTS = 32;

    private final MapdbFolder folder;
    private final Entries entries;
    private final SpareJournals spares;
    private final Checkpointer checkpointer;
    private final CommitWriter writer;
    private final MapdbCompaction compaction;
    private final Duration timeout;
    private final Thread maintenance = new Thread(this::runMaintenance, "keystore-mapdb-maintenance");
    private final BooleanSupplier closing = this::hasEnded;
    private final BooleanSupplier otherWorkEnded = this::hasOtherWorkEnded;
    private volatile boolean closed;
    private volatile boolean mapClosed;
    private volatile boolean ended;
    private volatile @Nullable Throwable lastFailure;
    private volatile @Nullable Throwable closeFailure;

    /** Creates a backend whose threads are not started. */
    MapdbBackend(MapdbFolder folder, Recovery recovery, long checkpointBytes, Duration timeout) {
        EarlyInitialization.of(MethodHandles.lookup(), Journal.class, JournalRecord.class, Positions.class, Pump.class);
        this.folder = folder;
        this.timeout = timeout;
        long journalBytes = Math.min(LARGEST_JOURNAL_BYTES, checkpointBytes / 4);
        this.spares = new SpareJournals(folder, 2 * journalBytes);
        this.checkpointer = new Checkpointer(folder, spares, checkpointBytes, recovery.last());
        this.entries =
                new Entries(folder.toString(), recovery.map(), recovery.last(), this::rebuild, maintenance, timeout);
        this.writer = new CommitWriter(folder, entries, checkpointer, spares, journalBytes, timeout);
        this.compaction = new MapdbCompaction(folder, entries, checkpointer, writer, spares, timeout);
    }

    /** Opens the store of a folder that is locked. */
    static MapdbBackend open(MapdbFolder folder, long checkpointBytes) throws IOException {
        return open(folder, checkpointBytes, TIMEOUT);
    }

    /**
     * Opens the store of a folder that is locked; {@code timeout} limits each wait of a read or a commit for other
     * threads.
     */
    static MapdbBackend open(MapdbFolder folder, long checkpointBytes, Duration timeout) throws IOException {
        Recovery recovery = Recovery.open(folder);
        try {
            MapdbBackend backend = new MapdbBackend(folder, recovery, checkpointBytes, timeout);
            backend.start();
            return backend;
        } catch (RuntimeException | Error e) {
            recovery.map().discard();
            throw e;
        }
    }

    /** Starts the threads. If that fails, none of them uses the folder, which the caller may then change and unlock. */
    void start() {
        maintenance.setDaemon(true);
        try {
            maintenance.start();
            checkpointer.start();
        } catch (RuntimeException | Error e) {
            ended = true; // the maintenance thread has had nothing to do yet
            throw e;
        }
    }

    private WorkingMap rebuild(long last) throws IOException {
        return checkpointer.exclusively(new TimedLock.Work<>() {
            @Override
            public WorkingMap run() throws IOException {
                return Recovery.rebuild(folder, last);
            }
        });
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        List<byte[]> keys = List.of(StoredKey.of(context, type, id));
        return Optional.ofNullable(
                read(() -> entries.get(() -> "load " + type + "/" + id + " of context \"" + context + "\"", keys))
                        .get(0));
    }

    @Override
    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        List<String> all = List.copyOf(Objects.requireNonNull(ids, "ids"));
        List<byte[]> keys =
                all.stream().map(id -> StoredKey.of(context, type, id)).toList();
        List<byte @Nullable []> values = read(() -> entries.get(
                () -> "load " + all.size() + " entries of type " + type + " of context \"" + context + "\"", keys));
        Map<String, byte[]> found = new HashMap<>();
        for (int i = 0; i < all.size(); i++) {
            byte[] value = values.get(i);
            if (value != null) {
                found.put(all.get(i), value);
            }
        }
        return found;
    }

    @Override
    public Stream<EntryId> list(String context) {
        return keys(() -> "list the entries of context \"" + context + "\"", StoredKey.ofContext(context))
                .map(StoredKey::entryOf);
    }

    @Override
    public Stream<String> scan(String context, String type, String idPrefix) {
        return keys(
                        () -> "scan the entries of type " + type + " of context \"" + context + "\"",
                        StoredKey.of(context, type, Objects.requireNonNull(idPrefix, "idPrefix")))
                .map(key -> StoredKey.entryOf(key).id());
    }

    /**
     * Lists the contexts, from one to the next: after the first key of a context, those of the same context are
     * skipped, without reading more than a page of them.
     */
    @Override
    public Stream<String> contexts() {
        return Stream.iterate(
                        Optional.of(contextsAfter(Positions.END)),
                        Optional::isPresent,
                        page -> page.flatMap(read -> Optional.ofNullable(read.end()))
                                .map(this::contextsAfter))
                .flatMap(Optional::stream)
                .flatMap(page -> page.names().stream());
    }

    /**
     * A page of contexts.
     *
     * @param end where the next page begins, or {@code null} if there is none
     */
    private record Contexts(List<String> names, byte @Nullable [] end) {}

    private Contexts contextsAfter(byte @Nullable [] after) {
        Entries.Page page =
                read(() -> entries.page(() -> "list the contexts", new byte[0], after, PAGE_SIZE_OF_CONTEXTS));
        List<String> names =
                page.keys().stream().map(StoredKey::contextNameOf).distinct().toList();
        byte[] last = page.last();
        if (last == null || names.isEmpty()) {
            return new Contexts(names, last);
        }
        boolean isListed = names.get(names.size() - 1).equals(StoredKey.contextNameOf(last));
        return new Contexts(names, isListed ? StoredKey.endOfContext(last) : last);
    }

    @Override
    public Optional<ContextPosition> position(String context) {
        List<byte[]> keys = List.of(Positions.key(context));
        return Optional.ofNullable(
                        read(() -> entries.get(() -> "read the position of context \"" + context + "\"", keys))
                                .get(0))
                .map(Positions::decode);
    }

    @Override
    public Optional<ContextPosition> highestForgotten() {
        return read(() -> Positions.highestForgotten(entries.last()));
    }

    private Stream<byte[]> keys(Supplier<String> operation, byte[] prefix) {
        return Stream.iterate(
                        Optional.of(read(() -> entries.page(operation, prefix, null, WorkingMap.PAGE_SIZE))),
                        Optional::isPresent,
                        page -> page.flatMap(read -> Optional.ofNullable(read.last()))
                                .map(last -> read(() -> entries.page(operation, prefix, last, WorkingMap.PAGE_SIZE))))
                .flatMap(Optional::stream)
                .flatMap(page -> page.keys().stream());
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        commit(new Batch(context, 0, 1, List.of(new Mutation.Put(type, id, value))));
    }

    @Override
    public void delete(String context, String type, String id) {
        commit(new Batch(context, 0, 1, List.of(new Mutation.Delete(type, id))));
    }

    @Override
    public void commit(List<Batch> group) {
        requireOpen();
        writer.commit(Objects.requireNonNull(group, "group"), Positions.of(group, emptiesContext(group)));
    }

    @Override
    public void reportFsyncs(LongConsumer nanos) {
        writer.reportFsyncs(Objects.requireNonNull(nanos, "nanos"));
    }

    /** Returns whether nothing of a context is left after a group. The engine writes no other group meanwhile. */
    private boolean emptiesContext(List<Batch> group) {
        if (group.size() != 1 || !Positions.onlyClears(group.get(0))) {
            return false;
        }
        Batch batch = group.get(0);
        return list(batch.context()).noneMatch(entry -> Positions.keeps(batch, entry.type()));
    }

    @Override
    public void compact() {
        requireOpen();
        compaction.run();
    }

    @Override
    public void close() {
        if (closed && ended) {
            return;
        }
        compaction.stop();
        closed = true;
        Duration closeTimeout = timeout.multipliedBy(CLOSE_TIMEOUT_FACTOR);
        if (!Await.uninterruptibly(closing, closeTimeout)) {
            throw BackendException.permanent(
                    folder + ": could not close within " + closeTimeout.toMillis()
                            + " ms: a commit, a checkpoint or a read is still running; closing continues once it ends,"
                            + " and the folder stays locked until then",
                    null);
        }
        Throwable e = closeFailure;
        if (e != null) {
            throw BackendException.permanent(folder + ": could not close cleanly: " + e, e);
        }
    }

    private boolean hasEnded() {
        LockSupport.unpark(maintenance);
        return ended;
    }

    /** Runs on the maintenance thread until everything is closed, regardless of what is thrown. */
    private void runMaintenance() {
        while (!ended) {
            try {
                if (lastFailure != null) {
                    lastFailure = null;
                    LockSupport.parkNanos(this, PAUSE_NANOS);
                }
                if (closed) {
                    end();
                } else {
                    entries.maintain();
                }
            } catch (Throwable e) {
                lastFailure = e;
            }
        }
    }

    /** Closes everything, in steps that can be repeated: it is called again if a step was late or threw. */
    private void end() throws IOException {
        checkpointer.close();
        if (!Await.uninterruptibly(otherWorkEnded, timeout)) {
            return;
        }
        closeWriter();
        if (!mapClosed) {
            WorkingMap map = entries.release();
            mapClosed = true;
            closeMap(map);
        }
        try {
            folder.close();
        } catch (IOException e) {
            // The lock is released all the same.
            closeFailure = e;
        }
        ended = true;
    }

    private boolean hasOtherWorkEnded() {
        return checkpointer.hasEnded() && compaction.hasEnded();
    }

    private void closeWriter() {
        try {
            writer.close();
            spares.delete();
        } catch (IOException e) {
            // The next opening recovers from the journals.
            closeFailure = e;
        }
    }

    /** Closes the map, and marks the folder as cleanly closed unless anything has failed. */
    private void closeMap(@Nullable WorkingMap map) {
        if (map == null) {
            return;
        }
        try {
            map.close();
            if (closeFailure == null) {
                CleanShutdownMarker.write(folder, entries.last(), map.path());
            }
        } catch (IOException | RuntimeException | Error e) {
            closeFailure = e;
        }
    }

    /** For tests of a journal that fails. */
    CommitWriter writer() {
        return writer;
    }

    /** For tests of a MapDB that fails. */
    Entries entries() {
        return entries;
    }

    /** For tests that copy the folder as a crash would leave it. */
    Checkpointer checkpointer() {
        return checkpointer;
    }

    private <T> T read(Supplier<T> reading) {
        requireOpen();
        return reading.get();
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(folder + ": the backend is closed");
        }
    }
}
