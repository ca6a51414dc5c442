package dev.keystore.core;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The state of one key: its bytes and decoded value, or that it does not exist. It is a node of the cache.
 *
 * <p>Each commit and each load creates a new object, so that identity means "unchanged". Arrays and values are copied
 * before they leave the engine.
 */
final class Entry extends CacheNode {

    /** Estimated size in addition to bytes and id: this object, the string of the id, and the headers of two arrays. */
    private static final int OVERHEAD_BYTES = 112;

    private final byte @Nullable [] bytes;
    private final @Nullable Object value;

    /**
     * The generation of its context in which this entry is valid. Written before the entry is published, and once more
     * by each clear that keeps the entry. That is a race with its readers, which does no harm: the generations of a
     * context only rise, so a reader that sees a former one takes the entry for outdated and loads it.
     */
    private int generation;

    private Entry(EntryKey key, byte @Nullable [] bytes, @Nullable Object value) {
        super(key);
        this.bytes = bytes;
        this.value = value;
    }

    static Entry absent(EntryKey key) {
        return new Entry(key, null, null);
    }

    /** Keeps {@code bytes} without a copy: the caller must not use them afterwards. */
    static Entry decoded(EntryKey key, byte[] bytes) {
        KeyType<?> type = key.type;
        return new Entry(
                key,
                bytes,
                isRaw(type) ? null : Objects.requireNonNull(type.codec().decode(bytes), "decoded value"));
    }

    /**
     * Encodes a value.
     *
     * @param type the type of the key
     */
    static <V> Entry encoded(EntryKey key, KeyType<V> type, V value) {
        Codec<V> codec = type.codec();
        return new Entry(
                key,
                Objects.requireNonNull(codec.encode(value), "encoded value"),
                isRaw(type) ? null : codec.copy(value));
    }

    /** Returns whether values of a type are plain bytes, which are kept only once. */
    private static boolean isRaw(KeyType<?> type) {
        return type.codec().equals(Codec.BYTES);
    }

    /** Returns a new entry with the same contents, for another key. */
    Entry copyFor(EntryKey key) {
        return new Entry(key, bytes, value);
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

    @Override
    int weight() {
        long contents = bytes == null ? 0 : (value == null ? 1L : 2L) * bytes.length;
        return (int) Math.min(Integer.MAX_VALUE, OVERHEAD_BYTES + 2L * id.length() + contents);
    }

    boolean sameContentsAs(Entry other) {
        return this == other || Arrays.equals(bytes, other.bytes);
    }
}
