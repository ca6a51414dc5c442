package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyStoreException;
import dev.keystore.spi.BackendConfig;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jdbi.v3.core.Handle;

/** A server for the tests of this JVM, with the durability settings of production and a schema for each test. */
final class PostgresFixture {

    private static final AtomicInteger SCHEMAS = new AtomicInteger();

    /** Started when it is first needed: never in a process that uses the server of another one. */
    private static final class Server {

        private static final EmbeddedPostgres RUNNING = start();

        private Server() {}
    }

    private PostgresFixture() {}

    private static EmbeddedPostgres start() {
        try {
            return durable().start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static EmbeddedPostgres.Builder durable() {
        return EmbeddedPostgres.builder()
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .setPGStartupWait(Duration.ofMinutes(1));
    }

    static int port() {
        return Server.RUNNING.getPort();
    }

    /** Returns the server's major version. */
    static String majorVersion() throws SQLException {
        try (Connection connection = connect("public")) {
            return Integer.toString(connection.getMetaData().getDatabaseMajorVersion());
        }
    }

    /** Creates a schema, and returns its name. */
    static String newSchema() {
        String schema = "test_" + SCHEMAS.incrementAndGet();
        execute("CREATE SCHEMA " + schema);
        return schema;
    }

    /** Returns the URL of a schema, through the server or proxy at a port. */
    static String url(int port, String schema) {
        return "jdbc:postgresql://localhost:" + port + "/postgres?user=postgres&currentSchema=" + schema
                + "&ApplicationName=" + schema + "&sslmode=disable&loginTimeout=60";
    }

    static String url(String schema) {
        return url(port(), schema);
    }

    /** Opens the store at a URL. */
    static JdbcBackend open(String url) {
        return (JdbcBackend) new PostgresBackendProvider().open(new BackendConfig(url, Map.of()));
    }

    /** Makes the server end a connection, and waits until it has. */
    static void terminate(Handle handle) {
        int pid = handle.createQuery("SELECT pg_backend_pid()").mapTo(int.class).one();
        execute("SELECT pg_terminate_backend(" + pid + ", 30000)");
    }

    /** Makes the server end all connections to a schema. */
    static void terminateAll(String schema) {
        execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" + schema + "'");
    }

    /** Returns the number of connections to a schema. */
    static int connections(String schema) {
        try (Connection connection = DriverManager.getConnection(url("public"));
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(
                        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '" + schema + "'")) {
            rows.next();
            return rows.getInt(1);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** Waits until no connection to a schema is left: the server notices a little later that one was closed. */
    static void awaitNoConnection(String schema) {
        await("no connection to " + schema, """
                SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = '%s')
                """.formatted(schema));
    }

    /** Opens a connection to a schema without the backend, outside of transactions. */
    static Connection connect(String schema) throws SQLException {
        return DriverManager.getConnection(url(schema).replace("ApplicationName=", "ApplicationName=other_"));
    }

    /** Waits until a connection of a store to a schema waits for a lock. */
    static void awaitLockWait(String schema) {
        await("a wait for a lock", """
                SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = '%s'
                """.formatted(schema));
    }

    /** Waits until a query has rows. */
    static void await(String what, String query) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        try (Connection connection = DriverManager.getConnection(url("public"));
                Statement statement = connection.createStatement()) {
            while (true) {
                try (ResultSet rows = statement.executeQuery(query)) {
                    if (rows.next()) {
                        return;
                    }
                }
                if (System.nanoTime() > deadlineNanos) {
                    throw new AssertionError("not in time: " + what);
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            }
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** Repeats work until it succeeds. */
    static void untilItSucceeds(Runnable work) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                work.run();
                return;
            } catch (KeyStoreException e) {
                assertThat(System.nanoTime()).isLessThan(deadlineNanos);
            }
        }
    }

    /** Runs statements without the backend. */
    static void execute(String... statements) {
        try (Connection connection = DriverManager.getConnection(url("public"));
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }
}
