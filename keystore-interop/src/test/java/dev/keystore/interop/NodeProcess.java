package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Path;

/** A process of Node that answers each line of JSON by another one. */
final class NodeProcess implements AutoCloseable {

    /** The property that names the folder {@code node_modules}; the profile {@code node} sets it. */
    static final String MODULES = "keystore.node.modules";

    private final Process process;
    private final BufferedWriter requests;
    private final BufferedReader replies;

    NodeProcess(String script) throws IOException {
        String modules = System.getProperty(MODULES);
        ProcessBuilder builder = new ProcessBuilder(
                        "node",
                        Path.of("src/test/node", script).toAbsolutePath().toString(),
                        modules)
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("NODE_PATH", modules);
        process = builder.start();
        requests = process.outputWriter(UTF_8);
        replies = process.inputReader(UTF_8);
    }

    JsonNode ask(JsonNode request) throws IOException {
        requests.write(request.toString());
        requests.write('\n');
        requests.flush();
        JsonNode reply = Samples.tree(replies.readLine().getBytes(UTF_8));
        if (reply.has("error")) {
            throw new IOException(reply.get("error").textValue());
        }
        return reply;
    }

    @Override
    public void close() {
        process.destroy();
    }
}
