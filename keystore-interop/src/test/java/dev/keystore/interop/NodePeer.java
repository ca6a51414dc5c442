package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Path;

/** One side of a conversation in libsignal-node, in a process of Node. */
final class NodePeer implements AutoCloseable {

    /** The property that names the folder {@code node_modules}; the profile {@code node} sets it. */
    static final String MODULES = "keystore.node.modules";

    private final Process process;
    private final BufferedWriter requests;
    private final BufferedReader replies;
    private final JsonNode credentials;
    private final String peer;
    private JsonNode session;

    NodePeer(JsonNode credentials, String peer, byte[] session) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                        "node",
                        Path.of("src/test/node/peer.js").toAbsolutePath().toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("NODE_PATH", System.getProperty(MODULES));
        process = builder.start();
        requests = process.outputWriter(UTF_8);
        replies = process.inputReader(UTF_8);
        this.credentials = credentials;
        this.peer = peer;
        load(session);
    }

    void load(byte[] json) {
        session = Samples.tree(json);
    }

    byte[] session() {
        return Json.write(session);
    }

    byte[] encrypt(String text) throws Exception {
        return Buffers.base64(ask("text", text).get("message").textValue());
    }

    String decrypt(byte[] message) throws Exception {
        return ask("message", Buffers.base64(message)).get("text").textValue();
    }

    private JsonNode ask(String name, String value) throws Exception {
        JsonNode identity = credentials.get("signedIdentityKey");
        ObjectNode request = Json.object().put("peer", peer).put(name, value);
        request.put("publicKey", Buffers.base64(Curve.withType(Buffers.read(identity.get("public")))));
        request.put("privateKey", Buffers.base64(Buffers.read(identity.get("private"))));
        request.set("registrationId", credentials.get("registrationId"));
        request.set("session", session);
        requests.write(request.toString());
        requests.write('\n');
        requests.flush();
        JsonNode reply = Samples.tree(replies.readLine().getBytes(UTF_8));
        if (reply.has("error")) {
            throw new IOException(reply.get("error").textValue());
        }
        session = reply.get("session");
        return reply;
    }

    @Override
    public void close() {
        process.destroy();
    }
}
