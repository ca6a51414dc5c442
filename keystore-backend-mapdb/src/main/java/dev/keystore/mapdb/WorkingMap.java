package dev.keystore.mapdb;

import dev.keystore.mapdb.Change.Delete;
import dev.keystore.mapdb.Change.Put;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.mapdb.BTreeMap;
import org.mapdb.DB;
import org.mapdb.DB.TreeMapMaker;
import org.mapdb.DB.TreeMapSink;
import org.mapdb.DBException;
import org.mapdb.DBMaker;
import org.mapdb.Serializer;
import org.mapdb.StoreDirect;

/**
 * All entries in a MapDB file, without transactions, and without an fsync until it is closed.
 *
 * <p>Concurrency: one thread changes it and reserves space, and may read at any time; other threads may read while
 * nothing is being changed. MapDB's exceptions reach callers unchanged; after a failed change, the contents of the file
 * are undefined.
 */
final class WorkingMap {

    static final int PAGE_SIZE = 256;

    /** What MapDB may need for its tree in addition to the entries, however few there are. */
    private static final long RESERVED_BYTES = 4 << 20;

    private static final String NAME = "entries";

    private final Path path;
    private final MappedVolume volume;
    private final DB db;
    private final BTreeMap<byte[], byte[]> map;

    /** How many bytes of the file MapDB uses. */
    private volatile long end;

    private WorkingMap(Path path, MappedVolume volume, DB db, BTreeMap<byte[], byte[]> map) {
        this.path = path;
        this.volume = volume;
        this.db = db;
        this.map = map;
        this.end = end(db);
    }

    private static long end(DB db) {
        return ((StoreDirect) db.getStore()).getTotalSize();
    }

    /** Fills an empty file with entries. */
    static WorkingMap create(Path path, EntrySource entries) throws IOException {
        return open(path, entries);
    }

    /** Opens a file that was closed before. */
    static WorkingMap open(Path path) throws IOException {
        return open(path, null);
    }

    /** Fills an empty file with entries, or opens an existing one if {@code created} is null. */
    private static WorkingMap open(Path path, @Nullable EntrySource created) throws IOException {
        MappedVolume volume = new MappedVolume(path);
        try {
            DB db = DBMaker.volumeDB(volume, created == null)
                    .concurrencyDisable()
                    .make();
            return new WorkingMap(path, volume, db, created == null ? maker(db).open() : fill(maker(db), created));
        } catch (DBException e) {
            volume.drop();
            throw failure(path, e);
        } catch (IOException | RuntimeException | Error e) {
            volume.drop();
            throw e;
        }
    }

    private static BTreeMap<byte[], byte[]> fill(TreeMapMaker<byte[], byte[]> maker, EntrySource entries)
            throws IOException {
        TreeMapSink<byte[], byte[]> sink = maker.createFromSink();
        for (FileEntry entry = entries.next(); entry != null; entry = entries.next()) {
            sink.put(entry.key(), entry.value());
        }
        return sink.create();
    }

    /** Values are stored outside the tree's nodes: otherwise each change would rewrite a whole node of values. */
    private static TreeMapMaker<byte[], byte[]> maker(DB db) {
        return db.treeMap(NAME, Serializer.BYTE_ARRAY, Serializer.BYTE_ARRAY).valuesOutsideNodesEnable();
    }

    Path path() {
        return path;
    }

    byte @Nullable [] get(byte[] key) {
        return map.get(key);
    }

    /**
     * Returns the next page of keys that begin with a prefix.
     *
     * @param after the key that precedes the page, or {@code null} for the first page
     * @param size the maximum number of keys
     */
    List<byte[]> page(byte[] prefix, byte @Nullable [] after, int size) {
        byte[] from = after == null ? prefix : after;
        Iterator<byte[]> keys = map.keyIterator(from, after == null, StoredKey.end(prefix), false);
        List<byte[]> page = new ArrayList<>();
        while (page.size() < size && keys.hasNext()) {
            page.add(keys.next());
        }
        return page;
    }

    /** Returns whether the file has space for changes of {@code bytes} bytes, which then need no more disk space. */
    boolean hasReserved(long bytes) {
        return volume.length() >= end + needed(bytes);
    }

    /**
     * Reserves space in the file for changes of {@code bytes} bytes.
     *
     * @throws FileMovedException if its path no longer leads to it
     */
    void reserve(long bytes) throws IOException {
        try {
            volume.ensureAvailable(end + needed(bytes));
        } catch (DBException.VolumeIOError e) {
            if (e.getCause() instanceof FileMovedException moved) {
                throw moved;
            }
            throw failure(path, e);
        }
    }

    private static long needed(long bytes) {
        return RESERVED_BYTES + 4 * bytes;
    }

    /** Applies a put or a delete. A clear must be applied as deletes. */
    void apply(Change change) {
        if (change instanceof Put put) {
            map.put(put.key(), put.value());
        } else if (change instanceof Delete delete) {
            map.remove(delete.key());
        } else {
            throw new IllegalArgumentException("a clear must be applied as deletes");
        }
        checkEnd();
    }

    private void checkEnd() {
        long newEnd = end(db);
        if (newEnd < end || newEnd > volume.length()) {
            throw new IllegalStateException(path + ": MapDB reports an impossible length of " + newEnd + " bytes");
        }
        end = newEnd;
    }

    /**
     * Closes the file, durably.
     *
     * @throws FileMovedException if its path no longer leads to it
     */
    void close() throws IOException {
        try {
            db.close();
            volume.requireInPlace();
        } catch (DBException e) {
            throw failure(path, e);
        }
    }

    /** Closes the file and deletes it, unless its path no longer leads to it. */
    void discard() {
        volume.drop();
        try {
            volume.requireInPlace();
            MapdbFolder.deleteIfPossible(path);
        } catch (FileMovedException e) {
            // The file at the path is not this one.
        }
    }

    private static IOException failure(Path path, DBException e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        return new IOException("MapDB failed on " + path + ": " + cause, e);
    }
}
