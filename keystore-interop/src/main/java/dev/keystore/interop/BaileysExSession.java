package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sessions of baileys_ex, in either of its forms. They are kept byte for byte, and checked so far that a damaged one is
 * not taken for a session.
 *
 * <p>To convert one, it becomes a tree of JSON: {@code {"sessions": {base key: …}}}, with the fields of its JSON form
 * and bytes as Buffers. The chains are named by the base64 of their key, once; its JSON form has the base64 of that
 * text.
 */
final class BaileysExSession {

    private int unknownFields;

    private BaileysExSession() {}

    /** Checks a session, in which there may be fields that are not known. */
    static void check(JsonNode node) throws DamagedException {
        new BaileysExSession().normal(node);
    }

    /** Returns a session to convert; one with fields that are not known, which would be lost, is refused. */
    static JsonNode read(byte[] record) throws DamagedException {
        BaileysExSession session = new BaileysExSession();
        JsonNode normal = session.normal(ErlangTerm.decodeThisOrJson(record));
        JsonFields.refuse(session.unknownFields);
        return normal;
    }

    private JsonNode normal(JsonNode node) throws DamagedException {
        if (node.has("_sessions")) {
            throw new DamagedException("it is a session of Baileys, whose counters have another meaning");
        }
        JsonFields record = new JsonFields(node);
        JsonNode sessions = record.take("sessions");
        end(record);
        ObjectNode result = StrictJson.object();
        ObjectNode byKey = result.putObject("sessions");
        new JsonFields(sessions);
        for (Map.Entry<String, JsonNode> session : sessions.properties()) {
            byKey.set(session.getKey(), session(session.getKey(), new JsonFields(session.getValue())));
        }
        return result;
    }

    private void end(JsonFields fields) {
        unknownFields += fields.unknown();
    }

    private ObjectNode session(String baseKey, JsonFields from) throws DamagedException {
        ObjectNode session = StrictJson.object();
        session.set("current_ratchet", ratchet(from.object("current_ratchet")));
        session.set("index_info", index(baseKey, from.object("index_info")));
        ObjectNode chains = session.putObject("chains");
        JsonNode fromChains = from.take("chains");
        new JsonFields(fromChains);
        for (Map.Entry<String, JsonNode> chain : fromChains.properties()) {
            if (chains.putIfAbsent(chainKey(chain.getKey()), chain(new JsonFields(chain.getValue()))) != null) {
                throw new DamagedException("it has two chains with the same key");
            }
        }
        JsonNode pending = from.find("pending_pre_key");
        session.set(
                "pending_pre_key", pending == null ? StrictJson.NODES.nullNode() : pending(new JsonFields(pending)));
        session.put("registration_id", from.number("registration_id", 0, SessionState.MAXIMUM_UNSIGNED));
        end(from);
        return session;
    }

    private ObjectNode ratchet(JsonFields from) throws DamagedException {
        ObjectNode ratchet = StrictJson.object();
        setKey(ratchet, "root_key", from.bytes("root_key", Curve.KEY_BYTES));
        JsonNode pair = from.find("ephemeral_key_pair");
        ratchet.set("ephemeral_key_pair", pair == null ? StrictJson.NODES.nullNode() : keyPair(new JsonFields(pair)));
        setPublic(ratchet, "last_remote_ephemeral", from.find("last_remote_ephemeral"));
        ratchet.put("previous_counter", from.number("previous_counter", -1, SessionState.MAXIMUM_UNSIGNED));
        end(from);
        return ratchet;
    }

    private JsonNode keyPair(JsonFields from) throws DamagedException {
        JsonNode pair = BaileysValues.ofKeyPair(BaileysValues.keyPair(from));
        end(from);
        return pair;
    }

    private ObjectNode index(String baseKey, JsonFields from) throws DamagedException {
        ObjectNode index = StrictJson.object();
        JsonNode base = from.take("base_key");
        if (!Buffers.base64(Buffers.read(base)).equals(baseKey)) {
            throw new DamagedException("the base key of a session in it differs from the name of the session");
        }
        setPublic(index, "base_key", base);
        setPublic(index, "remote_identity_key", from.take("remote_identity_key"));
        setPublic(index, "local_identity_key", from.take("local_identity_key"));
        index.put("base_key_type", direction(from.take("base_key_type")));
        JsonNode closed = from.find("closed");
        if (closed == null) {
            index.putNull("closed");
        } else {
            index.put("closed", JsonFields.number("closed", closed, Long.MIN_VALUE, Long.MAX_VALUE));
        }
        end(from);
        return index;
    }

    private ObjectNode pending(JsonFields from) throws DamagedException {
        ObjectNode pending = StrictJson.object();
        setPublic(pending, "base_key", from.take("base_key"));
        JsonNode preKey = from.find("pre_key_id");
        if (preKey == null) {
            pending.putNull("pre_key_id");
        } else {
            pending.put("pre_key_id", JsonFields.number("pre_key_id", preKey, 0, SessionState.MAXIMUM_UNSIGNED));
        }
        pending.put("signed_pre_key_id", from.number("signed_pre_key_id", 0, SessionState.MAXIMUM_UNSIGNED));
        end(from);
        return pending;
    }

    private ObjectNode chain(JsonFields from) throws DamagedException {
        ObjectNode chain = StrictJson.object();
        JsonFields fromKey = from.object("chain_key");
        ObjectNode key = chain.putObject("chain_key");
        key.put("counter", fromKey.number("counter", 0, SessionState.MAXIMUM_UNSIGNED));
        if (fromKey.find("key") == null) {
            key.putNull("key");
        } else {
            setKey(key, "key", fromKey.bytes("key", Curve.KEY_BYTES));
        }
        end(fromKey);
        chain.put("chain_type", direction(from.take("chain_type")));
        ObjectNode messageKeys = chain.putObject("message_keys");
        JsonNode fromKeys = from.take("message_keys");
        JsonFields fields = new JsonFields(fromKeys);
        for (Map.Entry<String, JsonNode> messageKey : fromKeys.properties()) {
            String number = messageKey.getKey();
            JsonFields.number("message_keys", StrictJson.NODES.textNode(number), 0, SessionState.MAXIMUM_UNSIGNED);
            setKey(messageKeys, number, fields.bytes(number, Curve.KEY_BYTES));
        }
        end(from);
        return chain;
    }

    /** Returns the base64 of a chain's key from that, or from the base64 of that text. */
    private static String chainKey(String name) throws DamagedException {
        byte[] decoded = Buffers.base64(name);
        boolean isKey = decoded.length == Curve.KEY_BYTES || decoded.length == Curve.KEY_BYTES + 1;
        String key = isKey ? name : ErlangTerm.text(decoded);
        Curve.withoutType(Buffers.base64(key));
        return key;
    }

    private static String direction(JsonNode node) throws DamagedException {
        String direction = BaileysValues.text(node);
        if (!direction.equals("sending") && !direction.equals("receiving")) {
            throw new DamagedException("it has a direction other than sending and receiving");
        }
        return direction;
    }

    private static void setPublic(ObjectNode to, String name, @Nullable JsonNode key) throws DamagedException {
        if (key == null) {
            to.putNull(name);
        } else {
            byte[] bytes = Buffers.read(key);
            Curve.withoutType(bytes);
            to.set(name, Buffers.write(bytes));
        }
    }

    private static void setKey(ObjectNode to, String name, byte[] key) {
        to.set(name, Buffers.write(key));
    }
}
