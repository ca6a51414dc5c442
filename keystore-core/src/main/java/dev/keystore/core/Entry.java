package dev.keystore.core;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The cached state of one key: its bytes and decoded value, or that it does not exist.
 *
 * <p>Each commit and each load creates a new object, so that identity means "unchanged". Arrays and values are copied
 * before they leave the engine.
 */
final class Entry {

    private final byte @Nullable [] bytes;
    private final @Nullable Object value;

    /**
     * The generation of its context in which this entry is valid. Written before the entry is published, and once more
     * by each clear that keeps the entry. That is a race with its readers, which does no harm: the generations of a
     * context only rise, so a reader that sees a former one takes the entry for outdated and loads it.
     */
    private int generation;

    private Entry(byte @Nullable [] bytes, @Nullable Object value) {
        this.bytes = bytes;
        this.value = value;
    }

    static Entry absent() {
        return new Entry(null, null);
    }

    /** Keeps {@code bytes} without a copy: the caller must not use them afterwards. */
    static <V> Entry decoded(KeyType<V> type, byte[] bytes) {
        return new Entry(
                bytes, isRaw(type) ? null : Objects.requireNonNull(type.codec().decode(bytes), "decoded value"));
    }

    static <V> Entry encoded(KeyType<V> type, V value) {
        Codec<V> codec = type.codec();
        return new Entry(
                Objects.requireNonNull(codec.encode(value), "encoded value"), isRaw(type) ? null : codec.copy(value));
    }

    /** Returns whether values of a type are plain bytes, which are kept only once. */
    private static boolean isRaw(KeyType<?> type) {
        return type.codec().equals(Codec.BYTES);
    }

    /** Returns a new entry with the same contents, for another key. */
    Entry copy() {
        return new Entry(bytes, value);
    }

    boolean isValidIn(int currentGeneration) {
        return generation == currentGeneration;
    }

    /** Sets the generation; called before the entry is cached, and by the leader when a clear keeps the entry. */
    void makeValidIn(int newGeneration) {
        generation = newGeneration;
    }

    boolean exists() {
        return bytes != null;
    }

    /** Returns a copy of the value, or null if the key does not exist. */
    @SuppressWarnings("unchecked") // KeyTypeRegistry ensures that a key's type never changes
    <V> @Nullable V value(KeyType<V> type) {
        if (bytes == null) {
            return null;
        }
        return value == null ? (V) bytes.clone() : type.codec().copy((V) value);
    }

    /** Returns the bytes themselves, not a copy. They must not be changed or leave the engine. */
    byte @Nullable [] bytes() {
        return bytes;
    }

    /** Returns the estimated heap size of the contents, in bytes, excluding this object. */
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
