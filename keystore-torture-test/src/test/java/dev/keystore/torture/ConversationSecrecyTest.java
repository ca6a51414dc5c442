package dev.keystore.torture;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.testkit.PlaintextSearch;
import dev.keystore.torture.child.ConversationOfTwo;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Searches the files of each backend for every value that a conversation of two users of libsignal has stored. */
@Timeout(120)
class ConversationSecrecyTest {

    private final PlaintextSearch search = new PlaintextSearch();

    @TempDir
    Path folder;

    private Path files = Path.of("");
    private Encryption encryption;
    private String url = "";

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite:", "mapdb:", "jdbc:postgresql:"})
    @DisplayName("R70 after a conversation, no file of a backend holds a byte of its keys, or a part of a hidden name")
    void files_holdNothing(String scheme) throws Exception {
        encryption = Encryption.with(
                KeyFile.create(Files.createDirectory(folder.resolve("keys")).resolve("root.key")));
        if (!scheme.equals("jdbc:postgresql:")) {
            files = Files.createDirectory(folder.resolve("data"));
            for (boolean hidingNames : List.of(true, false)) {
                url = scheme + files.resolve("store-" + hidingNames);
                converse(hidingNames, () -> {});
            }
            return;
        }
        files = folder.resolve("server");
        try (EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setDataDirectory(files)
                .setServerConfig("logging_collector", "on")
                .setServerConfig("log_statement", "all")
                .setPGStartupWait(Duration.ofMinutes(1))
                .start()) {
            for (boolean hidingNames : List.of(true, false)) {
                String schema = "names_hidden_" + hidingNames;
                String postgres = server.getJdbcUrl("postgres", "postgres") + "&sslmode=disable";
                execute(postgres, "CREATE SCHEMA " + schema);
                url = postgres + "&currentSchema=" + schema;
                converse(hidingNames, () -> execute(postgres, "CHECKPOINT"));
            }
        }
    }

    private interface ServerWork {
        void run() throws SQLException;
    }

    private static void execute(String url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private void converse(boolean hidingNames, ServerWork afterwards) throws Exception {
        String alice = "alice-" + UUID.randomUUID();
        String bob = "bob-" + UUID.randomUUID();
        if (hidingNames) {
            search.add(alice.getBytes(UTF_8));
            search.add(bob.getBytes(UTF_8));
        }
        try (SignalKeyDatabase database = open(hidingNames)) {
            ConversationOfTwo.hold(database, alice, bob);
            assertThat(search.size()).as("values").isGreaterThan(100);
            assertNothing("while the store is open");
            if (!url.startsWith("jdbc:postgresql:")) {
                database.compact();
                assertNothing("after the store was compacted");
            }
        }
        afterwards.run();
        assertNothing("after the store was closed");
        if (!hidingNames) {
            decrypt();
            afterwards.run();
            System.out.println("ConversationSecrecyTest " + url.substring(0, url.indexOf(':', 5)) + ", of "
                    + search.size() + " values in plaintext after decrypt: " + found());
            assertThat(found().values())
                    .as("the search finds values of the same store after it was decrypted")
                    .anyMatch(count -> count > 20);
        }
    }

    private SignalKeyDatabase open(boolean hidingNames) {
        return SignalKeyDatabase.builder()
                .url(url)
                .encryption(search.observed(hidingNames ? encryption.hidingNames() : encryption))
                .open();
    }

    private void decrypt() {
        try (SignalKeyDatabase database = open(false)) {
            database.encryption().decrypt(progress -> {});
        }
    }

    private void assertNothing(String when) throws IOException {
        assertThat(found())
                .as("files with plaintext, of how many values, %s", when)
                .isEmpty();
    }

    private Map<Path, Integer> found() throws IOException {
        return search.in(PlaintextSearch.filesBelow(files));
    }
}
