package dev.keystore.mapdb;

import dev.keystore.mapdb.Change.Clear;
import dev.keystore.mapdb.Change.Delete;
import dev.keystore.mapdb.Change.Put;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * One group of commits in a journal.
 *
 * <pre>
 * length of the body    4 bytes
 * number                8    records are numbered without gaps, over all journals
 * checksum              4    CRC32C of the journal's salt, the length and the number
 * body                       the changes, in order
 * checksum              4    CRC32C of the salt, the number and the body
 * </pre>
 *
 * <p>The salt, random for each journal, prevents bytes of a value from being taken for a record.
 */
final class JournalRecord {

    static final int HEADER_BYTES = 16;
    static final int CHECKSUM_BYTES = 4;

    private static final int PUT = 1;
    private static final int DELETE = 2;
    private static final int CLEAR = 3;

    private JournalRecord() {}

    /** Returns the record of changes. Its size is determined first, so that each value is copied once. */
    static byte[] encode(long salt, long number, List<Change> changes) {
        long bytes = 0;
        for (Change change : changes) {
            bytes += encodedBytes(change);
        }
        int length = Math.toIntExact(bytes);
        ByteBuffer record = ByteBuffer.allocate(HEADER_BYTES + length + CHECKSUM_BYTES);
        record.putInt(length).putLong(number).putInt(headerChecksum(salt, length, number));
        for (Change change : changes) {
            write(record, change);
        }
        record.putInt(bodyChecksum(salt, number, record.slice(HEADER_BYTES, length)));
        return record.array();
    }

    static List<Change> decode(byte[] body) throws IOException {
        List<Change> changes = new ArrayList<>();
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body))) {
            while (in.available() > 0) {
                changes.add(read(in));
            }
        }
        return changes;
    }

    static int headerChecksum(long salt, int length, long number) {
        return checksum(ByteBuffer.allocate(2 * Long.BYTES + Integer.BYTES)
                .putLong(salt)
                .putInt(length)
                .putLong(number)
                .flip());
    }

    static int bodyChecksum(long salt, long number, ByteBuffer body) {
        return checksum(
                ByteBuffer.allocate(2 * Long.BYTES)
                        .putLong(salt)
                        .putLong(number)
                        .flip(),
                body);
    }

    static int checksum(ByteBuffer... parts) {
        CRC32C checksum = new CRC32C();
        for (ByteBuffer part : parts) {
            checksum.update(part);
        }
        return (int) checksum.getValue();
    }

    private static long encodedBytes(Change change) {
        if (change instanceof Clear clear) {
            long bytes = 1L + encodedBytes(clear.context()) + Integer.BYTES;
            for (String type : clear.keptTypes()) {
                bytes += encodedBytes(type.getBytes(StandardCharsets.UTF_8));
            }
            return bytes;
        }
        return change instanceof Put put
                ? 1L + encodedBytes(put.key()) + encodedBytes(put.value())
                : 1L + encodedBytes(((Delete) change).key());
    }

    private static long encodedBytes(byte[] bytes) {
        return (long) Integer.BYTES + bytes.length;
    }

    private static void write(ByteBuffer out, Change change) {
        if (change instanceof Put put) {
            out.put((byte) PUT);
            writeBytes(out, put.key());
            writeBytes(out, put.value());
        } else if (change instanceof Delete delete) {
            out.put((byte) DELETE);
            writeBytes(out, delete.key());
        } else if (change instanceof Clear clear) {
            out.put((byte) CLEAR);
            writeBytes(out, clear.context());
            out.putInt(clear.keptTypes().size());
            for (String type : clear.keptTypes()) {
                writeBytes(out, type.getBytes(StandardCharsets.UTF_8));
            }
        }
    }

    private static Change read(DataInputStream in) throws IOException {
        int kind = in.readByte();
        return switch (kind) {
            case PUT -> new Put(readBytes(in), readBytes(in));
            case DELETE -> new Delete(readBytes(in));
            case CLEAR -> new Clear(readBytes(in), readTypes(in));
            default -> throw new IOException("unknown kind of change: " + kind);
        };
    }

    private static Set<String> readTypes(DataInputStream in) throws IOException {
        Set<String> types = new HashSet<>();
        for (int left = in.readInt(); left > 0; left--) {
            types.add(new String(readBytes(in), StandardCharsets.UTF_8));
        }
        return types;
    }

    private static void writeBytes(ByteBuffer out, byte[] bytes) {
        out.putInt(bytes.length).put(bytes);
    }

    private static byte[] readBytes(DataInputStream in) throws IOException {
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes);
        return bytes;
    }
}
