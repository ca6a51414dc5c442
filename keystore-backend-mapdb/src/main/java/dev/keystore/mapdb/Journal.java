package dev.keystore.mapdb;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
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
 * checksum    4    CRC32C of what precedes it
 * </pre>
 *
 * <p>Durability: the file gets its name, durably, when the header is; each append is forced, and then the path must still
 * lead to the file. A file that an append failed on, or that an earlier process wrote, is not appended to any more. The
 * next journal begins with the number after the last acknowledged one, and whatever its predecessor holds from that number
 * on does not count. No fsync that failed is repeated: what has to be durable after one is written to another file.
 *
 * <p>Not through a {@link java.nio.channels.FileChannel}, which an interrupt of the committing thread would close.
 */
final class Journal implements Closeable {

    static final long MAGIC = 0x4B6579534A6F7572L;
    static final int HEADER_BYTES = 28;

    private static final int WRITE_BYTES = 1 << 20;
    private static final byte[] ZEROS = new byte[1 << 20];
    private static final SecureRandom SALTS = new SecureRandom();

    private final Path path;
    private final @Nullable Object key;
    private final RandomAccessFile file;
    private final long salt;
    private long end = HEADER_BYTES;
    private long allocated = HEADER_BYTES;

    private Journal(Path path, @Nullable Object key, RandomAccessFile file, long salt) {
        this.path = path;
        this.key = key;
        this.file = file;
        this.salt = salt;
    }

    /**
     * Makes an empty journal, in place of one that begins with the same number and so holds no acknowledged record.
     *
     * @throws FileMovedException if the folder is not the one that is locked
     */
    static Journal create(MapdbFolder folder, long first) throws IOException {
        folder.requireInPlace();
        Path path = folder.numbered(MapdbFolder.JOURNAL, first);
        Path temporary = folder.createNew(path);
        RandomAccessFile file = new RandomAccessFile(temporary.toFile(), "rw");
        try {
            long salt = SALTS.nextLong();
            file.write(header(salt, first));
            file.getFD().sync();
            Object key = MapdbFolder.key(temporary);
            folder.publish(temporary, path);
            return new Journal(path, key, file, salt);
        } catch (IOException | RuntimeException | Error e) {
            file.close();
            MapdbFolder.deleteIfPossible(temporary);
            throw e;
        }
    }

    /**
     * Puts a durable copy of the beginning of a journal in its place.
     *
     * @param end how many bytes, up to the end of a record
     */
    static void rewrite(MapdbFolder folder, Path path, long end) throws IOException {
        Path temporary = folder.createNew(path);
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

    /** Returns how many bytes it has. */
    long size() {
        return end;
    }

    /**
     * Appends a record, durably. On return the journal's path led to it after that.
     *
     * @throws FileMovedException if it does not, and nothing of the record is left
     * @throws IOException if that failed, and nothing of it is left
     * @throws UnknownOutcomeException if that failed, and it may be found by those who read the journal after a crash
     */
    void append(long number, List<Change> changes) throws IOException {
        byte[] record = JournalRecord.encode(salt, number, changes);
        try {
            allocate(end + record.length);
            file.seek(end);
            // Each call copies what it writes to memory of its own.
            for (int from = 0; from < record.length; from += WRITE_BYTES) {
                file.write(record, from, Math.min(WRITE_BYTES, record.length - from));
            }
            file.getFD().sync();
            MapdbFolder.requireInPlace(path, key);
        } catch (IOException | RuntimeException | Error e) {
            takeBack(e);
            throw e;
        }
        end += record.length;
    }

    /** Writes zeros behind where the next record ends: forcing is cheaper where the file does not grow. */
    private void allocate(long nextEnd) throws IOException {
        if (nextEnd <= allocated) {
            return;
        }
        try {
            file.seek(nextEnd);
            file.write(ZEROS);
            allocated = nextEnd + ZEROS.length;
        } catch (IOException e) {
            // There may be room for the record itself.
            file.setLength(end);
            allocated = end;
        }
    }

    private void takeBack(Throwable failure) throws IOException {
        try {
            file.setLength(end);
            file.getFD().sync();
        } catch (IOException | RuntimeException | Error e) {
            e.addSuppressed(failure);
            throw new UnknownOutcomeException(e);
        }
    }

    /** Gives back what was allocated ahead. */
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

    /** A record that could neither be made durable nor taken back. */
    static final class UnknownOutcomeException extends IOException {

        private static final long serialVersionUID = 1L;

        UnknownOutcomeException(Throwable cause) {
            super("what was appended could not be taken back: " + cause, cause);
        }
    }
}
