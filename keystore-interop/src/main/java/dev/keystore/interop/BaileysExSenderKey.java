package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Sender keys of baileys_ex, in either of its forms. They are kept byte for byte, and checked so far that a damaged one
 * is not taken for a sender key.
 *
 * <p>To convert one, it becomes a tree of JSON: {@code {"sender_key_states": […]}}, the newest last. Of a skipped
 * message key, the seed is kept, from which the other parts are derived.
 */
final class BaileysExSenderKey {

    private static final int IV_BYTES = 16;

    private int unknownFields;

    private BaileysExSenderKey() {}

    /** Checks a sender key, in which there may be fields that are not known. */
    static void check(JsonNode node) throws DamagedException {
        new BaileysExSenderKey().normal(node);
    }

    /** Returns a sender key to convert; one with fields that are not known, which would be lost, is refused. */
    static JsonNode read(byte[] record) throws DamagedException {
        BaileysExSenderKey key = new BaileysExSenderKey();
        JsonNode normal = key.normal(ErlangTerm.decodeThisOrJson(record));
        JsonFields.refuse(key.unknownFields);
        return normal;
    }

    private JsonNode normal(JsonNode node) throws DamagedException {
        JsonFields record = new JsonFields(node);
        ObjectNode result = StrictJson.object();
        ArrayNode states = result.putArray("sender_key_states");
        for (JsonNode state : list(record, "sender_key_states")) {
            states.add(state(new JsonFields(state)));
        }
        end(record);
        return result;
    }

    private void end(JsonFields fields) {
        unknownFields += fields.unknown();
    }

    private static JsonNode list(JsonFields fields, String name) throws DamagedException {
        JsonNode list = fields.take(name);
        if (!list.isArray()) {
            throw new DamagedException("its field \"" + name + "\" is not a list");
        }
        return list;
    }

    private ObjectNode state(JsonFields from) throws DamagedException {
        ObjectNode state = StrictJson.object();
        state.put("sender_key_id", from.number("sender_key_id", 0, SessionState.MAXIMUM_UNSIGNED));
        state.set("sender_chain_key", seed(from.object("sender_chain_key")));
        state.set("sender_signing_key", signingKey(from.object("sender_signing_key")));
        ArrayNode keys = state.putArray("sender_message_keys");
        for (JsonNode key : list(from, "sender_message_keys")) {
            keys.add(seed(new JsonFields(key)));
        }
        end(from);
        return state;
    }

    private ObjectNode seed(JsonFields from) throws DamagedException {
        ObjectNode key =
                StrictJson.object().put("iteration", from.number("iteration", 0, SessionState.MAXIMUM_UNSIGNED));
        key.set("seed", Buffers.write(from.bytes("seed", Curve.KEY_BYTES)));
        if (from.find("iv") != null) {
            from.bytes("iv", IV_BYTES);
            from.bytes("cipher_key", Curve.KEY_BYTES);
        }
        end(from);
        return key;
    }

    private ObjectNode signingKey(JsonFields from) throws DamagedException {
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
        end(from);
        return key;
    }
}
