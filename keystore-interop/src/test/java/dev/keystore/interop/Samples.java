package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.ThreadMXBean;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.ForeignStore.Reading;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The folders that the real libraries wrote, databases to import from, and databases to import into. */
final class Samples {

    static final List<String> REAL = List.of("7.0.0-rc14/bot-a", "7.0.0-rc14/bot-b", "6.7.21/bot-a");

    /** What reading a damaged source may allocate, in bytes. */
    static final long ALLOCATED_AT_MOST = 256L << 20;

    private static final Path RESOURCES = Path.of("src/test/resources/baileys");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Samples() {}

    /** Returns how many bytes this thread has allocated so far. */
    static long allocated() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }

    /** Copies a folder, so that a test can change it. */
    static Path copy(String name, Path parent) throws IOException {
        Path copy = Files.createDirectories(parent.resolve("auth_info_baileys"));
        for (Map.Entry<String, byte[]> file : files(RESOURCES.resolve(name)).entrySet()) {
            Files.write(copy.resolve(file.getKey()), file.getValue());
        }
        return copy;
    }

    /** What the library was given, for a folder. */
    static JsonNode truth(String name) throws IOException {
        return MAPPER.readTree(RESOURCES.resolve(name + ".truth.json").toFile());
    }

    /** Messages of bot-b to bot-a that libsignal-node has encrypted, by their text; {@code NodeTest} repeats that. */
    static JsonNode recordedMessages() throws IOException {
        return MAPPER.readTree(RESOURCES.resolve("recorded-messages.json").toFile());
    }

    /**
     * Messages of bot-b to the group that Baileys has encrypted, by their text, and under {@code after group 3} the
     * sender key of bot-a once Baileys had decrypted the third one first.
     */
    static JsonNode recordedGroup() throws IOException {
        return MAPPER.readTree(RESOURCES.resolve("recorded-group.json").toFile());
    }

    static byte[] groupMessage(String text) throws Exception {
        return Buffers.base64(recordedGroup().get(text).textValue());
    }

    static JsonNode credentials(String name) throws IOException {
        return MAPPER.readTree(RESOURCES.resolve(name + "/creds.json").toFile());
    }

    /**
     * The session of bot-a with bot-b in the form of whatsmeow, written from the published structs without this module.
     */
    static byte[] goSession() {
        return bytes(Path.of("src/test/resources/whatsmeow/session-15550100002.7.json"));
    }

    /** The sender key of bot-a as another member has it, in that form, of which one message was skipped. */
    static byte[] goSenderKey() {
        return bytes(Path.of("src/test/resources/whatsmeow/sender-key-15550100001.7.json"));
    }

    /** The session of bot-a with bot-b in the JSON form of baileys_ex, written in the same way. */
    static byte[] exSession() throws IOException {
        return Files.readAllBytes(Path.of("src/test/resources/baileys-ex/session-15550100002.7.json"));
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Map<String, byte[]> files(Path folder) {
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> list = Files.list(folder)) {
            for (Path file : list.toList()) {
                files.put(file.getFileName().toString(), Files.readAllBytes(file));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return files;
    }

    /** The files of a folder as JSON, which does not depend on order and spacing. */
    static Map<String, JsonNode> trees(Path folder) {
        Map<String, JsonNode> trees = new TreeMap<>();
        files(folder).forEach((name, bytes) -> trees.put(name, tree(bytes)));
        return trees;
    }

    static JsonNode tree(byte[] bytes) {
        try {
            return MAPPER.readTree(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static SignalKeyDatabase database(Path folder) {
        return SignalKeyDatabase.open("jdbc:sqlite:" + folder.resolve("keys.db"));
    }

    /** Executes a statement on a SQLite database, which is created if it does not exist. */
    static void execute(Path file, String sql, Object... values) throws SQLException {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            statement.execute();
        }
    }

    /** Changes a file as another process would, without its size. */
    static void changeOneByte(Path file) {
        try {
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length - 1] ^= 1;
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Contents read(ForeignStore store) {
        return store.read(new Reading(false, List.of(), progress -> {})).contents();
    }

    static boolean isEmpty(SignalKeyStore store) {
        return store.credentials().isEmpty()
                && KeyTypes.all().stream().allMatch(type -> {
                    try (Stream<String> ids = store.ids(type, "")) {
                        return ids.findAny().isEmpty();
                    }
                });
    }
}
