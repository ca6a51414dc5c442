package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.testkit.FailureAssertions;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SqliteFailureTest {

    @TempDir
    Path folder;

    private Path path;

    @BeforeEach
    void path() {
        path = folder.resolve("keys.db");
    }

    @Test
    @DisplayName("R40 a lock held by another connection is a transient failure, and a later commit succeeds")
    void busy() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path);
                Connection other = DriverManager.getConnection("jdbc:sqlite:" + path);
                Statement statement = other.createStatement()) {
            statement.execute("BEGIN IMMEDIATE");

            FailureAssertions.assertTransient(() -> backend.save("alice", "session", "bob", new byte[] {1}))
                    .withMessageContaining("SQLITE_BUSY")
                    .withMessageContaining(path.toString());
            assertThat(backend.load("alice", "session", "bob")).isEmpty();

            statement.execute("ROLLBACK");
            backend.save("alice", "session", "bob", new byte[] {2});
            assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {2});
        }
    }

    @Test
    @DisplayName("R12 of a group that SQLite refuses halfway nothing is written, and the next group is")
    void refusedGroup() {
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            backend.save("alice", "session", "kept", new byte[] {1});
            SqliteFixture.execute(path, """
                    CREATE TRIGGER refuse BEFORE INSERT ON entry WHEN NEW.id = 'refused'
                    BEGIN SELECT RAISE(ABORT, 'refused'); END
                    """);
            Put put = new Put("session", "first", new byte[] {2});
            List<Batch> group = List.of(
                    new Batch("alice", 0, 1, List.of(put, new Delete("session", "kept"))),
                    new Batch("alice", 0, 2, List.of(new Clear(Set.of()), put)),
                    new Batch("bob", 0, 1, List.of(new Put("session", "refused", new byte[] {2}))),
                    new Batch("carol", 0, 1, List.of(put)));

            FailureAssertions.assertPermanent(() -> backend.commit(group)).withMessageContaining("refused");

            assertThat(backend.list("alice").map(EntryId::id)).containsExactly("kept");
            assertThat(backend.list("bob")).isEmpty();
            assertThat(backend.list("carol")).isEmpty();
            backend.commit(group.subList(0, 2));
            assertThat(backend.list("alice").map(EntryId::id)).containsExactly("first");
        }
    }

    @Test
    @DisplayName("R12 R41 a full disk refuses a commit as a whole and loses nothing, and commits succeed once there is"
            + " space")
    void fullDisk() {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=2m")) {
            int acknowledged = 0;
            try (JdbcBackend backend = SqliteFixture.open(path)) {
                BackendException failure = null;
                while (failure == null) {
                    Batch batch = pair(acknowledged, 100_000);
                    failure = catchThrowableOfType(BackendException.class, () -> backend.commit(batch));
                    acknowledged += failure == null ? 1 : 0;
                }

                assertThat(failure.kind()).isEqualTo(Kind.PERMANENT);
                assertThat(failure).hasMessageContaining("SQLITE_FULL").hasMessageContaining("free some space");
                assertThat(backend.list("alice")).hasSize(2 * acknowledged);
                FailureAssertions.assertPermanent(() -> backend.commit(pair(1_000, 1_000_000)));

                tmpfs.remount("size=16m");
                backend.commit(pair(acknowledged++, 100_000));
                assertThat(backend.list("alice")).hasSize(2 * acknowledged);
            }
            try (JdbcBackend backend = SqliteFixture.open(path)) {
                assertThat(backend.list("alice")).hasSize(2 * acknowledged);
            }
        }
    }

    @Test
    @DisplayName("R12 R41 after an I/O error in COMMIT nothing was written, and the log is emptied")
    void ioErrorInCommit() throws Exception {
        Path log = folder.resolve("keys.db-wal");
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            for (int i = 1; i <= 50; i++) {
                backend.save("alice", "session", "kept", new byte[i]);
            }
            assertThat(Files.size(log)).isGreaterThan(10 * Files.size(path));
            assertThat(backend.load("alice", "session", "kept")).contains(new byte[50]);

            failCommit(backend, Kind.PERMANENT);

            assertThat(log).isEmptyFile();
            assertThat(backend.list("alice").map(EntryId::id)).containsExactly("kept");
            backend.save("alice", "session", "next", new byte[20_000]);
        }
        assertReopened("kept", "next");
    }

    @Test
    @DisplayName("R41 after an I/O error in COMMIT the outcome is unknown if the log can't be emptied either")
    void ioErrorInCommitAndAfter() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            backend.save("alice", "session", "kept", new byte[100]);
            assertThat(Files.size(folder.resolve("keys.db-wal"))).isLessThan(Files.size(path) - 1_000);

            failCommit(backend, Kind.OUTCOME_UNKNOWN);

            assertThat(backend.list("alice").map(EntryId::id)).containsExactly("kept");
            backend.save("alice", "session", "next", new byte[20_000]);
        }
        assertReopened("kept", "next");
    }

    private void failCommit(JdbcBackend backend, Kind kind) throws Exception {
        long size = Files.size(folder.resolve("keys.db-wal"));
        assumeTrue(limitFileSize(String.valueOf(size + 1_000)), "prlimit can't be used here");
        try {
            FailureAssertions.assertKind(kind, () -> backend.save("alice", "session", "lost", new byte[20_000]))
                    .withMessageContaining("IOERR");
        } finally {
            limitFileSize("unlimited");
        }
    }

    private void assertReopened(String... ids) {
        try (JdbcBackend reopened = SqliteFixture.open(path)) {
            assertThat(reopened.list("alice").map(EntryId::id)).containsExactlyInAnyOrder(ids);
        }
    }

    @Test
    @DisplayName("a broken writer connection is replaced: the commit fails as transient, and the next one succeeds")
    void brokenWriter() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            Handle broken = backend.writer().handle();
            broken.getConnection().close();

            FailureAssertions.assertTransient(() -> backend.save("alice", "session", "bob", new byte[] {1}));
            assertThat(backend.load("alice", "session", "bob")).isEmpty();

            backend.save("alice", "session", "bob", new byte[] {2});
            assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {2});
            assertThat(backend.writer().handle()).isNotSameAs(broken);
            assertThat(backend.writer()
                            .handle()
                            .createQuery("PRAGMA synchronous")
                            .mapTo(int.class)
                            .one())
                    .isEqualTo(2);
        }
    }

    @Test
    @DisplayName("a writer connection that is replaced creates no new store if the file is gone or is another one")
    void fileGone() throws Exception {
        JdbcBackend backend = SqliteFixture.open(path);
        backend.writer().handle().getConnection().close();
        Files.delete(path);
        FailureAssertions.assertTransient(() -> backend.save("alice", "session", "bob", new byte[] {1}));

        FailureAssertions.assertPermanent(() -> backend.save("alice", "session", "bob", new byte[] {1}))
                .withMessageContaining(path + ": could not open: the path no longer leads to the file");
        assertThat(path).doesNotExist();

        Files.createFile(path);
        FailureAssertions.assertPermanent(() -> backend.save("alice", "session", "bob", new byte[] {1}))
                .withMessageContaining("no longer leads to the file");
        FailureAssertions.assertPermanent(backend::close).withMessageContaining("and they are lost");
        assertThat(path).isEmptyFile();
    }

    @Test
    @DisplayName("R3 a damaged file is a failure, never an absent entry")
    void corrupt() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            for (int i = 0; i < 200; i++) {
                backend.commit(pair(i, 500));
            }
        }
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
            byte[] garbage = new byte[4096];
            Arrays.fill(garbage, (byte) 0x5A);
            for (long page = 1; page < file.size() / 4096; page++) {
                file.write(ByteBuffer.wrap(garbage), page * 4096);
            }
        }
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            FailureAssertions.assertPermanent(() -> backend.load("alice", "session", "left.1"))
                    .withMessageContaining("could not load session/left.1")
                    .withMessageContaining("damaged");
            FailureAssertions.assertPermanent(() -> backend.loadAll("alice", "session", List.of("left.1")));
            FailureAssertions.assertPermanent(() -> backend.list("alice").toList());
            FailureAssertions.assertPermanent(() -> backend.scan("alice", "session", "left"));
            FailureAssertions.assertPermanent(() -> backend.save("alice", "session", "left.1", new byte[1]));
        }
    }

    @Test
    @DisplayName("R60 a failure while a stream is read is reported as the backend's, and so is a store that closes"
            + " meanwhile")
    void failureWhileStreaming() {
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            for (int i = 0; i < 300; i++) {
                backend.commit(pair(i, 1));
            }
            var entries = backend.list("alice").iterator();
            entries.next();
            SqliteFixture.execute(path, "DROP TABLE entry");

            FailureAssertions.assertPermanent(() -> entries.forEachRemaining(entry -> {}))
                    .withMessageContaining("could not list the entries of context \"alice\"");
        }
    }

    @Test
    @DisplayName("R45 no failure, nor any of its causes, shows a byte of a value")
    void noValueBytes() {
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            SqliteFixture.execute(path, """
                    CREATE TRIGGER refuse BEFORE INSERT ON entry WHEN NEW.id = 'refused'
                    BEGIN SELECT RAISE(ABORT, 'refused'); END
                    """);
            byte[] value = "secret-42".getBytes(StandardCharsets.US_ASCII);

            BackendException failure = catchThrowableOfType(
                    BackendException.class, () -> backend.save("alice", "session", "refused", value));

            // Jdbi's exceptions may show bound values, so none is among the causes.
            assertThat(failure).hasCauseInstanceOf(SQLException.class).hasMessageContaining("refused");
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace));
            assertThat(trace.toString())
                    .contains("refused")
                    .doesNotContain("secret")
                    .doesNotContain("115, 101, 99")
                    .doesNotContainIgnoringCase("736563726574");
        }
    }

    private static Batch pair(int number, int size) {
        return new Batch(
                "alice",
                0,
                1,
                List.of(
                        new Put("session", "left." + number, new byte[size]),
                        new Put("session", "right." + number, new byte[size])));
    }

    /** Limits the size of files that this process writes: the system fails larger writes with EFBIG. */
    private static boolean limitFileSize(String bytes) {
        String pid = String.valueOf(ProcessHandle.current().pid());
        try {
            Process process = new ProcessBuilder("prlimit", "--pid", pid, "--fsize=" + bytes + ":")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.onExit().join().exitValue() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
