package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.testkit.FailureAssertions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jdbi.v3.core.Handle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The writer's session: its settings, and when it is replaced. */
@Timeout(120)
final class PostgresSessionTest {

    private final String schema = PostgresFixture.newSchema();
    private final String role = "role_" + schema;
    private final String url = PostgresFixture.url(schema).replace("user=postgres", "user=" + role);

    @BeforeEach
    void createRole() {
        PostgresFixture.execute("CREATE ROLE " + role + " LOGIN SUPERUSER");
    }

    @AfterEach
    void dropRole() {
        PostgresFixture.execute(
                "DROP SCHEMA " + schema + " CASCADE",
                "REASSIGN OWNED BY " + role + " TO postgres",
                "DROP ROLE " + role);
    }

    @Test
    @DisplayName(
            "R40 a session that became read-only is replaced: the commit fails as transient, and the next one succeeds")
    void readOnlySession() {
        try (JdbcBackend backend = PostgresFixture.open(url)) {
            Handle readOnly = writer(backend);
            readOnly.execute("SET default_transaction_read_only = on");

            FailureAssertions.assertTransient(() -> backend.save("alice", "session", "bob", new byte[] {1}))
                    .withMessageContaining("could not write to context \"alice\": cannot execute")
                    .withMessageContaining("default_transaction_read_only is on; connect to the primary");
            assertThat(backend.load("alice", "session", "bob")).isEmpty();

            backend.save("alice", "session", "bob", new byte[] {2});
            assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {2});
            assertThat(backend.writer().handle()).isNotSameAs(readOnly);
        }
    }

    @Test
    @DisplayName(
            "R40 R41 while new sessions are read-only, commits fail with nothing written and opening is refused; then"
                    + " service resumes by itself")
    void readOnlyRole() {
        JdbcBackend backend = PostgresFixture.open(url);
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(backend)
                .retry(3, Duration.ofMillis(5))
                .open()) {
            SignalKeyStore alice = database.forContext("alice");
            SignalKeyStore bob = database.forContext("bob");
            alice.put(KeyTypes.SESSION, "a", new byte[] {1});
            PostgresFixture.execute("ALTER ROLE " + role + " SET default_transaction_read_only = on");
            writer(backend).execute("SET default_transaction_read_only = on");

            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> bob.put(KeyTypes.SESSION, "b", new byte[] {2}))
                        .isInstanceOf(CommitFailedException.class)
                        .hasMessageContaining("nothing was written");
            }
            assertThat(alice.find(KeyTypes.SESSION, "a")).hasValue(new byte[] {1});
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> PostgresFixture.open(url))
                    .withMessageContaining("could not open: the server is read-only")
                    .withMessageContaining("targetServerType=primary");

            PostgresFixture.execute("ALTER ROLE " + role + " RESET default_transaction_read_only");
            assertThat(bob.find(KeyTypes.SESSION, "b")).isEmpty();
            alice.put(KeyTypes.SESSION, "a", new byte[] {3});
            bob.put(KeyTypes.SESSION, "b", new byte[] {4});
            assertThat(bob.find(KeyTypes.SESSION, "b")).hasValue(new byte[] {4});
        }
    }

    @ParameterizedTest
    @CsvSource({"on, on", "local, local", "remote_write, remote_write", "remote_apply, remote_apply", "off, on"})
    @DisplayName("R11 the session sets synchronous_commit to the value of its role, but to on if that is off")
    void synchronousCommit(String ofRole, String ofSession) {
        PostgresFixture.execute("ALTER ROLE " + role + " SET synchronous_commit = " + ofRole);
        try (JdbcBackend backend = PostgresFixture.open(url)) {
            assertThat(setting(backend)).isEqualTo(ofSession);
            PostgresFixture.terminate(writer(backend));
            FailureAssertions.assertTransient(() -> backend.save("alice", "session", "bob", new byte[] {1}));
            backend.save("alice", "session", "bob", new byte[] {1});
            assertThat(setting(backend)).isEqualTo(ofSession);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"repeatable read", "serializable"})
    @DisplayName("R53 a commit that waited for a takeover is refused for good, whatever isolation level the role has")
    void isolation(String level) throws Exception {
        PostgresFixture.execute("ALTER ROLE " + role + " SET default_transaction_isolation = '" + level + "'");
        try (JdbcBackend backend = PostgresFixture.open(url);
                Connection other = PostgresFixture.connect(schema);
                Statement takeover = other.createStatement()) {
            long epoch = backend.takeOver("alice");
            other.setAutoCommit(false);
            takeover.execute("UPDATE owner SET epoch = epoch + 1");
            CompletableFuture<Void> commit = CompletableFuture.runAsync(
                    () -> backend.commit(List.of(
                            new Batch("alice", epoch, 1, List.of(new Mutation.Put("session", "bob", new byte[] {1}))))),
                    task -> new Thread(task, "commit").start());
            PostgresFixture.awaitLockWait(schema);
            other.commit();

            assertThat(commit)
                    .failsWithin(Duration.ofSeconds(60))
                    .withThrowableOfType(ExecutionException.class)
                    .withCauseInstanceOf(OwnershipLostException.class);
            assertThat(backend.load("alice", "session", "bob")).isEmpty();
        }
    }

    @Test
    @DisplayName(
            "R40 a commit reopens its connection even where the server admits no second one to compare sessions with"
                    + " (SQLSTATE 53300), and opening a store there is refused")
    void oneConnectionLeft() throws Exception {
        PostgresFixture.execute("ALTER ROLE " + role + " NOSUPERUSER CONNECTION LIMIT 3");
        PostgresFixture.execute("GRANT ALL ON SCHEMA " + schema + " TO " + role);
        try (JdbcBackend backend = PostgresFixture.open(url);
                Connection second = DriverManager.getConnection(url.replace("ApplicationName=", "ApplicationName=x"));
                Connection third = DriverManager.getConnection(url.replace("ApplicationName=", "ApplicationName=x"))) {
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> PostgresFixture.open(url))
                    .withMessageContaining("could not open: too many connections for role \"" + role + "\"")
                    .withMessageContaining("lower the property connections");
            Handle broken = writer(backend);
            PostgresFixture.terminate(broken);
            FailureAssertions.assertTransient(() -> backend.save("alice", "session", "bob", new byte[] {1}));

            backend.save("alice", "session", "bob", new byte[] {2});

            assertThat(writer(backend)).isNotSameAs(broken);
            assertThat(second.isValid(5) && third.isValid(5)).isTrue();
        }
        PostgresFixture.awaitNoConnection(schema);
    }

    /** Returns the setting and its source: a session's own setting overrides one that a reload changes. */
    private static String setting(JdbcBackend backend) {
        return writer(backend)
                .createQuery("SELECT setting FROM pg_settings WHERE name = 'synchronous_commit' AND source = 'session'")
                .mapTo(String.class)
                .one();
    }

    @Test
    @DisplayName(
            "R27 R41 a transaction that the server ends, since it waited too long for its next statement, is reported"
                    + " as not written, and the next one succeeds")
    void idleInTransaction() {
        try (JdbcBackend backend = PostgresFixture.open(url)) {
            Handle idle = writer(backend);
            int pid =
                    idle.createQuery("SELECT pg_backend_pid()").mapTo(int.class).one();
            idle.execute("SET idle_in_transaction_session_timeout = '20ms'");

            FailureAssertions.assertTransient(() -> backend.writer().inTransaction("commit", open -> {
                open.execute("INSERT INTO entry VALUES ('alice', 'session', 'lost', NULL, '')");
                PostgresFixture.await(
                        "the end of the session",
                        "SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = " + pid + ")");
                return open.execute("INSERT INTO entry VALUES ('alice', 'session', 'lost as well', NULL, '')");
            }));

            backend.save("alice", "session", "bob", new byte[] {1});
            assertThat(backend.list("alice").map(entry -> entry.id())).containsExactly("bob");
            assertThat(backend.writer().handle()).isNotSameAs(idle);
        }
    }

    private static Handle writer(JdbcBackend backend) {
        return Objects.requireNonNull(backend.writer().handle());
    }
}
