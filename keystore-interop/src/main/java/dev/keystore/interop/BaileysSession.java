package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

/**
 * Sessions of Baileys: a JSON object of libsignal-node, kept byte for byte, or a Buffer of newer libraries, of which
 * the bytes are kept. They are checked so far that a damaged one is not taken for a session.
 */
final class BaileysSession {

    private static final int SENDING = 1;
    private static final int RECEIVING = 2;

    private BaileysSession() {}

    static byte[] read(JsonNode node, byte[] document) throws DamagedException {
        byte[] buffer = node.has("_sessions") ? null : Buffers.find(node);
        if (buffer == null) {
            check(node);
            return document;
        }
        if (buffer.length == 0) {
            throw new DamagedException("it is an empty Buffer");
        }
        if (isJson(buffer)) {
            throw new DamagedException("it is a Buffer that holds JSON, which no known library writes");
        }
        if (ErlangTerm.isTerm(buffer)) {
            throw new DamagedException(
                    "it is a session of baileys_ex, which Baileys cannot read unless it is converted");
        }
        LibsignalRecords.checkSession(buffer);
        return buffer;
    }

    static byte[] write(byte[] session) {
        return isJson(session) ? session : StrictJson.write(Buffers.write(session));
    }

    /** Protobuf of sessions begins with another byte. */
    private static boolean isJson(byte[] session) {
        return session.length > 0 && session[0] == '{';
    }

    private static void check(JsonNode node) throws DamagedException {
        JsonFields record = new JsonFields(node);
        if (node.has("sessions") && !node.has("_sessions")) {
            throw new DamagedException("it is a session of baileys_ex, whose counters have another meaning");
        }
        JsonNode sessions = record.take("_sessions");
        boolean registered = record.find("registrationId") != null;
        JsonNode version = record.find("version");
        record.end();
        if (version != null && !"v1".equals(version.textValue())) {
            throw new DamagedException("it is of a version that is not known");
        }
        new JsonFields(sessions);
        for (Map.Entry<String, JsonNode> session : sessions.properties()) {
            Curve.withoutType(Buffers.base64(session.getKey()));
            checkSession(session.getKey(), new JsonFields(session.getValue()), registered);
        }
    }

    private static void checkSession(String baseKey, JsonFields session, boolean registered) throws DamagedException {
        if (!registered) {
            session.number("registrationId", 0, SessionState.MAXIMUM_UNSIGNED);
        }
        JsonFields ratchet = session.object("currentRatchet");
        JsonFields pair = ratchet.object("ephemeralKeyPair");
        Curve.checkPair(pair.bytes("pubKey"), pair.bytes("privKey"));
        Curve.withoutType(ratchet.bytes("lastRemoteEphemeralKey"));
        ratchet.number("previousCounter", -1, Long.MAX_VALUE);
        ratchet.bytes("rootKey", Curve.KEY_BYTES);
        JsonFields index = session.object("indexInfo");
        if (!baseKey.equals(index.take("baseKey").textValue())) {
            throw new DamagedException("the base key of a session in it differs from the name of the session");
        }
        index.number("baseKeyType", SENDING, RECEIVING);
        index.number("closed", -1, Long.MAX_VALUE);
        index.number("used", 0, Long.MAX_VALUE);
        index.number("created", 0, Long.MAX_VALUE);
        Curve.withoutType(index.bytes("remoteIdentityKey"));
        JsonNode chains = session.take("_chains");
        new JsonFields(chains);
        for (Map.Entry<String, JsonNode> chain : chains.properties()) {
            Curve.withoutType(Buffers.base64(chain.getKey()));
            checkChain(new JsonFields(chain.getValue()));
        }
    }

    private static void checkChain(JsonFields chain) throws DamagedException {
        JsonFields key = chain.object("chainKey");
        key.number("counter", -1, Integer.MAX_VALUE);
        if (key.find("key") != null) {
            key.bytes("key", Curve.KEY_BYTES);
        }
        chain.number("chainType", SENDING, RECEIVING);
        JsonNode keys = chain.take("messageKeys");
        new JsonFields(keys);
        for (Map.Entry<String, JsonNode> messageKey : keys.properties()) {
            JsonFields.number("messageKeys", StrictJson.NODES.textNode(messageKey.getKey()), 0, Integer.MAX_VALUE);
            if (Buffers.read(messageKey.getValue()).length != Curve.KEY_BYTES) {
                throw new DamagedException("a message key in it does not have 32 bytes");
            }
        }
    }
}
