package dev.keystore;

/**
 * Turns values of a {@link KeyType} into bytes and back.
 *
 * <p>A codec is called on any thread, without locks. Values are shared between all who read an entry: they must either
 * be immutable, or {@link #copy} must copy them. {@code decode(encode(v))} must equal {@code v}.
 *
 * @param <V> the values
 */
public interface Codec<V> {

    /** The codec of raw bytes: it copies on every way in and out. */
    Codec<byte[]> BYTES = new Codec<>() {
        @Override
        public byte[] encode(byte[] value) {
            return value.clone();
        }

        @Override
        public byte[] decode(byte[] bytes) {
            return bytes.clone();
        }

        @Override
        public byte[] copy(byte[] value) {
            return value.clone();
        }

        @Override
        public String toString() {
            return "BYTES";
        }
    };

    /**
     * Returns the bytes of a value, in an array that nobody else holds.
     *
     * @throws IllegalArgumentException if the value can't be encoded; the message must not show it
     */
    byte[] encode(V value);

    /**
     * Returns the value of bytes that {@link #encode} made.
     *
     * @param bytes borrowed: neither kept nor changed
     * @throws IllegalArgumentException if the bytes are not those of a value, whatever they are; the message must not
     *     show them. The entry is then reported as {@link CorruptEntryException}.
     */
    V decode(byte[] bytes);

    /** Returns a value that can be given away: the same where values are immutable, as this default assumes. */
    default V copy(V value) {
        return value;
    }
}
