package dev.keystore.mapdb;

import dev.keystore.EntryId;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.NavigableMap;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The key of a stored entry: the length and bytes of its context, the length and bytes of its type, and the bytes of
 * its id. So all entries of a context, of a type or of an id prefix have keys with a common prefix.
 *
 * <p>Keys are compared as unsigned bytes.
 */
final class StoredKey {

    static final Comparator<byte[]> ORDER = Arrays::compareUnsigned;

    private StoredKey() {}

    /** Returns the key of an entry, which is also the prefix of all keys of ids that begin with {@code id}. */
    static byte[] of(String context, String type, String id) {
        byte[] contextBytes = bytes("context", context, 0xFFFF);
        byte[] typeBytes = bytes("type", type, 0xFF);
        byte[] idBytes = Objects.requireNonNull(id, "id").getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Short.BYTES + contextBytes.length + 1 + typeBytes.length + idBytes.length)
                .putShort((short) contextBytes.length)
                .put(contextBytes)
                .put((byte) typeBytes.length)
                .put(typeBytes)
                .put(idBytes)
                .array();
    }

    /** Returns the prefix of the keys of a context. */
    static byte[] ofContext(String context) {
        byte[] contextBytes = bytes("context", context, 0xFFFF);
        return ByteBuffer.allocate(Short.BYTES + contextBytes.length)
                .putShort((short) contextBytes.length)
                .put(contextBytes)
                .array();
    }

    /** Returns the prefix of the keys of {@code key}'s context. */
    static byte[] contextOf(byte[] key) {
        return Arrays.copyOf(key, typeAt(key));
    }

    /** Returns the name of {@code key}'s context. */
    static String contextNameOf(byte[] key) {
        return new String(key, Short.BYTES, typeAt(key) - Short.BYTES, StandardCharsets.UTF_8);
    }

    /**
     * Returns where the keys of {@code key}'s context end: above all of them, and below those of the next context. It
     * is never a key itself, as it is shorter than the keys around it.
     */
    static byte[] endOfContext(byte[] key) {
        return Objects.requireNonNull(end(contextOf(key)), "a name that is not empty has no byte 0xFF at its end");
    }

    static EntryId entryOf(byte[] key) {
        int typeAt = typeAt(key);
        int idAt = typeAt + 1 + (key[typeAt] & 0xFF);
        return new EntryId(typeOf(key), new String(key, idAt, key.length - idAt, StandardCharsets.UTF_8));
    }

    static String typeOf(byte[] key) {
        int typeAt = typeAt(key);
        return new String(key, typeAt + 1, key[typeAt] & 0xFF, StandardCharsets.UTF_8);
    }

    /** Returns the least key above all keys that begin with {@code prefix}, or {@code null} if there is none. */
    static byte @Nullable [] end(byte[] prefix) {
        for (int last = prefix.length - 1; last >= 0; last--) {
            if (prefix[last] != (byte) 0xFF) {
                byte[] end = Arrays.copyOf(prefix, last + 1);
                end[last]++;
                return end;
            }
        }
        return null;
    }

    /** Returns a view of the entries whose keys begin with {@code prefix}. */
    static <V> NavigableMap<byte[], V> range(NavigableMap<byte[], V> entries, byte[] prefix) {
        byte[] end = end(prefix);
        return end == null ? entries.tailMap(prefix, true) : entries.subMap(prefix, true, end, false);
    }

    private static int typeAt(byte[] key) {
        return Short.BYTES + (ByteBuffer.wrap(key).getShort() & 0xFFFF);
    }

    private static byte[] bytes(String what, String name, int longest) {
        byte[] bytes = Objects.requireNonNull(name, what).getBytes(StandardCharsets.UTF_8);
        if (bytes.length > longest) {
            throw new IllegalArgumentException(what + " has " + bytes.length + " bytes, and the maximum is " + longest);
        }
        return bytes;
    }
}
