package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.BackendContractTest;
import dev.keystore.testkit.EncryptedBackend;
import dev.keystore.testkit.PlaintextSearch;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * PostgreSQL keeps the contract with encryption on, and no file of the server shows anything (R70, R75): its tables,
 * its write-ahead log, and the log of its statements with their parameters.
 *
 * <p>The server holds nothing else, and is searched once all tests have run.
 */
class EncryptedPostgresContractTest extends BackendContractTest {

    private static EmbeddedPostgres server;
    private static PlaintextSearch search;
    private static int schemaCount;

    private final Map<Path, String> schemas = new HashMap<>();

    @BeforeAll
    static void startServer() throws IOException {
        server = PostgresFixture.durable()
                .setServerConfig("logging_collector", "on")
                .setServerConfig("log_statement", "all")
                .start();
        search = new PlaintextSearch();
        schemaCount = 0;
    }

    @Override
    protected Backend open(Path folder) throws Exception {
        Path key = folder.resolve("root.key");
        KeyFile root = Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key);
        String schema = schemas.get(folder);
        if (schema == null) {
            schema = "test_" + ++schemaCount;
            schemas.put(folder, schema);
            execute("CREATE SCHEMA " + schema);
        }
        return EncryptedBackend.of(
                PostgresFixture.open(PostgresFixture.url(server.getPort(), schema)), search.masked(encryption(root)));
    }

    /** Returns how the store is encrypted. */
    Encryption encryption(KeyFile root) {
        return Encryption.with(root);
    }

    @AfterAll
    static void searchServer() throws Exception {
        try {
            assertThat(search.size()).as("values that the tests wrote").isGreaterThan(100);
            assertThat(search.in(files()))
                    .as("R70 files with plaintext, of how many values")
                    .isEmpty();
            execute("CHECKPOINT");
            assertThat(search.in(files()))
                    .as("R70 files with plaintext, after a checkpoint")
                    .isEmpty();
            assertSearchFinds();
        } finally {
            server.close();
        }
    }

    /**
     * Asserts that a value that is not encrypted is found: in a table, in the write-ahead log, and among statements.
     */
    private static void assertSearchFinds() throws Exception {
        byte[] value = new byte[1_000];
        new Random().nextBytes(value);
        PlaintextSearch plain = new PlaintextSearch();
        plain.add(value);
        execute("CREATE SCHEMA plain");
        try (JdbcBackend backend = PostgresFixture.open(PostgresFixture.url(server.getPort(), "plain"))) {
            backend.save("default", "session", "1", value);
        }
        execute("CHECKPOINT");
        assertThat(plain.in(files()).keySet().stream()
                        .map(file -> file.getParent().getFileName().toString()))
                .as("the search finds a value that is not encrypted")
                .contains("pg_wal", "log")
                .hasSizeGreaterThan(2);
    }

    private static List<Path> files() throws Exception {
        try (Connection connection = server.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SHOW data_directory")) {
            row.next();
            return PlaintextSearch.filesBelow(Path.of(row.getString(1)));
        }
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = server.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
