package dev.keystore.mapdb;

import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PrefixScan;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The entries of all contexts in the MapDB file of a folder, behind a journal of commits.
 *
 * <p>Concurrency: one {@link Writer}, and any number who read beside it. Every operation holds the lifecycle lock shared,
 * {@link #close} holds it alone: it waits for what runs, and nothing begins after it. Lock order: lifecycle, writer,
 * the checkpointer's files, entries.
 *
 * <p>Listings are read page by page, so that a stream that nobody closes holds nothing. A load waits while one mutation is
 * being applied to MapDB, some microseconds, and for a clear as long as deleting its entries takes; a page waits for what
 * is committed and not applied yet, which is some megabytes at most beside the last group, and for another page. Neither
 * waits for an fsync.
 */
final class MapdbBackend implements ContextAwareBackend, GroupCommit, BulkLoad, PrefixScan {

    private final MapdbFolder folder;
    private final Entries entries;
    private final Checkpointer checkpointer;
    private final Writer writer;
    private final ReadWriteLock lifecycle = new ReentrantReadWriteLock();
    private boolean closed;

    private MapdbBackend(MapdbFolder folder, Recovery recovery, long checkpointBytes) {
        this.folder = folder;
        this.entries = new Entries(recovery.map());
        this.checkpointer = new Checkpointer(folder, checkpointBytes, recovery.last());
        this.writer = new Writer(folder, entries, checkpointer, checkpointBytes, recovery.last());
    }

    /** Opens the store of a folder that is locked. */
    static MapdbBackend open(MapdbFolder folder, long checkpointBytes) throws IOException {
        return new MapdbBackend(folder, Recovery.open(folder), checkpointBytes);
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        List<byte[]> keys = List.of(EntryKey.of(context, type, id));
        return Optional.ofNullable(
                read(() -> entries.get("load " + type + "/" + id, keys)).get(0));
    }

    @Override
    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        List<String> all = List.copyOf(Objects.requireNonNull(ids, "ids"));
        List<byte[]> keys =
                all.stream().map(id -> EntryKey.of(context, type, id)).toList();
        List<byte @Nullable []> values = read(() -> entries.get("load " + all.size() + " entries of " + type, keys));
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
        return keys("list the entries of context " + context, EntryKey.ofContext(context))
                .map(EntryKey::entryOf);
    }

    @Override
    public Stream<String> scan(String context, String type, String idPrefix) {
        return keys(
                        "scan " + type + " in context " + context,
                        EntryKey.of(context, type, Objects.requireNonNull(idPrefix, "idPrefix")))
                .map(key -> EntryKey.entryOf(key).id());
    }

    private Stream<byte[]> keys(String doing, byte[] prefix) {
        return Stream.iterate(
                        read(() -> entries.page(doing, prefix, null)),
                        page -> !page.isEmpty(),
                        page -> page.size() < WorkingMap.PAGE_SIZE
                                ? List.<byte[]>of()
                                : read(() -> entries.page(doing, prefix, page.get(page.size() - 1))))
                .flatMap(List::stream);
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
        Lock shared = lifecycle.readLock();
        shared.lock();
        try {
            requireOpen();
            writer.commit(Objects.requireNonNull(group, "group"));
        } finally {
            shared.unlock();
        }
    }

    @Override
    public void close() {
        Lock alone = lifecycle.writeLock();
        alone.lock();
        try {
            if (!closed) {
                closed = true;
                closeAll();
            }
        } catch (IOException e) {
            throw BackendException.permanent("could not close " + folder + " cleanly: " + e.getMessage(), e);
        } finally {
            alone.unlock();
        }
    }

    private void closeAll() throws IOException {
        try {
            checkpointer.close();
            writer.close();
        } finally {
            folder.close();
        }
    }

    /** For tests of what becomes of a journal that breaks. */
    Writer writer() {
        return writer;
    }

    /** For tests of what becomes of a MapDB that fails. */
    Entries entries() {
        return entries;
    }

    /** For tests that copy the folder as a crash would leave it. */
    Checkpointer checkpointer() {
        return checkpointer;
    }

    private <T> T read(Supplier<T> reading) {
        Lock shared = lifecycle.readLock();
        shared.lock();
        try {
            requireOpen();
            if (entries.isFailed()) {
                writer.repair();
            }
            return reading.get();
        } finally {
            shared.unlock();
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
    }
}
