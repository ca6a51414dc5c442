package dev.keystore.bench.commit;

import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/** Values of 1 KiB that contain a write counter, so that no two values of an id are equal. */
final class Payload {

    static final int BYTES = 1_024;

    private Payload() {}

    static byte[] first(String id) {
        byte[] value = new byte[BYTES];
        new SplittableRandom(id.hashCode()).nextBytes(value);
        ByteBuffer.wrap(value).putLong(0, 0);
        return value;
    }

    static byte[] next(byte[] value) {
        byte[] next = value.clone();
        ByteBuffer.wrap(next).putLong(0, writes(value) + 1);
        return next;
    }

    /** Returns the write counter of a value; 0 in the first one. */
    static long writes(byte[] value) {
        return ByteBuffer.wrap(value).getLong(0);
    }
}
