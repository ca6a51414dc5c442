package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server with a full disk, either that of the tables or that of the log. */
@Timeout(300)
final class PostgresFullDiskTest {

    private static final int VALUE_BYTES = 200_000;
    private static final int LOG_FILE_BYTES = 16 << 20;

    @TempDir
    private Path folder;

    /** The acknowledged values, by id. */
    private final Map<String, byte[]> acknowledged = new HashMap<>();

    @Test
    @DisplayName("R12 R41 when the tables' disk is full, a commit fails with a remedy and writes nothing, and reads go"
            + " on; with more space, commits succeed")
    void tables() throws Exception {
        String schema = PostgresFixture.newSchema();
        Path location = Files.createDirectory(folder.resolve("tables"));
        try (Tmpfs disk = Tmpfs.mount(location, "size=4m")) {
            PostgresFixture.execute("CREATE TABLESPACE " + schema + " LOCATION '" + location + "'");
            String url = PostgresFixture.url(schema) + "&options=-c%20default_tablespace=" + schema;
            try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
                SignalKeyStore alice = database.forContext("alice");
                assertThatThrownBy(() -> fill(alice, 100))
                        .isInstanceOf(CommitFailedException.class)
                        .hasMessageContaining("nothing was written")
                        .hasMessageContaining("free some space on the server's volume");
                assertThat(acknowledged).isNotEmpty();
                check(url);

                disk.remount("size=64m");
                fill(alice, 20);
            }
            check(url);
            PostgresFixture.execute("DROP SCHEMA " + schema + " CASCADE", "DROP TABLESPACE " + schema);
        }
    }

    @Test
    @Tag("long")
    @DisplayName("R11 R41 when the log's disk is full, the server stops, commits are reported as unknown or failed, and"
            + " service resumes when it is restarted with more space; no acknowledged commit is lost")
    void log() throws Exception {
        Path data = Files.createDirectory(folder.resolve("data"));
        try (Tmpfs disk = Tmpfs.mount(data, "size=110m");
                RestartablePostgres server = new RestartablePostgres(Files.createDirectory(data.resolve("pgdata")))) {
            server.start();
            try (SignalKeyDatabase database = SignalKeyDatabase.open(server.url());
                    CommitLoad load = new CommitLoad(database)) {
                load.awaitAcknowledged(50);
                fillDisk(data);
                fillLog(server);
                load.awaitFailures();
                disk.remount("size=1g");
                server.restart();
                load.awaitAcknowledged(50);
                load.stop();
                load.check(() -> PostgresFixture.open(server.url()));
            }
        }
    }

    /** Leaves less space than a log file of the server takes. */
    private static void fillDisk(Path data) {
        try {
            Files.write(data.resolve("ballast"), new byte[(int) data.toFile().getUsableSpace()]);
        } catch (IOException e) {
            // The server has used some of the space meanwhile: the disk is full as well.
        }
        assertThat(data.toFile().getUsableSpace()).isLessThan(LOG_FILE_BYTES);
    }

    /** Makes the server start new log files until that fails. */
    private static void fillLog(RestartablePostgres server) {
        try (Connection connection = DriverManager.getConnection(server.url());
                Statement statement = connection.createStatement()) {
            while (true) {
                statement.execute("CREATE TABLE IF NOT EXISTS filling (x integer)");
                statement.execute("INSERT INTO filling VALUES (1)");
                statement.execute("SELECT pg_switch_wal()");
            }
        } catch (SQLException e) {
            // Full.
        }
    }

    private void fill(SignalKeyStore store, int commits) {
        for (int i = 0; i < commits; i++) {
            byte[] value = new byte[VALUE_BYTES];
            ThreadLocalRandom.current().nextBytes(value);
            String id = "bob." + acknowledged.size();
            store.put(KeyTypes.SESSION, id, value);
            acknowledged.put(id, value);
        }
    }

    private void check(String url) {
        try (JdbcBackend backend = PostgresFixture.open(url)) {
            assertThat(backend.list("alice").map(entry -> entry.id()))
                    .containsExactlyInAnyOrderElementsOf(acknowledged.keySet());
            acknowledged
                    .keySet()
                    .forEach(id ->
                            assertThat(backend.load("alice", "session", id)).isPresent());
        }
    }
}
