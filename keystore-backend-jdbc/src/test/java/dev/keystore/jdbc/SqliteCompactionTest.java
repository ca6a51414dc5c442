package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.KeyTypes;
import dev.keystore.OperationInterruptedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.testkit.FailureAssertions;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Compaction of an SQLite file: what stays, where temporary data go, and what happens if it fails. */
@Timeout(120)
final class SqliteCompactionTest {

    private static final String THREAD = "keystore-sqlite-compaction";
    private static final int ATTEMPTS = 20;
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    @TempDir
    Path folder;

    private Path path;
    private Path log;

    @BeforeEach
    void path() {
        path = folder.resolve("keys.db");
        log = folder.resolve("keys.db-wal");
    }

    @Test
    @DisplayName("R74 the file shrinks, the log is empty, and the marks and settings of the file stay")
    void shrinksAndKeepsMarks() throws Exception {
        try (SqliteBackend backend = SqliteFixture.open(path)) {
            fill(backend, 400, 3_000);
            backend.takeOver("alice");
            backend.commit(deletes(390));
            List<Object> marks = marks();

            backend.compact();

            assertThat(log).isEmptyFile();
            assertThat(Files.size(path)).isLessThan(100_000);
            assertThat(marks()).isEqualTo(marks);
            assertThat(backend.lastCommit("alice", 1)).isPresent();
            assertThat(backend.list("alice")).hasSize(10);
        }
        try (SqliteBackend backend = SqliteFixture.open(path)) {
            assertThat(backend.list("alice")).hasSize(10);
        }
    }

    private List<Object> marks() throws SQLException {
        List<Object> marks = new ArrayList<>();
        for (String name : List.of("application_id", "user_version", "page_size", "auto_vacuum", "journal_mode")) {
            marks.add(pragma(name));
        }
        return marks;
    }

