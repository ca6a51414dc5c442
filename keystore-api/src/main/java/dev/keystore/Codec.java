package dev.keystore;

/**
 * Converts the values of a {@link KeyType} to bytes and back.
 *
 * <p>A codec is called by any number of threads, without locks. The cache shares one value among all its readers, so
 * values must either be immutable, or {@link #copy} must copy them. {@code decode(encode(v))} must equal {@code v}.
 *
 * @param <V> the type of the values
 */
public interface Codec<V> {

    /** The codec of raw bytes. It copies arrays both when they are stored and when they are returned. */
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
     * Converts a value to bytes.
     *
     * @param value the value; borrowed, neither kept nor changed
     * @return a new array that the caller may keep and change
     * @throws IllegalArgumentException if the value can't be encoded; the message must not contain the value
     */
    byte[] encode(V value);

    /**
     * Converts bytes to the value from which {@link #encode} produced them.
     *
     * @param bytes the bytes; borrowed, neither kept nor changed
     * @return the value
     * @throws IllegalArgumentException if the bytes, which may be arbitrary, are not those of a value; the message must
     *     not contain them. The entry is then reported as {@link CorruptEntryException}.
     */
    V decode(byte[] bytes);

    /**
     * Returns a value that is independent of the given one. The default implementation returns the value itself, which
     * is correct if values are immutable.
     *
     * @param value the value
     * @return a copy, or the value itself if it is immutable
     */
    default V copy(V value) {
        return value;
    }
}
