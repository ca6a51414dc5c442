package dev.keystore.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.Optional;

/**
 * Reads the time of creation from a Kyber pre-key in the form of libsignal: the protocol buffer
 * {@code SignedPreKeyRecordStructure}, whose field 1 is the id, 2 to 4 are bytes, and 5 is the time.
 *
 * <p>A value that has any other form, or another id than its entry, has no known time.
 */
final class SignedKeyRecord {

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;

    private SignedKeyRecord() {}

    static Optional<Instant> created(String id, byte[] value) {
        ByteBuffer rest = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN);
        long foundId = -1;
        long millis = 0;
        while (rest.hasRemaining()) {
            long tag = varint(rest);
            if (tag == (1 << 3 | VARINT)) {
                foundId = varint(rest);
            } else if (tag == (2 << 3 | BYTES) || tag == (3 << 3 | BYTES) || tag == (4 << 3 | BYTES)) {
                long length = varint(rest);
                if (length < 0 || length > rest.remaining()) {
                    return Optional.empty();
                }
                rest.position(rest.position() + (int) length);
            } else if (tag == (5 << 3 | FIXED64) && rest.remaining() >= Long.BYTES) {
                millis = rest.getLong();
            } else {
                return Optional.empty();
            }
        }
        return millis > 0 && id.equals(Long.toString(foundId))
                ? Optional.of(Instant.ofEpochMilli(millis))
                : Optional.empty();
    }

    /** Returns the next number, or -1 if there is none. */
    private static long varint(ByteBuffer rest) {
        long number = 0;
        for (int shift = 0; shift < Long.SIZE && rest.hasRemaining(); shift += 7) {
            byte next = rest.get();
            number |= (long) (next & 0x7f) << shift;
            if (next >= 0) {
                return number;
            }
        }
        return -1;
    }
}
