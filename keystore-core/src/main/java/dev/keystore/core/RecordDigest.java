package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.keystore.EntryId;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A digest of records with their places, which does not depend on their order: the sum of their SHA-256 values, in four
 * parts. It finds what was lost, changed or added by a defect, not what somebody forged.
 */
final class RecordDigest {

    private final long[] sums = new long[4];
    private long records;
    private long bytes;

    /** Adds a record; all names are the stored ones. */
    void add(String context, EntryId entry, byte[] record) {
        Hasher hasher = Hashing.sha256().newHasher();
        put(hasher, context.getBytes(UTF_8));
        put(hasher, entry.type().getBytes(UTF_8));
        put(hasher, entry.id().getBytes(UTF_8));
        ByteBuffer hash = ByteBuffer.wrap(hasher.putBytes(record).hash().asBytes());
        for (int i = 0; i < sums.length; i++) {
            sums[i] += hash.getLong();
        }
        records++;
        bytes += record.length;
    }

    private static void put(Hasher hasher, byte[] name) {
        hasher.putInt(name.length).putBytes(name);
    }

    /** Adds all records of another digest. */
    void add(RecordDigest other) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += other.sums[i];
        }
        records += other.records;
        bytes += other.bytes;
    }

    /** Returns whether both are of the same records. */
    boolean isSameAs(RecordDigest other) {
        return records == other.records && bytes == other.bytes && Arrays.equals(sums, other.sums);
    }

    /** Returns the digest as bytes, for a comparison. */
    byte[] toBytes() {
        ByteBuffer bytesOfAll = ByteBuffer.allocate((sums.length + 2) * Long.BYTES);
        for (long sum : sums) {
            bytesOfAll.putLong(sum);
        }
        return bytesOfAll.putLong(records).putLong(bytes).array();
    }

    /** Returns the number of records. */
    long records() {
        return records;
    }

    /** Returns the size of the records, in bytes. */
    long bytes() {
        return bytes;
    }
}
