package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.core.SignalKeyDatabase;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Changes of a whole server: a reload of its configuration, and the exhaustion of its connections. */
@Timeout(180)
final class PostgresServerTest {

    private static final int COMMITS = 50;
    private static final int MAXIMUM_CONNECTIONS = 8;

    @TempDir
    private static Path folder;

    private static RestartablePostgres server;

    @BeforeAll
    static void start() throws Exception {
        server = new RestartablePostgres(folder.resolve("data"));
        server.create();
        server.configure("max_connections = " + MAXIMUM_CONNECTIONS);
        server.startAsConfigured();
    }

    @AfterAll
    static void stop() throws Exception {
        server.close();
    }

    /** Waits until no other connection is left: a process of the server ends after its client has closed. */
    @BeforeEach
    void awaitFreeConnections() throws SQLException {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (connections() > 1) {
            assertThat(System.nanoTime()).isLessThan(deadlineNanos);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
    }

    /** Returns how many connections the server has; all of them if it refuses another one. */
    private static int connections() throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url());
                Statement statement = connection.createStatement()) {
            return Integer.parseInt(
                    text(statement, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"));
        } catch (SQLException e) {
            assertThat(e.getSQLState()).isEqualTo("53300");
            return MAXIMUM_CONNECTIONS;
        }
    }

    @Test
    @DisplayName("R11 after a reload with synchronous_commit = off, no commit is acknowledged before it is flushed")
    void reload() throws Exception {
        try (JdbcBackend backend = PostgresFixture.open(server.url());
                Connection connection = DriverManager.getConnection(server.url());
                Statement statement = connection.createStatement()) {
            statement.execute("ALTER SYSTEM SET synchronous_commit = off");
            statement.execute("SELECT pg_reload_conf()");
            awaitSetting(statement, "off");
            int early = 0;
            for (int i = 0; i < COMMITS; i++) {
                String before = text(statement, "SELECT pg_current_wal_insert_lsn()");
                backend.save("alice", "session", "bob." + i, new byte[] {1});
                early += text(statement, "SELECT pg_current_wal_flush_lsn() > '" + before + "'")
                                .equals("t")
                        ? 0
                        : 1;
            }
            assertThat(early)
                    .as("of %s commits acknowledged before they were flushed", COMMITS)
                    .isZero();
            statement.execute("ALTER SYSTEM RESET synchronous_commit");
            statement.execute("SELECT pg_reload_conf()");
            awaitSetting(statement, "on");
        }
    }

    private static void awaitSetting(Statement statement, String value) throws SQLException {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!text(statement, "SHOW synchronous_commit").equals(value)) {
            assertThat(System.nanoTime()).isLessThan(deadlineNanos);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
    }

    private static String text(Statement statement, String sql) throws SQLException {
        try (ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }

    @Test
    @DisplayName("R27 R40 R41 when max_connections is reached, opening is refused with a remedy; a store that lost its"
            + " connection"
            + " reads from its cache, reports the commit as unknown, and continues when connections are free")
    void connectionsUsedUp() throws Exception {
        Deque<Connection> others = new ArrayDeque<>();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(server.url() + "&ApplicationName=store")
                .commitTimeout(Duration.ofSeconds(1))
                .retry(1_000, Duration.ofMillis(5))
                .open()) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "a", new byte[] {1});
            useUp(others);
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> PostgresFixture.open(server.url()))
                    .withMessageContaining("sorry, too many clients already")
                    .withMessageContaining("raise the server's max_connections");

            try (Statement statement = others.getFirst().createStatement()) {
                statement.execute("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
                        + " WHERE application_name = 'store'");
            }
            useUp(others);
            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "a", new byte[] {2}))
                    .isInstanceOf(CommitOutcomeUnknownException.class);

            others.removeLast().close();
            PostgresFixture.untilItSucceeds(() -> alice.put(KeyTypes.SESSION, "a", new byte[] {3}));
            assertThat(alice.find(KeyTypes.SESSION, "a")).hasValue(new byte[] {3});
        } finally {
            for (Connection other : others) {
                other.close();
            }
        }
    }

    private static void useUp(Deque<Connection> connections) {
        try {
            while (true) {
                connections.add(DriverManager.getConnection(server.url()));
            }
        } catch (SQLException e) {
            assertThat(e.getSQLState()).isEqualTo("53300");
        }
    }
}
