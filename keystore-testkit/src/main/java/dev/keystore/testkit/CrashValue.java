package dev.keystore.testkit;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/** The value that a child process saves: its key, thread and commit, some filler, and a checksum. */
record CrashValue(CrashKey key, int thread, long number) {

    private static final int CHECKSUM_BYTES = Integer.BYTES;
    private static final int PAGE_BYTES = 4096;

    static byte[] encode(CrashKey key, int thread, long number, long seed) {
        SplittableRandom random = new SplittableRandom(seed + 31 * number + key.hashCode());
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeUTF(key.context());
            out.writeUTF(key.type());
            out.writeUTF(key.id());
            out.writeInt(thread);
            out.writeLong(number);
            byte[] filler = new byte[fillerBytes(random)];
            random.nextBytes(filler);
            out.write(filler);
            out.writeInt(checksum(bytes.toByteArray(), bytes.size()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** Decodes a value; empty if the bytes are not a complete value that {@link #encode} returned. */
    static Optional<CrashValue> decode(byte[] value) {
        int length = value.length - CHECKSUM_BYTES;
        if (length < 0 || ByteBuffer.wrap(value).getInt(length) != checksum(value, length)) {
            return Optional.empty();
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(value, 0, length))) {
            CrashKey key = new CrashKey(in.readUTF(), in.readUTF(), in.readUTF());
            return Optional.of(new CrashValue(key, in.readInt(), in.readLong()));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Most values are as small as sessions, some span several pages of a file. */
    private static int fillerBytes(SplittableRandom random) {
        int kind = random.nextInt(100);
        if (kind == 0) {
            return random.nextInt(16 * PAGE_BYTES);
        }
        return random.nextInt(kind < 10 ? 2 * PAGE_BYTES : PAGE_BYTES / 4);
    }

    private static int checksum(byte[] bytes, int length) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes, 0, length);
        return (int) checksum.getValue();
    }
}
