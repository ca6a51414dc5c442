package dev.keystore.core;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one key: its bytes and decoded value, or that it does not exist.
 *
 * <p>Each commit and each load makes a new one, so that the same object means "unchanged". Neither array nor value ever
 * leaves the engine uncopied.
 */
final class Entry {

    private final byte @Nullable [] bytes;
    private final @Nullable Object value;

    /** The context's generation as of which this entry holds; set before the entry is put into the cache. */
    int generation;

    private Entry(byte @Nullable [] bytes, @Nullable Object value) {
        this.bytes = bytes;
        this.value = value;
    }

    static Entry absent() {
        return new Entry(null, null);
    }

    /** Takes over {@code bytes}, which nobody else may hold. */
    static <V> Entry decoded(KeyType<V> type, byte[] bytes) {
        return new Entry(bytes, isRaw(type) ? null : type.codec().decode(bytes));
    }

    static <V> Entry encoded(KeyType<V> type, V value) {
        Codec<V> codec = type.codec();
        return new Entry(codec.encode(value), isRaw(type) ? null : codec.copy(value));
    }

    /** Values that are nothing but their bytes are kept once. */
    private static boolean isRaw(KeyType<?> type) {
        return type.codec().equals(Codec.BYTES);
    }

    /** Returns another entry of the same contents, for another key. */
    Entry moved() {
        return new Entry(bytes, value);
    }

    boolean exists() {
        return bytes != null;
    }

    /** Returns the value, as the caller's own; null if there is none. */
    @SuppressWarnings("unchecked") // an entry is only ever found under the type that made it
    <V> @Nullable V value(KeyType<V> type) {
        if (bytes == null) {
            return null;
        }
        return value == null ? (V) bytes.clone() : type.codec().copy((V) value);
    }

    /** Returns the bytes themselves: read, never changed, never handed out. */
    byte @Nullable [] bytes() {
        return bytes;
    }

    /** Returns how much of the heap this entry takes beyond its own object. */
    int weightBytes() {
        if (bytes == null) {
            return 0;
        }
        return value == null ? bytes.length : 2 * bytes.length;
    }

    boolean sameContentsAs(Entry other) {
        return this == other || Arrays.equals(bytes, other.bytes);
    }
}
