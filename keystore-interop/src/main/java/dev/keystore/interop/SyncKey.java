package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * The message {@code AppStateSyncKeyData}: bytes keyData = 1; fingerprint = 2 of uint32 rawId = 1, uint32 currentIndex
 * = 2 and packed uint32 deviceIndexes = 3; int64 timestamp = 3. All of them may be missing.
 */
final class SyncKey {

    private static final long MAXIMUM_UNSIGNED = 0xffff_ffffL;

    private SyncKey() {}

    /** Converts JSON of protobuf to the message. */
    static byte[] ofJson(JsonNode node) throws DamagedException {
        JsonFields fields = new JsonFields(node);
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        JsonNode keyData = fields.find("keyData");
        if (keyData != null) {
            Protobuf.bytes(message, 1, Buffers.read(keyData));
        }
        JsonNode fingerprint = fields.find("fingerprint");
        if (fingerprint != null) {
            Protobuf.bytes(message, 2, fingerprint(new JsonFields(fingerprint)));
        }
        JsonNode timestamp = fields.find("timestamp");
        if (timestamp != null) {
            Protobuf.number(message, 3, timestamp(timestamp));
        }
        fields.end();
        return message.toByteArray();
    }

    private static byte[] fingerprint(JsonFields fields) throws DamagedException {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        unsigned(message, 1, "rawId", fields.find("rawId"));
        unsigned(message, 2, "currentIndex", fields.find("currentIndex"));
        JsonNode indexes = fields.find("deviceIndexes");
        if (indexes != null) {
            if (!indexes.isArray()) {
                throw new DamagedException("its field \"deviceIndexes\" is not a list");
            }
            ByteArrayOutputStream packed = new ByteArrayOutputStream();
            for (JsonNode index : indexes) {
                Protobuf.varint(packed, JsonFields.number("deviceIndexes", index, 0, MAXIMUM_UNSIGNED));
            }
            if (packed.size() > 0) {
                Protobuf.bytes(message, 3, packed.toByteArray());
            }
        }
        fields.end();
        return message.toByteArray();
    }

    private static void unsigned(ByteArrayOutputStream message, int field, String name, @Nullable JsonNode value)
            throws DamagedException {
        if (value != null) {
            Protobuf.number(message, field, JsonFields.number(name, value, 0, MAXIMUM_UNSIGNED));
        }
    }

    /** Reads a number, a text, or the object of two halves that an older library wrote. */
    private static long timestamp(JsonNode node) throws DamagedException {
        if (!node.isObject()) {
            return JsonFields.number("timestamp", node, Long.MIN_VALUE, Long.MAX_VALUE);
        }
        JsonFields halves = new JsonFields(node);
        long low = halves.number("low", Integer.MIN_VALUE, Integer.MAX_VALUE);
        long high = halves.number("high", Integer.MIN_VALUE, Integer.MAX_VALUE);
        JsonNode unsigned = halves.find("unsigned");
        if (unsigned != null && !unsigned.isBoolean()) {
            throw new DamagedException("its field \"unsigned\" is neither true nor false");
        }
        halves.end();
        return (high << Integer.SIZE) | (low & MAXIMUM_UNSIGNED);
    }

    /** Converts the message to JSON of protobuf; a message that holds anything else is refused. */
    static JsonNode toJson(byte[] message) throws DamagedException {
        ObjectNode json = StrictJson.object();
        Protobuf fields = new Protobuf(message);
        while (fields.next()) {
            switch (fields.field()) {
                case 1 -> json.put("keyData", Buffers.base64(fields.bytes()));
                case 2 -> json.set("fingerprint", fingerprint(new Protobuf(fields.bytes())));
                case 3 -> json.put("timestamp", Long.toString(fields.number()));
                default -> throw fields.unknown();
            }
        }
        return json;
    }

    private static JsonNode fingerprint(Protobuf fields) throws DamagedException {
        ObjectNode json = StrictJson.object();
        ArrayNode indexes = StrictJson.NODES.arrayNode();
        while (fields.next()) {
            switch (fields.field()) {
                case 1 -> json.put("rawId", fields.number() & MAXIMUM_UNSIGNED);
                case 2 -> json.put("currentIndex", fields.number() & MAXIMUM_UNSIGNED);
                case 3 -> {
                    if (fields.isNumber()) {
                        indexes.add(fields.number() & MAXIMUM_UNSIGNED);
                    } else {
                        Protobuf packed = new Protobuf(fields.bytes());
                        while (packed.hasRemaining()) {
                            indexes.add(packed.varint() & MAXIMUM_UNSIGNED);
                        }
                    }
                }
                default -> throw fields.unknown();
            }
        }
        if (!indexes.isEmpty()) {
            json.set("deviceIndexes", indexes);
        }
        return json;
    }
}
