package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.postgresql.PGConnection;

/** Other sessions that lock the tables of a store: an operator's, a dump, a VACUUM. */
@Timeout(120)
final class PostgresLockTest {

    private final String schema = PostgresFixture.newSchema();
    private SignalKeyDatabase database;
    private SignalKeyStore alice;
    private SignalKeyStore bob;

    /** Opens a store whose commits wait for a lock for {@code lockTimeout}, or as usual if that is empty. */
    private void open(String lockTimeout, int attempts) {
        JdbcBackend backend = PostgresFixture.open(PostgresFixture.url(schema));
        if (!lockTimeout.isEmpty()) {
            Objects.requireNonNull(backend.writer().handle()).execute("SET lock_timeout = '" + lockTimeout + "'");
        }
        database = SignalKeyDatabase.builder()
                .backend(backend)
                .retry(attempts, Duration.ofMillis(10))
                .open();
        alice = database.forContext("alice");
        bob = database.forContext("bob");
        put(alice, "cached", 1);
    }

    @AfterEach
    void close() {
        database.close();
    }

    private static void put(SignalKeyStore store, String id, int value) {
        store.put(KeyTypes.SESSION, id, new byte[] {(byte) value});
    }

    private static CompletableFuture<Void> putting(SignalKeyStore store, String id, int value) {
        return CompletableFuture.runAsync(() -> put(store, id, value), task -> new Thread(task, "put").start());
    }

    /** Another session's transaction, which holds a lock. */
    private final class Locking implements AutoCloseable {

        private final Connection connection;

        Locking(String sql) throws SQLException {
            connection = PostgresFixture.connect(schema);
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute(sql);
            }
        }

        @Override
        public void close() throws SQLException {
            connection.close();
        }
    }

    @Test
    @DisplayName(
            "R27 R40 while another session locks the owner row of one context, the commits of others are written, and"
                    + " its own once the row is free")
    void ownerRow() throws Exception {
        open("200ms", 100);
        assertOthersGoOn();
    }

    @Test
    @Tag("long")
    @DisplayName(
            "R27 R40 while another session locks the owner row of one context, with default timeouts, the commits of"
                    + " others are written after its first time-outs")
    void ownerRow_asConfigured() throws Exception {
        open("", 20);
        assertOthersGoOn();
    }

    private void assertOthersGoOn() throws Exception {
        List<SignalKeyStore> others = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            others.add(database.forContext("other-" + i));
        }
        List<CompletableFuture<Void>> held = new ArrayList<>();
        Locking lock = new Locking("SELECT FROM owner WHERE context = 'alice' FOR UPDATE");
        try (lock) {
            held.add(putting(alice, "a", 1));
            PostgresFixture.awaitLockWait(schema);
            held.add(putting(alice, "b", 1));
            long startNanos = System.nanoTime();
            List<CompletableFuture<Void>> free =
                    others.stream().map(store -> putting(store, "c", 1)).toList();
            for (CompletableFuture<Void> one : free) {
                one.get(20, TimeUnit.SECONDS);
            }
            assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startNanos))
                    .isLessThan(15);
            put(bob, "d", 1);
            assertThat(held).noneMatch(CompletableFuture::isDone);
        }
        for (CompletableFuture<Void> one : held) {
            one.get(60, TimeUnit.SECONDS);
        }
        assertThat(persisted("alice")).containsExactlyInAnyOrder("a", "b", "cached");
    }

    @Test
    @DisplayName("R27 R40 when a forgotten transaction locks the owner row until the server ends it, the commit is"
            + " written")
    void ownerRow_forgotten() throws Exception {
        open("", 5);
        Locking lock = new Locking("SET idle_in_transaction_session_timeout = '300ms';"
                + " SELECT FROM owner WHERE context = 'alice' FOR UPDATE");
        try (lock) {
            put(alice, "a", 1);
        }
        assertThat(persisted("alice")).containsExactlyInAnyOrder("a", "cached");
    }

    @Test
    @DisplayName("R27 R41 during LOCK TABLE, cached entries are read, and a commit fails with nothing written when its"
            + " attempts are used up, a read waits for the lock, and service resumes by itself")
    void lockTable() throws Exception {
        open("100ms", 3);
        CompletableFuture<Boolean> read;
        Locking lock = new Locking("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE");
        try (lock) {
            assertThatThrownBy(() -> put(alice, "a", 1))
                    .isInstanceOf(CommitFailedException.class)
                    .hasMessageContaining("nothing was written")
                    .hasMessageContaining("could not commit: canceling statement due to lock timeout");
            assertThat(alice.find(KeyTypes.SESSION, "cached")).hasValue(new byte[] {1});
            read = CompletableFuture.supplyAsync(
                    () -> alice.find(KeyTypes.SESSION, "b").isPresent());
            PostgresFixture.awaitLockWait(schema);
        }
        assertThat(read.get(60, TimeUnit.SECONDS)).isFalse();
        put(alice, "b", 1);
        assertThat(persisted("alice")).containsExactlyInAnyOrder("b", "cached");
    }

    private List<String> persisted(String context) {
        try (JdbcBackend backend = PostgresFixture.open(PostgresFixture.url(schema))) {
            return backend.list(context).map(entry -> entry.id()).toList();
        }
    }

    @Test
    @DisplayName("R11 R40 during VACUUM FULL and a dump no commit fails, and each acknowledged one exists once")
    void maintenance_sample() throws Exception {
        maintenance(3);
    }

    @Test
    @Tag("long")
    @Timeout(600)
    @DisplayName("R11 R40 during VACUUM FULL and a dump no commit fails, 100 times")
    void maintenance_hundred() throws Exception {
        maintenance(100);
    }

    private void maintenance(int rounds) throws Exception {
        open("", 5);
        try (CommitLoad load = new CommitLoad(database)) {
            for (int i = 0; i < rounds; i++) {
                load.awaitAcknowledged(50);
                PostgresFixture.execute("VACUUM FULL " + schema + ".entry", "VACUUM FULL " + schema + ".owner");
                load.awaitAcknowledged(50);
                dump();
            }
            load.stop();
            load.check(() -> PostgresFixture.open(PostgresFixture.url(schema)));
            assertThat(load.failed()).isZero();
        }
    }

    /** Reads like pg_dump: under the same locks, in one snapshot. */
    private void dump() throws Exception {
        Path pgDump = Path.of("/usr/lib/postgresql", PostgresFixture.majorVersion(), "bin/pg_dump");
        if (Files.isExecutable(pgDump)) {
            Process process = new ProcessBuilder(
                            pgDump.toString(),
                            "-h",
                            "localhost",
                            "-p",
                            Integer.toString(PostgresFixture.port()),
                            "-U",
                            "postgres",
                            "-n",
                            schema,
                            "postgres")
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            assertThat(process.waitFor()).isZero();
        }
        try (Connection connection = PostgresFixture.connect(schema);
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
            statement.execute("LOCK TABLE entry, owner, keystore_format IN ACCESS SHARE MODE");
            for (String table : List.of("entry", "owner", "keystore_format")) {
                connection
                        .unwrap(PGConnection.class)
                        .getCopyAPI()
                        .copyOut("COPY " + table + " TO STDOUT", OutputStream.nullOutputStream());
            }
        }
    }
}
