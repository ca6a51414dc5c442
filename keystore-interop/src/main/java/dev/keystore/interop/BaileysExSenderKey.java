package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Sender keys of baileys_ex, from the tree of either of its forms to JSON: {@code {"sender_key_states": […]}}, the
 * newest last. Of a skipped message key, the seed is kept, from which the other parts are derived.
 */
final class BaileysExSenderKey {

    private static final long MAXIMUM_UNSIGNED = 0xffff_ffffL;
    private static final int IV_BYTES = 16;

    private BaileysExSenderKey() {}

    static byte[] read(JsonNode node) throws DamagedException {
        JsonFields record = new JsonFields(node);
        ObjectNode result = StrictJson.object();
        ArrayNode states = result.putArray("sender_key_states");
        for (JsonNode state : list(record, "sender_key_states")) {
            states.add(state(new JsonFields(state)));
        }
        record.end();
        return StrictJson.write(result);
    }

    private static JsonNode list(JsonFields fields, String name) throws DamagedException {
        JsonNode list = fields.take(name);
        if (!list.isArray()) {
            throw new DamagedException("its field \"" + name + "\" is not a list");
        }
        return list;
    }

    private static ObjectNode state(JsonFields from) throws DamagedException {
        ObjectNode state = StrictJson.object();
        state.put("sender_key_id", from.number("sender_key_id", 0, MAXIMUM_UNSIGNED));
        state.set("sender_chain_key", seed(from.object("sender_chain_key")));
        state.set("sender_signing_key", signingKey(from.object("sender_signing_key")));
        ArrayNode keys = state.putArray("sender_message_keys");
        for (JsonNode key : list(from, "sender_message_keys")) {
            keys.add(seed(new JsonFields(key)));
        }
        from.end();
        return state;
    }

    private static ObjectNode seed(JsonFields from) throws DamagedException {
        ObjectNode key = StrictJson.object().put("iteration", from.number("iteration", 0, MAXIMUM_UNSIGNED));
        key.set("seed", Buffers.write(from.bytes("seed", Curve.KEY_BYTES)));
        if (from.find("iv") != null) {
            from.bytes("iv", IV_BYTES);
            from.bytes("cipher_key", Curve.KEY_BYTES);
        }
        from.end();
        return key;
    }

    private static ObjectNode signingKey(JsonFields from) throws DamagedException {
        byte[] publicKey = from.bytes("public");
        ObjectNode key = StrictJson.object();
        if (from.find("private") == null) {
            Curve.withoutType(publicKey);
            key.putNull("private");
        } else {
            byte[] privateKey = from.bytes("private");
            Curve.checkPair(publicKey, privateKey);
            key.set("private", Buffers.write(privateKey));
        }
        key.set("public", Buffers.write(publicKey));
        from.end();
        return key;
    }
}
