package dev.keystore.encryption;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The place that a sealed record belongs to. It is authenticated with the record, so a record is refused anywhere else
 * (R71).
 */
final class Binding {

    private static final byte[] NOTHING = {};

    /** What is sealed. Each is sealed by other keys as well; the number separates them all the same. */
    enum Purpose {
        VALUE(1),
        CONTEXT_KEYS(2),
        STORE_KEYS(3),
        NAMED_VALUE(4),
        NAMED_CONTEXT_KEYS(5),
        PADDED_CONTEXT_KEYS(6),
        PADDED_NAMED_CONTEXT_KEYS(7);

        private final byte number;

        Purpose(int number) {
            this.number = (byte) number;
        }
    }

    private final Purpose purpose;

    /** Each part of the place after its length. */
    private final byte[] place;

    private Binding(Purpose purpose, byte[] place) {
        this.purpose = purpose;
        this.place = place;
    }

    static Binding ofValue(byte[] storeId, String context, String type, String id) {
        return ofValue(context(storeId, context), type, id);
    }

    /** Returns the place of a value in a context, which is described once for all its values. */
    static Binding ofValue(byte[] context, String type, String id) {
        return new Binding(Purpose.VALUE, place(context, utf8(type), utf8(id)));
    }

    /** Returns the part of a place that names the context. */
    static byte[] context(byte[] storeId, String context) {
        return place(NOTHING, storeId, utf8(context));
    }

    /** Returns the place of a context's keys; whether they are padded is not part of the record. */
    static Binding ofContextKeys(byte[] storeId, String context, boolean padded) {
        return new Binding(padded ? Purpose.PADDED_CONTEXT_KEYS : Purpose.CONTEXT_KEYS, context(storeId, context));
    }

    /** Returns the place of a value in a store that hides names; its type and id are part of the plaintext. */
    static Binding ofNamedValue(byte[] context) {
        return new Binding(Purpose.NAMED_VALUE, context);
    }

    /** Returns the place of a context's keys in a store that hides names; the context is part of the plaintext. */
    static Binding ofNamedContextKeys(byte[] storeId, boolean padded) {
        return new Binding(
                padded ? Purpose.PADDED_NAMED_CONTEXT_KEYS : Purpose.NAMED_CONTEXT_KEYS, place(NOTHING, storeId));
    }

    /** Returns the place of a store's keys: behind this part of its mark, which contains the store id. */
    static Binding ofStoreKeys(byte[] head) {
        return new Binding(Purpose.STORE_KEYS, place(NOTHING, head));
    }

    private static byte[] utf8(String part) {
        return part.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] place(byte[] outer, byte[]... parts) {
        int length = outer.length;
        for (byte[] part : parts) {
            length += Integer.BYTES + part.length;
        }
        ByteBuffer place = ByteBuffer.allocate(length).put(outer);
        for (byte[] part : parts) {
            place.putInt(part.length).put(part);
        }
        return place.array();
    }

    /**
     * Returns the associated data: the header of the record, the purpose, and each part after its length. So no two
     * places, and no two headers, have the same associated data.
     */
    byte[] associatedData(byte[] record, int headerBytes) {
        byte[] data = Arrays.copyOf(record, headerBytes + 1 + place.length);
        data[headerBytes] = purpose.number;
        System.arraycopy(place, 0, data, headerBytes + 1, place.length);
        return data;
    }
}