    private Object pragma(String name) throws SQLException {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + path);
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("PRAGMA " + name)) {
            return row.next() ? Objects.requireNonNull(row.getObject(1)) : "";
        }
    }

    @Test
    @DisplayName("R74 the temporary file is in the store's folder, without a name, and SQLite's setting is restored")
    void temporaryFileIsInTheFolder() throws Exception {
        assumeTrue(Files.isDirectory(DESCRIPTORS), "open files can be listed on Linux only");
        try (SqliteBackend backend = SqliteFixture.open(path)) {
            fill(backend, 4_000, 3_000);
            Set<String> temporary = new TreeSet<>();
            for (int i = 0; i < ATTEMPTS && temporary.stream().noneMatch(file -> file.endsWith(" (deleted)")); i++) {
                CompletableFuture<Void> compacting = CompletableFuture.runAsync(backend::compact);
                while (!compacting.isDone()) {
                    temporary.addAll(openTemporaryFiles());
                }
                compacting.join();
            }

            String prefix = folder.toRealPath().toString();
            // SQLite opens the file, and removes its name at once: a look between the two still sees the name.
            assertThat(temporary)
                    .allSatisfy(file -> assertThat(file).startsWith(prefix))
                    .anySatisfy(file -> assertThat(file).endsWith(" (deleted)"))
                    .allSatisfy(file -> assertThat(Path.of(file)).doesNotExist());
            assertThat(pragma("temp_store_directory")).isEqualTo("");
        }
    }

    private static Set<String> openTemporaryFiles() throws IOException {
        Set<String> found = new TreeSet<>();
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(DESCRIPTORS)) {
            for (Path descriptor : descriptors) {
                try {
                    String file = Files.readSymbolicLink(descriptor).toString();
                    if (file.contains("etilqs")) {
                        found.add(file);
                    }
                } catch (IOException e) {
                    // It was closed meanwhile.
                }
            }
        }
        return found;
    }

    @Test
    @DisplayName(
            "R74 a reader that keeps the log is a transient failure; the log is emptied after the reader has ended")
    void readerKeepsTheLog() throws Exception {
        SqliteCheckpointer checkpointer = SqliteFixture.checkpointer();
        try (SqliteBackend backend = SqliteFixture.open(path, checkpointer)) {
            fill(backend, 100, 1_000);
            try (Connection other = DriverManager.getConnection("jdbc:sqlite:" + path);
                    Statement reader = other.createStatement()) {
                reader.execute("BEGIN");
                reader.executeQuery("SELECT count(*) FROM entry").close();
                backend.save("alice", "session", "later", new byte[1]);
                SqliteCompaction hasty =
                        Objects.requireNonNull(backend.compaction()).withReadersTimeout(Duration.ofMillis(10));

                FailureAssertions.assertTransient(() -> backend.exclusively("compact", () -> {
                            hasty.run();
                            return hasty;
                        }))
                        .withMessageContaining("former values remain in its log")
                        .withMessageContaining("end that reader, and compact again");

                assertThat(log).isNotEmptyFile();
                backend.save("alice", "session", "last", new byte[1]);
                reader.execute("ROLLBACK");
            }
            checkpointer.visitStores();
            checkpointer.visitStores();
            assertThat(log).isEmptyFile();
            backend.compact();
            assertThat(backend.list("alice")).hasSize(102);
        }
    }

    @Test
    @DisplayName("R74 a lock of another process is a transient failure, and nothing is changed")
    void lockOfAnotherProcess() throws Exception {
        try (SqliteBackend backend = SqliteFixture.open(path);
                Connection other = DriverManager.getConnection("jdbc:sqlite:" + path);
                Statement writer = other.createStatement()) {
            fill(backend, 10, 1_000);
            writer.execute("BEGIN IMMEDIATE");
            FailureAssertions.assertTransient(backend::compact)
                    .withMessageContaining("another connection holds its lock");
            writer.execute("ROLLBACK");
            backend.compact();
            assertThat(backend.list("alice")).hasSize(10);
        }
    }

    @Test
    @DisplayName("R53 R74 other databases on the file read and commit during and after a compaction")
    void otherDatabases() {
        try (SqliteBackend backend = SqliteFixture.open(path);
                SqliteBackend other = SqliteFixture.open(path)) {
            fill(backend, 100, 1_000);
            other.save("bob", "session", "1", new byte[1]);
            backend.compact();
            other.save("bob", "session", "2", new byte[1]);
            assertThat(other.list("alice")).hasSize(100);
            other.compact();
            backend.save("bob", "session", "3", new byte[1]);
            assertThat(backend.list("bob")).hasSize(3);
        }
    }

    @Test
    @DisplayName(
            "R74 a compaction on a full disk fails as a whole, gives the space back, and succeeds once there is room")
    void fullDisk() {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=8m");
                SqliteBackend backend = SqliteFixture.open(path)) {
            fill(backend, 800, 3_000);

            FailureAssertions.assertPermanent(backend::compact)
                    .withMessageContaining("could not compact")
                    .withMessageContaining("free some space");

            assertThat(log).isEmptyFile();
            backend.save("alice", "session", "later", new byte[100_000]);
            tmpfs.remount("size=64m");
            backend.compact();
            assertThat(backend.list("alice")).hasSize(801);
        }
    }

    @Test
    @DisplayName("R27 R74 an interrupt ends a running compaction, and nothing is changed")
    void interrupted() throws Exception {
        try (SqliteBackend backend = SqliteFixture.open(path)) {
            fill(backend, 20_000, 1_000);
            Throwable thrown = null;
            for (int i = 0; i < ATTEMPTS && thrown == null; i++) {
                thrown = interruptedWhileCompacting(backend);
            }

            assertThat(thrown)
                    .isInstanceOf(OperationInterruptedException.class)
                    .hasMessageContaining(path + " to be compacted");
            assertThat(log).isEmptyFile();
            backend.save("alice", "session", "later", new byte[1]);
            backend.compact();
            assertThat(backend.list("alice")).hasSize(20_001);
        }
    }

    /** Returns what the interrupted call threw; null if it was done first, which happens on a loaded machine. */
    private static @Nullable Throwable interruptedWhileCompacting(SqliteBackend backend) throws InterruptedException {
        AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        AtomicBoolean flag = new AtomicBoolean();
        Thread compacting = new Thread(() -> {
            thrown.set(catchThrowable(backend::compact));
            flag.set(Thread.interrupted());
        });
        compacting.start();
        while (compacting.isAlive() && !isRunning()) {
            Thread.onSpinWait();
        }
        compacting.interrupt();
        compacting.join();
        assertThat(thrown.get() == null || flag.get()).as("flag").isTrue();
        return thrown.get();
    }

    private static boolean isRunning() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals(THREAD));
    }

    @Test
    @DisplayName("R28 R74 closing the store ends a running compaction, and loses nothing")
    void closed() throws Exception {
        SqliteBackend backend = SqliteFixture.open(path);
        fill(backend, 100, 1_000);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread compacting = new Thread(() -> thrown.set(catchThrowable(backend::compact)));
        try (Connection other = DriverManager.getConnection("jdbc:sqlite:" + path);
                Statement reader = other.createStatement()) {
            reader.execute("BEGIN");
            reader.executeQuery("SELECT count(*) FROM entry").close();
            // The reader keeps the log from being emptied for 10 s.
            compacting.start();
            while (!isRunning()) {
                Thread.onSpinWait();
            }
            backend.close();
            compacting.join();
            reader.execute("ROLLBACK");
        }

        assertThat(thrown.get()).isInstanceOf(BackendException.class).hasMessageContaining("was closed meanwhile");
        assertThat(((BackendException) thrown.get()).kind()).isEqualTo(Kind.PERMANENT);
        try (SqliteBackend reopened = SqliteFixture.open(path)) {
            assertThat(reopened.list("alice")).hasSize(100);
        }
    }

    @Test
    @DisplayName("R11 R74 a file that the path no longer leads to is not compacted")
    void lostFile() throws Exception {
        SqliteBackend backend = SqliteFixture.open(path);
        fill(backend, 10, 1_000);
        Files.move(path, folder.resolve("elsewhere.db"));
        FailureAssertions.assertPermanent(backend::compact).withMessageContaining("no longer leads to the file");
        assertThat(catchThrowable(backend::close)).hasMessageContaining("they are lost");
    }

    @Test
    @DisplayName("R74 through the engine, no commit is refused while the store is compacted")
    void engine_commitsContinue() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + path)) {
            SignalKeyStore alice = database.forContext("alice");
            for (int i = 0; i < 50; i++) {
                alice.put(KeyTypes.SESSION, "bob." + i, new byte[100_000]);
            }
            AtomicBoolean over = new AtomicBoolean();
            List<CompletableFuture<Integer>> committing = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                SignalKeyStore store = database.forContext("context " + thread);
                committing.add(CompletableFuture.supplyAsync(() -> commitUntil(over, store)));
            }
            for (int i = 0; i < 3; i++) {
                database.compact();
            }
            over.set(true);
            for (int thread = 0; thread < 4; thread++) {
                int last = committing.get(thread).join();
                assertThat(database.forContext("context " + thread).find(KeyTypes.SESSION, "one"))
                        .hasValue(new byte[last]);
            }
        }
    }

    private static int commitUntil(AtomicBoolean over, SignalKeyStore store) {
        int number = 0;
        do {
            number++;
            store.put(KeyTypes.SESSION, "one", new byte[number]);
        } while (!over.get());
        return number;
    }

    @Test
    @DisplayName("R74 a store that was opened for reading refuses to be compacted, and says why")
    void readOnly() throws Exception {
        try (SqliteBackend backend = SqliteFixture.open(path)) {
            fill(backend, 10, 1_000);
        }
        try (Tmpfs tmpfs = Tmpfs.mount(Files.createDirectory(folder.resolve("mounted")), "size=8m")) {
            Path copy = tmpfs.folder().resolve("keys.db");
            Files.copy(path, copy);
            tmpfs.remount("ro");
            try (SqliteBackend backend = SqliteFixture.open(copy)) {
                FailureAssertions.assertPermanent(backend::compact)
                        .withMessageContaining("could not compact: the store was opened for reading only");
            }
        }
    }

    private static void fill(SqliteBackend backend, int entries, int bytes) {
        for (int from = 0; from < entries; from += 1_000) {
            List<Mutation> puts = new ArrayList<>();
            for (int i = from; i < Math.min(entries, from + 1_000); i++) {
                puts.add(new Put("session", "bob." + i, new byte[bytes]));
            }
            backend.commit(List.of(new Batch("alice", 0, 1, puts)));
        }
    }

    private static Batch deletes(int entries) {
        List<Mutation> deletes = new ArrayList<>();
        for (int i = 0; i < entries; i++) {
            deletes.add(new Delete("session", "bob." + i));
        }
        return new Batch("alice", 1, 1, deletes);
    }
}
