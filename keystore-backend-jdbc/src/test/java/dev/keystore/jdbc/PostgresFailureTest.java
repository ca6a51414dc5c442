package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.testkit.FailureAssertions;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.jdbi.v3.core.Handle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

final class PostgresFailureTest {

    private String schema;
    private JdbcBackend backend;

    @BeforeEach
    void open() {
        schema = PostgresFixture.newSchema();
        backend = PostgresFixture.open(PostgresFixture.url(schema));
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    @DisplayName("R12 R45 of a group that the server refuses nothing is written, and no message shows a value")
    void refusedGroup() {
        byte[] secret = "a secret".getBytes(StandardCharsets.UTF_8);
        backend.save("alice", "session", "kept", secret);
        PostgresFixture.execute("ALTER TABLE " + schema + ".entry ADD CHECK (id <> 'refused')");
        List<Batch> group = List.of(
                new Batch("alice", 0, 1, List.of(new Put("session", "first", secret), new Delete("session", "kept"))),
                new Batch("bob", 0, 1, List.of(new Put("session", "refused", secret))));

        FailureAssertions.assertPermanent(() -> backend.commit(group)).satisfies(failure -> {
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
                assertThat(cause.toString())
                        .doesNotContain("a secret")
                        .doesNotContain(HexFormat.of().formatHex(secret));
            }
        });

        assertThat(backend.list("alice")).hasSize(1);
        assertThat(backend.list("bob")).isEmpty();
        backend.commit(group.subList(0, 1));
        assertThat(backend.load("alice", "session", "first")).contains(secret);
    }

    @Test
    @DisplayName("a broken writer connection is replaced: the commit fails as transient, and the next one succeeds")
    void brokenWriter() {
        Handle broken = Objects.requireNonNull(backend.writer().handle());
        PostgresFixture.terminate(broken);

        FailureAssertions.assertTransient(() -> backend.save("alice", "session", "bob", new byte[] {1}));
        assertThat(backend.load("alice", "session", "bob")).isEmpty();

        backend.save("alice", "session", "bob", new byte[] {2});
        assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {2});
        assertThat(backend.writer().handle()).isNotSameAs(broken);
    }

    @Test
    @DisplayName("R11 commits are durable before they are acknowledged even if the role is configured otherwise")
    void hastyRole() {
        String role = "hasty_" + schema;
        PostgresFixture.execute(
                "CREATE ROLE " + role + " LOGIN SUPERUSER",
                "ALTER ROLE " + role + " SET synchronous_commit = off",
                "ALTER ROLE " + role + " SET statement_timeout = '1h'");
        try (JdbcBackend hasty =
                PostgresFixture.open(PostgresFixture.url(schema).replace("user=postgres", "user=" + role))) {
            assertThat(setting(hasty, "synchronous_commit")).isEqualTo("on");
            assertThat(setting(hasty, "statement_timeout")).isEqualTo("0");
        }
        assertThat(setting(backend, "synchronous_commit")).isEqualTo("on");
    }

    @Test
    @DisplayName("R21 reads use READ COMMITTED even if the role's default is SERIALIZABLE, at which they could fail")
    void serializableRole() {
        String role = "serializable_" + schema;
        PostgresFixture.execute(
                "CREATE ROLE " + role + " LOGIN SUPERUSER",
                "ALTER ROLE " + role + " SET default_transaction_isolation = serializable");
        try (JdbcBackend serializable =
                PostgresFixture.open(PostgresFixture.url(schema).replace("user=postgres", "user=" + role))) {
            String isolation = serializable.queries().read("show the isolation level", PostgresFailureTest::isolation);
            assertThat(isolation).isEqualTo("read committed");
        }
    }

    private static String isolation(Handle handle) {
        return handle.createQuery("SHOW transaction_isolation")
                .mapTo(String.class)
                .one();
    }

    private static String setting(JdbcBackend backend, String name) {
        return Objects.requireNonNull(backend.writer().handle())
                .createQuery("SHOW " + name)
                .mapTo(String.class)
                .one();
    }
}
