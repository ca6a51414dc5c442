package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Base64;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** The forms in which JavaScript libraries write bytes as JSON. */
final class Buffers {

    private static final int MAXIMUM_BYTE = 255;

    private Buffers() {}

    /**
     * Returns the bytes of {@code {"type":"Buffer","data":…}}, with data in base64 or as numbers, of an array of
     * numbers, or of {@code {"0":1,…}}; or those of a binary node, which JSON does not have, but Erlang.
     *
     * @return the bytes, or null if it is not of such a form
     */
    static byte @Nullable [] find(JsonNode node) throws DamagedException {
        if (node instanceof BinaryNode binary) {
            return binary.binaryValue();
        }
        if (isTagged(node)) {
            JsonNode data = node.has("data") ? node.get("data") : node.get("value");
            if (node.size() != 2 || data == null) {
                throw new DamagedException("a Buffer in it has no data, or something besides");
            }
            return data.isTextual() ? base64(data.textValue()) : numbers(data);
        }
        return node.isArray() || isIndexed(node) ? numbers(node) : null;
    }

    /** Returns the bytes of any form, or of base64 that stands alone, as JSON of protobuf has it. */
    static byte[] read(JsonNode node) throws DamagedException {
        byte[] bytes = node.isTextual() ? base64(node.textValue()) : find(node);
        if (bytes == null) {
            throw new DamagedException("bytes are expected in it where something else is");
        }
        return bytes;
    }

    private static boolean isTagged(JsonNode node) {
        return node.isObject()
                && ("Buffer".equals(node.path("type").textValue())
                        || node.path("buffer").booleanValue());
    }

    private static boolean isIndexed(JsonNode node) {
        return node.isObject() && node.has("0");
    }

    private static byte[] numbers(JsonNode node) throws DamagedException {
        if (!node.isArray() && !node.isObject()) {
            throw new DamagedException("bytes are expected in it where something else is");
        }
        byte[] bytes = new byte[node.size()];
        Iterator<JsonNode> elements = node.elements();
        for (int i = 0; i < bytes.length; i++) {
            JsonNode number = node.isArray() ? elements.next() : node.path(Integer.toString(i));
            if (!number.isInt() || number.intValue() < 0 || number.intValue() > MAXIMUM_BYTE) {
                throw new DamagedException("a number in it is not a byte");
            }
            bytes[i] = (byte) number.intValue();
        }
        return bytes;
    }

    /** Decodes base64, standard and padded, strictly: there is one text for the same bytes. */
    static byte[] base64(String text) throws DamagedException {
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            throw new DamagedException("base64 in it is damaged");
        }
        if (!Base64.getEncoder().encodeToString(bytes).equals(text)) {
            throw new DamagedException("base64 in it is damaged");
        }
        return bytes;
    }

    static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    /** Returns the form that libraries write today. */
    static ObjectNode write(byte[] bytes) {
        return StrictJson.object().put("type", "Buffer").put("data", base64(bytes));
    }

    /** Returns the form with numbers, which JavaScript writes by itself. */
    static ObjectNode writeNumbers(byte[] bytes) {
        ObjectNode buffer = StrictJson.object().put("type", "Buffer");
        ArrayNode data = buffer.putArray("data");
        for (byte each : bytes) {
            data.add(each & MAXIMUM_BYTE);
        }
        return buffer;
    }
}
