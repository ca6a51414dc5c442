package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;

/** One member of a group in Baileys, with the sender key of one sender, in a process of Node. */
final class NodeGroup implements AutoCloseable {

    private final NodeProcess process = new NodeProcess("group.mjs");
    private byte[] senderKey;

    NodeGroup(byte[] senderKey) throws IOException {
        this.senderKey = senderKey;
    }

    byte[] senderKey() {
        return senderKey;
    }

    byte[] encrypt(String text) throws Exception {
        return Buffers.base64(ask("text", text).get("message").textValue());
    }

    String decrypt(byte[] message) throws Exception {
        return ask("message", Buffers.base64(message)).get("text").textValue();
    }

    private JsonNode ask(String name, String value) throws Exception {
        ObjectNode request = StrictJson.object().put(name, value).put("session", Buffers.base64(senderKey));
        JsonNode reply = process.ask(request);
        senderKey = Buffers.base64(reply.get("session").textValue());
        return reply;
    }

    @Override
    public void close() {
        process.close();
    }
}
