package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;

/** One side of a conversation in libsignal-node, in a process of Node. */
final class NodePeer implements AutoCloseable {

    private final NodeProcess process = new NodeProcess("peer.js");
    private final JsonNode credentials;
    private final String peer;
    private JsonNode session;

    NodePeer(JsonNode credentials, String peer, byte[] session) throws IOException {
        this.credentials = credentials;
        this.peer = peer;
        this.session = Samples.tree(session);
    }

    byte[] encrypt(String text) throws Exception {
        return Buffers.base64(ask("text", text).get("message").textValue());
    }

    String decrypt(byte[] message) throws Exception {
        return ask("message", Buffers.base64(message)).get("text").textValue();
    }

    private JsonNode ask(String name, String value) throws Exception {
        JsonNode identity = credentials.get("signedIdentityKey");
        ObjectNode request = StrictJson.object().put("peer", peer).put(name, value);
        request.put("publicKey", Buffers.base64(Curve.withType(Buffers.read(identity.get("public")))));
        request.put("privateKey", Buffers.base64(Buffers.read(identity.get("private"))));
        request.set("registrationId", credentials.get("registrationId"));
        request.set("session", session);
        JsonNode reply = process.ask(request);
        session = reply.get("session");
        return reply;
    }

    @Override
    public void close() {
        process.close();
    }
}
