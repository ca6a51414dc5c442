package dev.keystore.mapdb;

import dev.keystore.spi.support.FolderChanges;
import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The journal that commits are appended to: a header, and one {@link JournalRecord} for each group.
 *
 * <pre>
 * magic       8 bytes
 * salt        8
 * first       8    the number of the first record
 * checksum    4    CRC32C of the fields above
 * </pre>
 *
 * <p>Durability: the file gets its name, durably, once its header is durable. Each append is forced, and then the path
 * must still lead to the file. A file on which an append failed, or that an earlier process wrote, is not appended to
 * again. The next journal begins with the number after that of the last acknowledged record, and records of its
 * predecessor from that number on do not count. A failed fsync is never repeated: data that must be durable afterwards
 * is written to another file.
 *
 * <p>The file is not written through a {@link java.nio.channels.FileChannel}, which an interrupt of the committing
 * thread would close.
 */
final class Journal implements Closeable {

    static final long MAGIC = 0x4B6579534A6F7572L;
    static final int HEADER_BYTES = 28;

    private static final int WRITE_BYTES = 1 << 20;
    private static final byte[] ZEROS = new byte[1 << 20];
    private static final SecureRandom SALTS = new SecureRandom();

    private final Path path;
    private final @Nullable Object key;
    private final FolderChanges folder;

    /** The state of the folder before the path was found to lead to the file; null if it has to be looked at. */
    private FolderChanges.@Nullable State inPlace;

    private final RandomAccessFile file;
    private final long salt;
    private final long capacity;
    private long end = HEADER_BYTES;
    private long allocated;

    private Journal(
            Path path, @Nullable Object key, FolderChanges folder, RandomAccessFile file, long salt, long capacity)
            throws IOException {
        this.path = path;
        this.key = key;
        this.folder = folder;
        this.file = file;
        this.salt = salt;
        this.capacity = capacity;
        this.allocated = file.length();
    }

    /**
     * Creates an empty journal, in the space of a former one if there is one. It replaces any journal that begins with
     * the same number, which has no acknowledged record.
     *
     * @param capacity the number of bytes at which it is considered full
     * @throws FileMovedException if the folder is not the one that is locked
     */
    static Journal create(MapdbFolder folder, long first, long capacity, SpareJournals spares) throws IOException {
        folder.requireInPlace();
        Path path = folder.numbered(MapdbFolder.JOURNAL, first);
        Path temporary = folder.temporary(path);
        if (!spares.take(temporary)) {
            folder.createTemporary(path);
        }
        RandomAccessFile file = new RandomAccessFile(temporary.toFile(), "rw");
        try {
            long salt = SALTS.nextLong();
            file.write(header(salt, first));
            file.getFD().sync();
            Object key = MapdbFolder.key(temporary);
            folder.publish(temporary, path);
            return new Journal(path, key, folder.changes(), file, salt, capacity);
        } catch (IOException | RuntimeException | Error e) {
            file.close();
            MapdbFolder.deleteIfPossible(temporary);
            throw e;
        }
    }

    /**
     * Replaces a journal with a durable copy of its beginning.
     *
     * @param end the number of bytes to copy, up to the end of a record
     */
    static void rewrite(MapdbFolder folder, Path path, long end) throws IOException {
        Path temporary = folder.createTemporary(path);
        try (RandomAccessFile from = new RandomAccessFile(path.toFile(), "r");
                RandomAccessFile to = new RandomAccessFile(temporary.toFile(), "rw")) {
            byte[] buffer = new byte[(int) Math.min(WRITE_BYTES, end)];
            for (long at = 0; at < end; at += buffer.length) {
                int bytes = (int) Math.min(buffer.length, end - at);
                from.readFully(buffer, 0, bytes);
                to.write(buffer, 0, bytes);
            }
            to.getFD().sync();
        } catch (IOException | RuntimeException | Error e) {
            MapdbFolder.deleteIfPossible(temporary);
            throw e;
        }
        folder.publish(temporary, path);
    }

