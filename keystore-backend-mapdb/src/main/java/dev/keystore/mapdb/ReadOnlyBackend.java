package dev.keystore.mapdb;

import dev.keystore.ContextPosition;
import dev.keystore.EntryId;
import dev.keystore.mapdb.Change.Clear;
import dev.keystore.mapdb.Change.Delete;
import dev.keystore.mapdb.Change.Put;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.Compaction;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.ContextPositions;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.PrefixScan;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A backend for a store whose folder can't be written, for example on a read-only mount. Commits are refused.
 *
 * <p>Recovery: the checkpoint and the journals are read into memory when the store is opened, and no file is written.
 * MapDB's file is not used, as opening it would change it. A record that a crash cut short is left out, as in
 * {@link Recovery}.
 *
 * <p>Concurrency: the entries don't change, since the shared lock of the folder excludes writers.
 */
final class ReadOnlyBackend
        implements ContextAwareBackend,
                GroupCommit,
                BulkLoad,
                PrefixScan,
                ContextListing,
                ContextPositions,
                Compaction {

    private final MapdbFolder folder;
    private final String reason;
    private final NavigableMap<byte[], byte[]> entries;
    private final long last;
    private volatile boolean closed;

    private ReadOnlyBackend(MapdbFolder folder, String reason, NavigableMap<byte[], byte[]> entries, long last) {
        this.folder = folder;
        this.reason = reason;
        this.entries = entries;
        this.last = last;
    }

    /**
     * Reads the store of a folder that is locked for reading.
     *
     * @param reason why the folder can't be written, and what to do, for messages
     * @throws DamagedFileException if something that was acknowledged can't be read
     */
    static ReadOnlyBackend open(MapdbFolder folder, String reason) throws IOException {
        StoreFiles files = StoreFiles.of(folder);
        Optional<CleanShutdownMarker> marker = CleanShutdownMarker.readNewest(folder);
        NavigableMap<byte[], byte[]> entries = new TreeMap<>(Arrays::compareUnsigned);
        if (files.checkpoint() != null) {
            try (EntryFileReader checkpoint = new EntryFileReader(files.checkpoint(), files.checkpointed())) {
                for (FileEntry entry = checkpoint.next(); entry != null; entry = checkpoint.next()) {
                    byte[] value = entry.value();
                    if (value != null) {
                        entries.put(entry.key(), value);
                    }
                }
            }
        }
        long last = marker.isPresent() ? marker.get().last() : Long.MAX_VALUE;
        JournalReader.readAll(files.journals(), last, changes -> changes.forEach(change -> apply(entries, change)));
        return new ReadOnlyBackend(folder, reason, entries, Math.min(last, files.last()));
    }

    private static void apply(NavigableMap<byte[], byte[]> entries, Change change) {
        if (change instanceof Put put) {
            entries.put(put.key(), put.value());
        } else if (change instanceof Delete delete) {
            entries.remove(delete.key());
        } else if (change instanceof Clear clear) {
            StoredKey.range(entries, clear.context())
                    .keySet()
                    .removeIf(key -> !clear.keptTypes().contains(StoredKey.typeOf(key)));
        }
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        requireOpen();
        return Optional.ofNullable(entries.get(StoredKey.of(context, type, id))).map(byte[]::clone);
    }

    @Override
    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        Map<String, byte[]> found = new HashMap<>();
        for (String id : ids) {
            load(context, type, id).ifPresent(value -> found.put(id, value));
        }
        return found;
    }

    @Override
    public Stream<EntryId> list(String context) {
        return keys(StoredKey.ofContext(context)).map(StoredKey::entryOf);
    }

    @Override
    public Stream<String> scan(String context, String type, String idPrefix) {
        return keys(StoredKey.of(context, type, idPrefix))
                .map(key -> StoredKey.entryOf(key).id());
    }

    @Override
    public Stream<String> contexts() {
        requireOpen();
        return Stream.iterate(
                        entries.ceilingEntry(Positions.END),
                        Objects::nonNull,
                        entry -> entries.ceilingEntry(StoredKey.endOfContext(entry.getKey())))
                .peek(entry -> requireOpen())
                .map(entry -> StoredKey.contextNameOf(entry.getKey()));
    }

    @Override
    public Optional<ContextPosition> position(String context) {
        requireOpen();
        return Optional.ofNullable(entries.get(Positions.key(context))).map(Positions::decode);
    }

    @Override
    public Optional<ContextPosition> highestForgotten() {
        requireOpen();
        return Positions.highestForgotten(last);
    }

    private Stream<byte[]> keys(byte[] prefix) {
        requireOpen();
        return StoredKey.range(entries, prefix).keySet().stream().peek(key -> requireOpen());
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        throw refusal("save " + type + "/" + id + " of context \"" + context + "\"");
    }

    @Override
    public void delete(String context, String type, String id) {
        throw refusal("delete " + type + "/" + id + " of context \"" + context + "\"");
    }

    @Override
    public void commit(List<Batch> group) {
        throw refusal("commit");
    }

    @Override
    public void compact() {
        throw refusal("compact");
    }

    private BackendException refusal(String operation) {
        requireOpen();
        return BackendException.permanent(
                folder + ": could not " + operation + ": the store was opened for reading only: " + reason
                        + ", then open it again",
                null);
    }

    @Override
    public void close() {
        closed = true;
        try {
            folder.close();
        } catch (IOException e) {
            throw BackendException.permanent(folder + ": could not close cleanly: " + e, e);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(folder + ": the backend is closed");
        }
    }
}
