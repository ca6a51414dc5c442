package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.testkit.FailureAssertions;
import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.SqlLogger;
import org.jdbi.v3.core.statement.SqlStatements;
import org.jdbi.v3.core.statement.StatementContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The log of a store is checkpointed while the store is idle, and when the process exits. */
final class SqliteCheckpointerTest {

    private final SqliteCheckpointer checkpointer = SqliteFixture.checkpointer();

    @TempDir
    Path folder;

    private Path path;
    private Path log;

    @BeforeEach
    void paths() {
        path = folder.resolve("keys.db");
        log = folder.resolve("keys.db-wal");
    }

    @Test
    @DisplayName("R11 after two looks without a commit between them, a copy of the file alone has everything")
    void idle() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path, checkpointer)) {
            save(backend, "first");
            checkpointer.visitStores();
            save(backend, "second");
            checkpointer.visitStores();
            assertThat(log).as("the log of a store that is not idle").isNotEmptyFile();

            checkpointer.visitStores();

            assertThat(log).isEmptyFile();
            assertThat(idsInCopy()).containsExactly("first", "second");
            save(backend, "third");
            assertThat(log).isNotEmptyFile();
            assertThat(backend.list("alice")).hasSize(3);
        }
    }

    @Test
    @DisplayName(
            "R11 the log that a crash left is in the file once a store has opened it, and is emptied without a commit")
    void afterCrash() throws Exception {
        Path crashed = folder.resolve("crashed.db");
        try (JdbcBackend backend = SqliteFixture.open(crashed)) {
            save(backend, "kept");
            Files.copy(crashed, path);
            Files.copy(folder.resolve("crashed.db-wal"), log);
        }
        try (JdbcBackend backend = SqliteFixture.open(path, checkpointer)) {
            assertThat(idsInCopy())
                    .as("what was read from a log that may not be on the disk")
                    .containsExactly("kept");
            checkpointer.visitStores();
            checkpointer.visitStores();

            assertThat(backend.list("alice")).hasSize(1);
            assertThat(log).isEmptyFile();
            assertThat(idsInCopy()).containsExactly("kept");
        }
    }

    @Test
    @DisplayName("the log of an idle store is checkpointed once, and not again until the next commit")
    void once() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path, checkpointer);
                Connection other = DriverManager.getConnection("jdbc:sqlite:" + path);
                Statement statement = other.createStatement()) {
            save(backend, "first");
            checkpointer.visitStores();
            checkpointer.visitStores();
            assertThat(log).isEmptyFile();

            statement.execute("CREATE TABLE another (x)");
            checkpointer.visitStores();
            checkpointer.visitStores();

            assertThat(log).as("what another process committed, which moves it").isNotEmptyFile();
        }
    }

    @Test
    @DisplayName(
            "a visit during another connection's write transaction does not wait, and the next visit empties the log")
    void duringAWrite() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path, checkpointer);
                Connection other = DriverManager.getConnection("jdbc:sqlite:" + path);
                Statement statement = other.createStatement()) {
            save(backend, "first");
            statement.execute("BEGIN IMMEDIATE");
            checkpointer.visitStores();
            checkpointer.visitStores();
            assertThat(log).isNotEmptyFile();
            assertThat(idsInCopy())
                    .as("copied into the file, though the log stays")
                    .containsExactly("first");

            statement.execute("ROLLBACK");
            checkpointer.visitStores();
            assertThat(log).isEmptyFile();
        }
    }

    @Test
    @DisplayName("a visit during a read leaves the reader's snapshot, and a visit after it empties the log")
    void duringARead() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path, checkpointer);
                Connection reader = DriverManager.getConnection("jdbc:sqlite:" + path);
                Statement statement = reader.createStatement()) {
            save(backend, "first");
            statement.execute("BEGIN");
            assertThat(count(statement)).isEqualTo(1);
            save(backend, "second");

            checkpointer.visitStores();
            checkpointer.visitStores();

            assertThat(count(statement)).as("in the snapshot").isEqualTo(1);
            assertThat(log).isNotEmptyFile();
            statement.execute("COMMIT");
            checkpointer.visitStores();
            assertThat(log).isEmptyFile();
            assertThat(idsInCopy()).containsExactly("first", "second");
        }
    }

    private static int count(Statement statement) throws Exception {
        try (ResultSet rows = statement.executeQuery("SELECT count(*) FROM entry")) {
            return rows.getInt(1);
        }
    }

    @Test
    @DisplayName("a visit to a store whose file is gone, or at a closed store, changes nothing")
    void nothingToMove() throws Exception {
        JdbcBackend backend = SqliteFixture.open(path, checkpointer);
        save(backend, "first");
        Path aside = Files.move(path, folder.resolve("aside.db"));
        checkpointer.visitStores();
        checkpointer.visitStores();
        assertThat(log).isNotEmptyFile();
        Files.move(aside, path);

        FailureAssertions.assertPermanent(() -> save(backend, "second"));
        backend.close();
        checkpointer.visitStores();
        checkpointer.visitStores();
        assertThat(SqliteFixture.contents(folder)).containsOnlyKeys("keys.db");
    }

    @Test
    @DisplayName("the thread and the hook exist while a store is open, and the thread checkpoints its log")
    @Timeout(60)
    void running() throws Exception {
        SqliteCheckpointer own = new SqliteCheckpointer(Duration.ofMillis(1), System::nanoTime);
        assertThat(own.isRunning()).isFalse();
        JdbcBackend backend = SqliteFixture.open(path, own);
        JdbcBackend second = SqliteFixture.open(folder.resolve("second.db"), own);
        assertThat(own.isRunning()).isTrue();
        save(backend, "first");
        while (Files.size(log) > 0) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        second.close();
        assertThat(own.isRunning()).isTrue();
        backend.close();
        assertThat(own.isRunning()).isFalse();
    }

    @Test
    @DisplayName("a failed opening leaves no thread, no hook and no connection")
    void failedOpening() throws Exception {
        SqliteCheckpointer own = new SqliteCheckpointer(Duration.ofDays(1), System::nanoTime);
        SqliteFixture.open(path).close();
        SqliteFixture.execute(path, "PRAGMA user_version = 7");

        assertThatExceptionOfType(UnsupportedFormatException.class).isThrownBy(() -> SqliteFixture.open(path, own));

        assertThat(own.isRunning()).isFalse();
        assertThat(SqliteFixture.contents(folder)).containsOnlyKeys("keys.db");
    }

    @Test
    @DisplayName(
            "R27 opening and closing a store wait for another one no longer than the timeout, then fail transiently")
    @Timeout(value = 60, threadMode = ThreadMode.SEPARATE_THREAD)
    void lockHeld() throws Exception {
        SqliteCheckpointer brief = new SqliteCheckpointer(null, System::nanoTime, Duration.ofMillis(20));
        JdbcBackend backend = SqliteFixture.open(path, brief);
        String why = "the opening or closing of another store has not ended within 20 ms";
        brief.whileLocked(() -> {
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> SqliteFixture.open(folder.resolve("other.db"), brief))
                    .withMessageContaining("could not open " + folder.resolve("other.db") + ": " + why);
            FailureAssertions.assertTransient(backend::close)
                    .withMessageContaining("could not close " + path + ": " + why);
            return true;
        });
        assertThat(SqliteFixture.contents(folder)).containsOnlyKeys("keys.db");
        SqliteFixture.open(folder.resolve("other.db"), brief).close();
    }

    @Test
    @DisplayName("R27 closing a log waits for a checkpoint no longer than the timeout, then fails transiently")
    @Timeout(value = 60, threadMode = ThreadMode.SEPARATE_THREAD)
    void checkpointHangs() throws Exception {
        CountDownLatch checkpoints = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            save(backend, "first");
            Handle connection = Jdbi.create("jdbc:sqlite:" + path).open();
            connection.getConfig(SqlStatements.class).setSqlLogger(new SqlLogger() {
                @Override
                public void logBeforeExecution(StatementContext context) {
                    checkpoints.countDown();
                    awaitLatch(end);
                }
            });
            SqliteOpenFiles files = new SqliteOpenFiles(path, SqliteOpenFiles.key(path));
            SqliteWal wal = new SqliteWal(files, connection, System::nanoTime, Duration.ofMillis(20));
            FutureTask<Boolean> checkpoint = new FutureTask<>(() -> {
                wal.checkpointIfIdle();
                wal.checkpointIfIdle();
                return true;
            });
            new Thread(checkpoint).start();
            checkpoints.await();
            FailureAssertions.assertTransient(wal::close)
                    .withMessage(path + ": could not close the log: a checkpoint"
                            + " by another thread has not ended within 20 ms");
            end.countDown();
            assertThat(checkpoint.get()).isTrue();
            wal.close();
            assertThat(connection.isClosed()).isTrue();
        }
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @DisplayName("R11 once the exit has begun, each commit is in the file itself when it is acknowledged")
    void exiting() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path, checkpointer)) {
            save(backend, "first");
            checkpointer.exit();
            assertThat(idsInCopy()).containsExactly("first");

            save(backend, "second");
            assertThat(idsInCopy()).containsExactly("first", "second");
        }
    }

    @Test
    @DisplayName("R31 an exit ends during an open transaction, and while a thread closes the store")
    @Timeout(60)
    void exitingWhileOthersAreBusy() throws Exception {
        JdbcBackend backend = SqliteFixture.open(path, checkpointer);
        save(backend, "first");
        Handle writer = backend.writer().handle();
        writer.execute("BEGIN IMMEDIATE");
        checkpointer.exit();
        writer.execute("ROLLBACK");
        assertThat(idsInCopy()).containsExactly("first");

        Thread closing = new Thread(backend::close);
        closing.start();
        checkpointer.exit();
        closing.join();
        assertThat(SqliteFixture.contents(folder)).containsOnlyKeys("keys.db");
    }

    /** What a process does when it is asked to terminate. */
    enum End {
        /** Nothing: its threads continue to commit. */
        NOTHING,
        /** A shutdown hook of the application closes the store. */
        CLOSE
    }

    @ParameterizedTest
    @EnumSource(End.class)
    @DisplayName("R11 after SIGTERM the file alone has everything that was acknowledged to four threads until the end")
    @Timeout(120)
    void terminated(End end) throws Exception {
        assumeTrue(!System.getProperty("os.name").startsWith("Windows"), "there is no SIGTERM here");
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Committing.class.getName(),
                        path.toString(),
                        end.name())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<String> acknowledged = new ArrayList<>();
        try (BufferedReader lines = child.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.endsWith(";")) {
                    acknowledged.add(line.substring(0, line.length() - 1));
                }
                if (acknowledged.size() == 40) {
                    child.toHandle().destroy();
                }
            }
        } finally {
            child.destroyForcibly().waitFor();
        }

        assertThat(acknowledged).hasSizeGreaterThanOrEqualTo(40);
        assertThat(idsInCopy()).containsAll(acknowledged);
    }

    /** Commits from four threads, and prints the acknowledged ids, until it is terminated. */
    static final class Committing {

        public static void main(String[] arguments) {
            SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + arguments[0]);
            if (End.valueOf(arguments[1]) == End.CLOSE) {
                Runtime.getRuntime().addShutdownHook(new Thread(database::close));
            }
            SignalKeyStore alice = database.forContext("alice");
            for (int n = 0; n < 4; n++) {
                String name = "thread-" + n + ".";
                new Thread(() -> {
                            try {
                                for (int i = 0; true; i++) {
                                    alice.put(KeyTypes.SESSION, name + i, new byte[500]);
                                    System.out.println(name + i + ";");
                                }
                            } catch (RuntimeException e) {
                                System.out.println("closed");
                            }
                        })
                        .start();
            }
        }
    }

    /** Returns the ids in a copy of the file without its log. */
    private List<String> idsInCopy() throws Exception {
        Path copies = Files.createTempDirectory(folder, "copy");
        Path copy = Files.copy(path, copies.resolve("keys.db"));
        try (JdbcBackend backend = SqliteFixture.open(copy)) {
            return backend.list("alice").map(EntryId::id).toList();
        } finally {
            Files.delete(copy);
            Files.delete(copies);
        }
    }

    private static void save(JdbcBackend backend, String id) {
        backend.save("alice", "session", id, new byte[] {1});
    }
}