    /** Returns whether the next record belongs into another journal. */
    boolean isFull() {
        return end >= capacity;
    }

    /**
     * Appends a record, durably, and then verifies that the journal's path still leads to the open file.
     *
     * @return the time that the fsync took, in nanoseconds
     * @throws FileMovedException if the path leads elsewhere; nothing of the record is left
     * @throws IOException if it could not be written; nothing of the record is left
     * @throws UnknownOutcomeException if the fsync failed, or the record could not be removed; recovery after a crash
     *     may find the record
     */
    long append(long number, List<Change> changes) throws IOException {
        byte[] record = JournalRecord.encode(salt, number, changes);
        long fsyncNanos;
        try {
            allocate(end + record.length);
            file.seek(end);
            // In parts, since each call copies its bytes to native memory.
            for (int from = 0; from < record.length; from += WRITE_BYTES) {
                file.write(record, from, Math.min(WRITE_BYTES, record.length - from));
            }
            long startNanos = System.nanoTime();
            force();
            fsyncNanos = System.nanoTime() - startNanos;
            requireInPlace();
        } catch (UnknownOutcomeException e) {
            throw e;
        } catch (IOException | RuntimeException | Error e) {
            truncate(e);
            throw e;
        }
        end += record.length;
        return fsyncNanos;
    }

    /** Looks at the file only if something may have changed in the folder. */
    private void requireInPlace() throws FileMovedException {
        FolderChanges.State state = folder.state();
        if (state == null || !state.isUnchangedSince(inPlace)) {
            MapdbFolder.requireInPlace(path, key);
            inPlace = state == null || Files.isSymbolicLink(path) ? null : state;
        }
    }

    /**
     * Allocates space ahead, by writing zeros, up to the journal's capacity: forcing is cheaper when the file does not
     * grow.
     */
    private void allocate(long nextEnd) throws IOException {
        if (nextEnd <= allocated) {
            return;
        }
        try {
            int ahead = (int) Math.max(0, Math.min(ZEROS.length, capacity - nextEnd));
            file.seek(nextEnd);
            file.write(ZEROS, 0, ahead);
            allocated = nextEnd + ahead;
        } catch (IOException e) {
            // There may be space for the record itself.
            file.setLength(end);
            allocated = end;
        }
    }

    /**
     * Forces the file. If that fails, the file is not forced again: that could succeed without making anything durable.
     */
    private void force() throws UnknownOutcomeException {
        try {
            file.getFD().sync();
        } catch (IOException e) {
            throw new UnknownOutcomeException("the fsync of journal " + path + " failed: " + e, e);
        }
    }

    private void truncate(Throwable failure) throws UnknownOutcomeException {
        try {
            file.setLength(end);
            force();
        } catch (IOException | RuntimeException | Error e) {
            e.addSuppressed(failure);
            throw new UnknownOutcomeException(
                    "a record whose append failed could not be removed from journal " + path + ": " + e, e);
        }
    }

    /** Closes it with the space that was allocated ahead, which may be used again. */
    void closeWhenFull() throws IOException {
        file.close();
    }

    /** Truncates the space that was allocated ahead, and closes it. */
    @Override
    public void close() throws IOException {
        try (file) {
            file.setLength(end);
        }
    }

    static byte[] header(long salt, long first) {
        ByteBuffer header =
                ByteBuffer.allocate(HEADER_BYTES).putLong(MAGIC).putLong(salt).putLong(first);
        return header.putInt(JournalRecord.checksum(header.duplicate().flip())).array();
    }

    /**
     * Thrown when a record may or may not survive a crash, until the creation of the next journal settles that it does
     * not count.
     */
    static final class UnknownOutcomeException extends IOException {

        private static final long serialVersionUID = 1L;

        UnknownOutcomeException(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
