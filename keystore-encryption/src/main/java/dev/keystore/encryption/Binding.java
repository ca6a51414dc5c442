package dev.keystore.encryption;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The place that a sealed record belongs to. It is authenticated with the record, so a record is refused anywhere else
 * (R71).
 */
final class Binding {

    /** What is sealed. Each is sealed by other keys as well; the number separates them all the same. */
    enum Purpose {
        VALUE(1),
        CONTEXT_KEYS(2),
        STORE_KEYS(3);

        private final byte number;

        Purpose(int number) {
            this.number = (byte) number;
        }
    }

    private final Purpose purpose;
    private final byte[][] parts;

    private Binding(Purpose purpose, byte[]... parts) {
        this.purpose = purpose;
        this.parts = parts;
    }

    static Binding ofValue(byte[] storeId, String context, String type, String id) {
        return new Binding(Purpose.VALUE, storeId, utf8(context), utf8(type), utf8(id));
    }

    static Binding ofContextKeys(byte[] storeId, String context) {
        return new Binding(Purpose.CONTEXT_KEYS, storeId, utf8(context));
    }

    /** Returns the place of a store's keys: behind this part of its mark, which contains the store id. */
    static Binding ofStoreKeys(byte[] head) {
        return new Binding(Purpose.STORE_KEYS, head);
    }

    private static byte[] utf8(String part) {
        return part.getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Returns the associated data: the header of the record, the purpose, and each part after its length. So no two
     * places, and no two headers, have the same associated data.
     */
    byte[] associatedData(byte[] record, int headerBytes) {
        int length = headerBytes + 1;
        for (byte[] part : parts) {
            length += Integer.BYTES + part.length;
        }
        ByteBuffer data =
                ByteBuffer.allocate(length).put(record, 0, headerBytes).put(purpose.number);
        for (byte[] part : parts) {
            data.putInt(part.length).put(part);
        }
        return data.array();
    }
}
