package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.ContextOwnedException;
import dev.keystore.StoreOpenException;
import dev.keystore.jdbc.TransactionPooler.Mode;
import dev.keystore.testkit.FailureAssertions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A pooler between a store and its server. */
@Timeout(120)
final class PostgresPoolerTest {

    private static final Path PGBOUNCER = Path.of("/usr/sbin/pgbouncer");

    private final String schema = PostgresFixture.newSchema();
    private final String role = "pooled_" + schema;

    @ParameterizedTest
    @CsvSource({
        "1, MOST_RECENT",
        "2, MOST_RECENT",
        "5, MOST_RECENT",
        "1, ROUND_ROBIN",
        "2, ROUND_ROBIN",
        "3, ROUND_ROBIN",
        "5, ROUND_ROBIN"
    })
    @DisplayName(
            "R53 a pooler that shares sessions between transactions is refused with the setting to change; the schema"
                    + " and the sessions stay as they are")
    void transactionPooling(int sessions, Mode mode) throws Exception {
        try (TransactionPooler pooler = new TransactionPooler(PostgresFixture.port(), sessions, mode)) {
            assertRefused(PostgresFixture.url(pooler.port(), schema) + "&prepareThreshold=0");

            assertThat(locksHeld()).isZero();
        }
        PostgresFixture.open(PostgresFixture.url(schema)).close();
    }

    @ParameterizedTest
    @EnumSource(
            value = Mode.class,
            names = {"MOST_RECENT", "ROUND_ROBIN"})
    @DisplayName("R53 a pooler that begins to share sessions is refused when the writer's session is replaced")
    void transactionPoolingLater(Mode later) throws Exception {
        try (TransactionPooler pooler = new TransactionPooler(PostgresFixture.port(), 6, Mode.SESSION);
                JdbcBackend backend =
                        PostgresFixture.open(PostgresFixture.url(pooler.port(), schema) + "&prepareThreshold=0")) {
            backend.save("alice", "session", "bob", new byte[] {1});
            pooler.change(later);
            PostgresFixture.terminate(backend.writer().handle());
            FailureAssertions.assertTransient(() -> backend.save("alice", "session", "bob", new byte[] {2}));

            FailureAssertions.assertPermanent(() -> backend.save("alice", "session", "bob", new byte[] {2}))
                    .withMessageContaining("a pooler shares the server's sessions between transactions");
        }
    }

    private int locksHeld() throws Exception {
        String sql = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                + " WHERE locktype = 'advisory' AND application_name = '" + schema + "'";
        try (var connection = PostgresFixture.connect(schema);
                var rows = connection.createStatement().executeQuery(sql)) {
            rows.next();
            return rows.getInt(1);
        }
    }

    private static void assertRefused(String url) {
        assertThatExceptionOfType(StoreOpenException.class)
                .isThrownBy(() -> PostgresFixture.open(url))
                .withMessageContaining("could not open: a pooler shares the server's sessions between transactions")
                .withMessageContaining("pool_mode = session");
    }

    @ParameterizedTest
    @ValueSource(strings = {"transaction", "transaction\nserver_round_robin = 1", "session"})
    @DisplayName("R53 PgBouncer in transaction mode is refused; in session mode, an owner is known to be alive"
            + " until it closes")
    void pgBouncer(String mode, @TempDir Path folder) throws Exception {
        Assumptions.assumeTrue(Files.isExecutable(PGBOUNCER), PGBOUNCER + " is not installed");
        int port = freePort();
        PostgresFixture.execute(
                "CREATE ROLE " + role + " LOGIN SUPERUSER", "ALTER ROLE " + role + " SET search_path = " + schema);
        Process pgBouncer = start(folder, mode, port);
        try {
            String url = PostgresFixture.url(port, schema).replace("&currentSchema=" + schema, "");
            if (mode.startsWith("transaction")) {
                assertRefused(url);
                return;
            }
            try (JdbcBackend other = PostgresFixture.open(PostgresFixture.url(schema))) {
                JdbcBackend owner = PostgresFixture.open(url);
                owner.takeOver("alice");
                assertThatExceptionOfType(ContextOwnedException.class)
                        .isThrownBy(() -> other.takeOverUnlessOwned("alice"));
                owner.close();
                // The pooler resets the session when it notices.
                PostgresFixture.await("the end of the owner's lock", """
                        SELECT FROM %s.owner WHERE NOT EXISTS (
                            SELECT FROM pg_locks WHERE locktype = 'advisory'
                                AND (classid::bigint << 32 | objid::bigint) = holder)
                        """.formatted(schema));
                assertThat(other.takeOverUnlessOwned("alice")).isEqualTo(2);
            }
        } finally {
            pgBouncer.destroyForcibly();
            pgBouncer.waitFor();
        }
    }

    private Process start(Path folder, String mode, int port) throws Exception {
        Path configuration = Files.writeString(folder.resolve("pgbouncer.ini"), """
                [databases]
                postgres = host=localhost port=%d user=%s
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = %d
                unix_socket_dir =
                auth_type = any
                ignore_startup_parameters = extra_float_digits
                pool_mode = %s
                logfile = %s
                """.formatted(
                        PostgresFixture.port(), role, port, mode, folder.resolve("log")));
        folder.toFile().setReadable(true, false);
        folder.toFile().setExecutable(true, false);
        folder.toFile().setWritable(true, false);
        List<String> command = new ArrayList<>(List.of(PGBOUNCER.toString(), configuration.toString()));
        if (System.getProperty("user.name").equals("root")) {
            command.addAll(1, List.of("-u", "nobody"));
        }
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        awaitListening(port);
        return process;
    }

    private static void awaitListening(int port) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (System.nanoTime() < deadlineNanos) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                assertThat(socket.isConnected()).isTrue();
                return;
            } catch (IOException e) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
            }
        }
        throw new AssertionError("PgBouncer does not listen");
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
