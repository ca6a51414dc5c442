package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/**
 * Sender keys of Baileys: a Buffer of JSON or of protobuf, of which the bytes are kept, or an array up to version
 * 6.7.18, which is kept as JSON.
 *
 * <p>Both kinds of JSON are arrays of states. In a Buffer, bytes within a state are arrays of numbers; in an array,
 * they are base64. So it is known which of the two to write.
 */
final class BaileysSenderKey {

    private static final long MAXIMUM_UNSIGNED = 0xffff_ffffL;

    private BaileysSenderKey() {}

    static byte[] read(JsonNode node) throws DamagedException {
        if (isStates(node)) {
            check(node);
            return StrictJson.write(inBase64(node));
        }
        byte[] buffer = Buffers.find(node);
        if (buffer == null) {
            throw new DamagedException(
                    node.has("sender_key_states")
                            ? "it is a sender key of baileys_ex, which has another form"
                            : "it is neither a Buffer nor an array of states");
        }
        if (buffer.length == 0) {
            throw new DamagedException("it is an empty Buffer");
        }
        if (buffer[0] == '{' || ErlangTerm.isTerm(buffer)) {
            throw new DamagedException("it is a sender key of whatsmeow or baileys_ex, which Baileys cannot read unless"
                    + " it is converted");
        }
        if (buffer[0] == '[') {
            JsonNode states = StrictJson.read(buffer);
            check(states);
            if (isArrayForm(states)) {
                throw new DamagedException(
                        "it is a Buffer whose bytes within are in base64, which no known library" + " writes");
            }
        } else {
            LibsignalRecords.checkSenderKey(buffer);
        }
        return buffer;
    }

    static byte[] write(byte[] senderKey) throws DamagedException {
        boolean isArray = senderKey.length > 0 && senderKey[0] == '[' && isArrayForm(StrictJson.read(senderKey));
        return isArray ? senderKey : StrictJson.write(Buffers.write(senderKey));
    }

    private static boolean isStates(JsonNode node) {
        return node.isArray() && (node.isEmpty() || node.get(0).isObject());
    }

    /** Whether all states are in base64, as an array of states has them. */
    private static boolean isArrayForm(JsonNode states) {
        return states.isEmpty()
                || states.path(0)
                        .path("senderChainKey")
                        .path("seed")
                        .path("data")
                        .isTextual();
    }

    private static void check(JsonNode states) throws DamagedException {
        for (JsonNode each : states) {
            JsonFields state = new JsonFields(each);
            state.number("senderKeyId", 0, MAXIMUM_UNSIGNED);
            checkSeed(state.object("senderChainKey"));
            JsonFields signing = state.object("senderSigningKey");
            Curve.withoutType(signing.bytes("public"));
            if (signing.find("private") != null) {
                int length = signing.bytes("private").length;
                if (length != 0 && length != Curve.KEY_BYTES) {
                    throw new DamagedException("a private key in it has " + length + " bytes in place of 32");
                }
            }
            JsonNode keys = state.take("senderMessageKeys");
            if (!keys.isArray()) {
                throw new DamagedException("its field \"senderMessageKeys\" is not a list");
            }
            for (JsonNode key : keys) {
                checkSeed(new JsonFields(key));
            }
        }
    }

    private static void checkSeed(JsonFields key) throws DamagedException {
        key.number("iteration", 0, MAXIMUM_UNSIGNED);
        key.bytes("seed", Curve.KEY_BYTES);
    }

    /** Returns the same tree, in which bytes of every form are Buffers in base64. */
    private static JsonNode inBase64(JsonNode node) throws DamagedException {
        boolean holdsObjects = node.isArray() && (node.isEmpty() || node.get(0).isObject());
        byte[] bytes = holdsObjects ? null : Buffers.find(node);
        if (bytes != null) {
            return Buffers.write(bytes);
        }
        if (node.isArray()) {
            ArrayNode array = StrictJson.NODES.arrayNode();
            for (JsonNode element : node) {
                array.add(inBase64(element));
            }
            return array;
        }
        if (node.isObject()) {
            ObjectNode object = StrictJson.object();
            for (Map.Entry<String, JsonNode> field : node.properties()) {
                object.set(field.getKey(), inBase64(field.getValue()));
            }
            return object;
        }
        return node;
    }
}
