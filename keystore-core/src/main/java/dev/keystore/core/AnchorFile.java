package dev.keystore.core;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * The format of the file of a {@link FileFreshnessAnchor}: magic (8 bytes), number of records (4), the records sorted
 * by key, each with key (2 bytes of length, modified UTF-8), length (4) and bytes; CRC32C of all that (4).
 */
final class AnchorFile {

    private static final long MAGIC = 0x4B65794672657368L; // "KeyFresh"

    private AnchorFile() {}

    static byte[] encode(Map<String, byte[]> records) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeLong(MAGIC);
            out.writeInt(records.size());
            for (Map.Entry<String, byte[]> record : new TreeMap<>(records).entrySet()) {
                out.writeUTF(record.getKey());
                out.writeInt(record.getValue().length);
                out.write(record.getValue());
            }
            byte[] contents = bytes.toByteArray();
            out.writeInt(checksum(contents, contents.length));
        }
        return bytes.toByteArray();
    }

    /**
     * Returns the records in a file.
     *
     * @throws IOException if it is damaged, or another kind of file
     */
    static Map<String, byte[]> decode(byte[] file) throws IOException {
        int length = file.length - Integer.BYTES;
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(file))) {
            if (length < Long.BYTES || in.readLong() != MAGIC) {
                throw new IOException("it is not a freshness anchor");
            }
            try (DataInputStream end = new DataInputStream(new ByteArrayInputStream(file, length, Integer.BYTES))) {
                if (end.readInt() != checksum(file, length)) {
                    throw new IOException("it is damaged: its checksum does not match");
                }
            }
            Map<String, byte[]> records = new HashMap<>();
            for (int left = in.readInt(); left > 0; left--) {
                String key = in.readUTF();
                byte[] record = new byte[in.readInt()];
                in.readFully(record);
                records.put(key, record);
            }
            return records;
        }
    }

    private static int checksum(byte[] bytes, int length) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes, 0, length);
        return (int) checksum.getValue();
    }
}
