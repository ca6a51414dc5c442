package dev.keystore.mapdb;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads the records of a journal, in order.
 *
 * <p>Only the last record of a journal can be unacknowledged, since each record is forced before the next one is
 * appended. So an unreadable record is the torn tail of a crash only if no record follows it; if one does, or if the
 * last number is known and not reached, the journal is damaged. A last record that is damaged long after it was
 * acknowledged looks like a torn one, unless the store was closed cleanly.
 */
final class JournalReader implements Closeable {

    private static final int WINDOW_BYTES = 1 << 20;

    private final Path path;
    private final RandomAccessFile file;
    private final long length;
    private final long salt;
    private final long first;
    private long number;
    private long offset = Journal.HEADER_BYTES;

    /**
     * Opens a journal.
     *
     * @param first the number of its first record, according to its name
     * @throws DamagedFileException if its header is damaged
     */
    JournalReader(Path path, long first) throws IOException {
        this.path = path;
        this.first = first;
        this.number = first;
        file = new RandomAccessFile(path.toFile(), "r");
        try {
            length = file.length();
            salt = readSalt();
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /**
     * Returns the number of the last record of a journal.
     *
     * @param journals by the number of their first record, without a gap
     * @param first the number of its first record
     * @param last the number of the last record in all journals
     */
    static long lastOf(NavigableMap<Long, Path> journals, long first, long last) {
        Long next = journals.higherKey(first);
        return next == null ? last : next - 1;
    }

    /**
     * Reads the records of journals, in order.
     *
     * @param journals by the number of their first record, without a gap
     * @param last the number of the last record in all journals, or {@link Long#MAX_VALUE} if it is not known
     * @param records receives the changes of each record
     * @throws DamagedFileException if a record can't be read, and it was acknowledged
     */
    static void readAll(NavigableMap<Long, Path> journals, long last, Consumer<List<Change>> records)
            throws IOException {
        for (Map.Entry<Long, Path> journal : journals.entrySet()) {
            long end = lastOf(journals, journal.getKey(), last);
            try (JournalReader reader = new JournalReader(journal.getValue(), journal.getKey())) {
                for (List<Change> next = reader.next(end); next != null; next = reader.next(end)) {
                    records.accept(next);
                }
            }
        }
    }

    private long readSalt() throws IOException {
        if (length >= Journal.HEADER_BYTES) {
            byte[] header = new byte[Journal.HEADER_BYTES];
            file.readFully(header);
            long found = ByteBuffer.wrap(header).getLong(Long.BYTES);
            if (Arrays.equals(header, Journal.header(found, first))) {
                return found;
            }
        }
        throw new DamagedFileException(
                path,
                0,
                "its header is not that of a journal that begins with record " + first
                        + "; all its records would be lost");
    }

    /**
     * Returns the changes of the next record.
     *
     * @param last the number of the last record, or {@link Long#MAX_VALUE} if it is not known
     * @return {@code null} at the end
     * @throws DamagedFileException if the next record can't be read, and it was acknowledged
     */
    @Nullable
    List<Change> next(long last) throws IOException {
        if (number > last) {
            return null;
        }
        byte[] body = bodyAt(offset, number);
        if (body == null) {
            requireTornTail(last);
            return null;
        }
        offset += JournalRecord.HEADER_BYTES + body.length + JournalRecord.CHECKSUM_BYTES;
        number++;
        return JournalRecord.decode(body);
    }

    /** Returns the number of the record that {@link #next} looks for. */
    long number() {
        return number;
    }

    /** Returns the offset of the record that {@link #next} looks for, which is the end of the records read so far. */
    long offset() {
        return offset;
    }

    private void requireTornTail(long last) throws IOException {
        if (last != Long.MAX_VALUE) {
            throw new DamagedFileException(
                    path,
                    offset,
                    "record " + number + " cannot be read, and the store had records up to " + last + "; records "
                            + number + " to " + last + " would be lost");
        }
        long later = laterRecord();
        if (later >= 0) {
            throw new DamagedFileException(
                    path,
                    offset,
                    "record " + number + " cannot be read, but record " + later + " after it can; the records from "
                            + number + " on would be lost");
        }
    }

    /** Returns the number of a readable record after the unreadable one, or -1 if there is none. */
    private long laterRecord() throws IOException {
        byte[] window = new byte[WINDOW_BYTES];
        for (long from = offset + 1; from + JournalRecord.HEADER_BYTES <= length; ) {
            int bytes = (int) Math.min(window.length, length - from);
            file.seek(from);
            file.readFully(window, 0, bytes);
            ByteBuffer headers = ByteBuffer.wrap(window);
            int places = bytes - JournalRecord.HEADER_BYTES + 1;
            for (int i = 0; i < places; i++) {
                long found = headers.getLong(i + Integer.BYTES);
                if (found > number && found - number < length && bodyAt(from + i, found) != null) {
                    return found;
                }
            }
            from += places;
        }
        return -1;
    }

    /** Returns the body of the record with a number at an offset, or {@code null} if there is no such record. */
    private byte @Nullable [] bodyAt(long at, long expected) throws IOException {
        if (length - at < JournalRecord.HEADER_BYTES + JournalRecord.CHECKSUM_BYTES) {
            return null;
        }
        file.seek(at);
        byte[] bytes = new byte[JournalRecord.HEADER_BYTES];
        file.readFully(bytes);
        ByteBuffer header = ByteBuffer.wrap(bytes);
        int bodyLength = header.getInt();
        if (header.getLong() != expected
                || header.getInt() != JournalRecord.headerChecksum(salt, bodyLength, expected)
                || bodyLength < 0
                || length - at - JournalRecord.HEADER_BYTES - JournalRecord.CHECKSUM_BYTES < bodyLength) {
            return null;
        }
        byte[] body = new byte[bodyLength];
        file.readFully(body);
        int checksum = file.readInt();
        return checksum == JournalRecord.bodyChecksum(salt, expected, ByteBuffer.wrap(body)) ? body : null;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
