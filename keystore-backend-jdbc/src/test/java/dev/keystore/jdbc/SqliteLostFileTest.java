package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.testkit.FailureAssertions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import org.jdbi.v3.core.Handle;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A store whose file or log is removed, moved or replaced while it is open. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "files that are open can't be removed")
final class SqliteLostFileTest {

    private final SqliteCheckpointer checkpointer = SqliteFixture.checkpointer();

    @TempDir
    Path folder;

    private Path path;
    private Path log;
    private Path elsewhere;

    @BeforeEach
    void paths() {
        path = folder.resolve("keys.db");
        log = folder.resolve("keys.db-wal");
        elsewhere = folder.resolve("elsewhere.db");
    }

    @Test
    @DisplayName("R11 after the file is removed, no commit is acknowledged, entries can still be read, and close fails")
    void fileRemoved() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        assertThat(backend.list("alice")).hasSize(1);
        Files.delete(path);

        for (int i = 0; i < 3; i++) {
            assertRefused(backend, path);
            assertThat(backend.load("alice", "session", "kept")).isPresent();
            assertThat(backend.load("alice", "session", "lost")).isEmpty();
        }
        assertThat(path).doesNotExist();
        assertCloseSaysSo(backend);

        try (JdbcBackend reopened = open()) {
            assertThat(reopened.list("alice")).isEmpty();
            save(reopened, "new");
        }
    }

    @Test
    @DisplayName("R11 a file that was moved away has everything that was acknowledged once the store is closed")
    void fileMoved() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        Files.move(path, elsewhere);

        assertRefused(backend, path);
        assertCloseSaysSo(backend);

        assertThat(log).as("the log, which is in the file now").isEmptyFile();
        assertHolds(elsewhere, "kept");
    }

    @Test
    @DisplayName("R11 another store at the path of an open one is not written to, and keeps its log")
    void fileReplaced() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        try (JdbcBackend other = SqliteFixture.open(elsewhere)) {
            save(other, "other");
        }
        Files.move(elsewhere, path, StandardCopyOption.REPLACE_EXISTING);
        Files.move(log, folder.resolve("aside"));
        Files.writeString(log, "the log of the other");

        assertRefused(backend, path);
        assertCloseSaysSo(backend);

        assertThat(log).hasContent("the log of the other");
        Files.delete(log);
        Files.delete(folder.resolve("keys.db-shm"));
        assertHolds(path, "other");
    }

    @Test
    @DisplayName("R11 a store is not written to after a link above it leads to another folder")
    void linkedFolderReplaced() throws Exception {
        Path first = Files.createDirectory(folder.resolve("first"));
        Path second = Files.createDirectory(folder.resolve("second"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), first);
        path = link.resolve("keys.db");
        JdbcBackend backend = open();
        save(backend, "kept");
        Files.delete(link);
        Files.createSymbolicLink(link, second);

        assertRefused(backend, path);
        assertCloseSaysSo(backend);

        assertHolds(first.resolve("keys.db"), "kept");
    }

    @Test
    @DisplayName("R11 after the log is removed, no commit is acknowledged, and closing saves the earlier ones")
    void logRemoved() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        Files.delete(log);

        assertRefused(backend, log);
        assertRefused(backend, log);
        assertThat(log).doesNotExist();
        Files.copy(path, elsewhere);
        assertHolds(elsewhere, "kept");
        backend.close();

        assertHolds(path, "kept");
    }

    @Test
    @DisplayName("R11 a log that is replaced by another one is not written to, and closing does not remove the other")
    void logReplaced() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        Files.move(log, folder.resolve("aside"));
        Files.writeString(log, "the log of another process");

        assertRefused(backend, log);
        FailureAssertions.assertPermanent(backend::close)
                .withMessageContaining("and they are lost")
                .withMessageContaining("no longer leads to the log");

        assertThat(log).hasContent("the log of another process");
    }

    @Test
    @DisplayName("R11 a log that is removed after the last commit is saved by closing")
    void logRemovedWhileIdle() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        Files.delete(log);

        backend.close();

        assertHolds(path, "kept");
    }

    @Test
    @DisplayName("R11 a log that was removed after a failure, while there is no writer connection, is detected as well")
    void logRemovedBetweenWriters() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        backend.writer().handle().getConnection().close();
        FailureAssertions.assertTransient(() -> save(backend, "lost"));
        assertThat(log)
                .as("a log that must not be removed while the store is open")
                .isNotEmptyFile();
        Files.delete(log);

        assertRefused(backend, log);
        backend.close();

        assertHolds(path, "kept");
    }

    @Test
    @DisplayName("R11 if the file is removed during COMMIT, the outcome is unknown and the commit not acknowledged")
    void fileRemovedInCommit() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        assertThat(backend.list("alice")).hasSize(1);
        Handle writer = backend.writer().handle();
        writer.setStatementBuilder(new AfterCommit(() -> delete(path)));

        FailureAssertions.assertKind(Kind.OUTCOME_UNKNOWN, () -> save(backend, "unknown"))
                .withMessageContaining("no longer leads to the file");

        assertThat(path).doesNotExist();
        assertThat(backend.load("alice", "session", "unknown"))
                .as("what is read is what was written")
                .isPresent();
        assertRefused(backend, path);
        assertCloseSaysSo(backend);
    }

    @Test
    @DisplayName(
            "R11 a commit right after another one is checked only afterwards: the outcome is unknown, not acknowledged")
    void fileRemovedRightAfterACommit() throws Exception {
        JdbcBackend backend = SqliteFixture.open(path, new SqliteCheckpointer(null, () -> 0));
        save(backend, "kept");
        Files.delete(path);

        FailureAssertions.assertKind(Kind.OUTCOME_UNKNOWN, () -> save(backend, "unknown"))
                .withMessageContaining("no longer leads to the file");

        assertRefused(backend, path);
        assertCloseSaysSo(backend);
    }

    @Test
    @DisplayName("R11 if the log is removed during COMMIT, the commit is acknowledged once it is in the file")
    void logRemovedInCommit() throws Exception {
        JdbcBackend backend = open();
        Handle writer = backend.writer().handle();
        writer.setStatementBuilder(new AfterCommit(() -> delete(log)));

        save(backend, "kept");

        Files.copy(path, elsewhere);
        assertHolds(elsewhere, "kept");
        assertRefused(backend, log);
        backend.close();
        assertHolds(path, "kept");
    }

    @Test
    @DisplayName("R11 a reader connection is not opened to another file than the store's")
    void readersOfTheFile() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        try (JdbcBackend other = SqliteFixture.open(elsewhere)) {
            save(other, "other");
        }
        Files.move(path, folder.resolve("aside.db"));
        Files.move(elsewhere, path);

        FailureAssertions.assertPermanent(() -> backend.load("alice", "session", "other"))
                .withMessageContaining("no longer leads to the file");
        assertCloseSaysSo(backend);
    }

    @Test
    @DisplayName("R11 a symbolic link that is changed to another file counts as a replaced file")
    void linkChanged() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("link.db"), path);
        SqliteFixture.open(path).close();
        JdbcBackend backend = SqliteFixture.open(link);
        save(backend, "kept");
        assertThat(log)
                .as("the log is in the folder of the file, not of the link")
                .isNotEmptyFile();
        SqliteFixture.open(elsewhere).close();
        Files.delete(link);
        Files.createSymbolicLink(link, elsewhere);

        assertRefused(backend, link);
        assertCloseSaysSo(backend);
        try (JdbcBackend other = SqliteFixture.open(elsewhere)) {
            assertThat(other.list("alice")).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"keys.db", "keys.db-wal"})
    @DisplayName("R11 after the target of a symbolic link to another folder or its log is removed, commits are refused")
    void removedBehindALink(String name) throws Exception {
        Path target = fileInAnotherFolder();
        Files.createSymbolicLink(path, target);
        JdbcBackend backend = open();
        save(backend, "kept");
        Files.delete(target.resolveSibling(name));

        assertRefused(backend, name.equals("keys.db") ? path : target.resolveSibling(name));
        closeLost(backend);
    }

    @Test
    @DisplayName("R11 a log in another folder is looked at even after a hard link has replaced the symbolic one")
    void linkReplacedByAHardLink() throws Exception {
        Path target = fileInAnotherFolder();
        Files.createSymbolicLink(path, target);
        JdbcBackend backend = open();
        Files.delete(path);
        Files.createLink(path, target);
        Thread.sleep(250);
        save(backend, "kept");
        Path targetLog = target.resolveSibling("keys.db-wal");
        Files.delete(targetLog);

        assertRefused(backend, targetLog);
        backend.close();
    }

    @Test
    @DisplayName("R11 a file that was moved and linked back is looked at in the folder that it is in now")
    void movedAndLinkedBack() throws Exception {
        JdbcBackend backend = open();
        Path target = Files.createDirectory(folder.resolve("target")).resolve("keys.db");
        Files.move(path, target);
        Files.createSymbolicLink(path, target);
        Thread.sleep(250);
        save(backend, "kept");
        Files.delete(target);

        assertRefused(backend, path);
        closeLost(backend);
    }

    private Path fileInAnotherFolder() throws IOException {
        Path target = Files.createDirectory(folder.resolve("target")).resolve("keys.db");
        SqliteFixture.open(target).close();
        return target;
    }

    /** Closes a store that may be unable to save its last commits. */
    private static void closeLost(JdbcBackend backend) {
        try {
            backend.close();
        } catch (BackendException e) {
            assertThat(e).hasMessageContaining("and they are lost");
        }
    }

    @Test
    @DisplayName("a path is not opened again while the process still has the lost file open")
    void openedAgain() throws Exception {
        JdbcBackend backend = open();
        save(backend, "kept");
        checkpointer.visitStores();
        checkpointer.visitStores();
        assertThat(log).isEmptyFile();
        Files.delete(path);

        assertThatExceptionOfType(StoreOpenException.class)
                .isThrownBy(this::open)
                .withMessageContaining(path.toString())
                .withMessageContaining("close that database first");
        assertThat(path).doesNotExist();

        assertCloseSaysSo(backend);
        open().close();
    }

    @Test
    @Timeout(120)
    @DisplayName("R11 if the file is moved during commits, all that were acknowledged are in it, and began before the"
            + " move")
    void replacedWhileCommitting() throws Exception {
        for (int round = 0; round < 5; round++) {
            Path current = folder.resolve("round-" + round + ".db");
            Path aside = folder.resolve("aside-" + round + ".db");
            JdbcBackend backend = SqliteFixture.open(current);
            Thread.sleep(250);
            Map<String, Long> acknowledged = new HashMap<>();
            Thread committing = new Thread(() -> commitUntilRefused(backend, acknowledged));
            committing.setDaemon(true);
            committing.start();
            while (backend.list("alice").count() <= round + 1) {
                Thread.onSpinWait();
            }
            Files.move(current, aside);
            long movedNanos = System.nanoTime();
            committing.join(30_000);
            assertThat(committing.isAlive()).as("still committing").isFalse();

            assertCloseSaysSo(backend);
            try (JdbcBackend moved = SqliteFixture.open(aside)) {
                assertThat(moved.list("alice").map(entry -> entry.id())).containsAll(acknowledged.keySet());
            }
            assertThat(acknowledged.values()).allMatch(beganNanos -> beganNanos - movedNanos < 0);
        }
    }

    /** Records the acknowledged commits, and when each began. */
    private static void commitUntilRefused(JdbcBackend backend, Map<String, Long> acknowledged) {
        try {
            for (int i = 0; true; i++) {
                long beganNanos = System.nanoTime();
                save(backend, "id." + i);
                acknowledged.put("id." + i, beganNanos);
            }
        } catch (BackendException e) {
            // The file is gone.
        }
    }

    /** Opens the store, and waits until commits find that nothing has changed in the folder. */
    private JdbcBackend open() throws InterruptedException {
        JdbcBackend backend = SqliteFixture.open(path, checkpointer);
        Thread.sleep(250);
        return backend;
    }

    private static void save(JdbcBackend backend, String id) {
        backend.save("alice", "session", id, new byte[] {1});
    }

    private static void assertRefused(JdbcBackend backend, Path gone) {
        FailureAssertions.assertPermanent(() -> save(backend, "lost"))
                .withMessageContaining("no longer leads to the")
                .withMessageContaining(gone.toString());
    }

    private static void assertCloseSaysSo(JdbcBackend backend) {
        FailureAssertions.assertPermanent(backend::close)
                .withMessageContaining("and they are lost")
                .withMessageContaining("no longer leads to the file");
        backend.close();
    }

    private static void assertHolds(Path path, String id) {
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            assertThat(backend.list("alice").map(entry -> entry.id())).containsExactly(id);
        }
    }

    private static void delete(Path path) {
        try {
            Files.delete(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
