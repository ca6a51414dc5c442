package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.FailureAssertions;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Folders that are moved or deleted while their store is open, and folders with files from elsewhere. */
@Timeout(120)
final class MapdbMovedTest {

    private static final byte[] VALUE = {1};
    private static final String MOVED = "was moved, replaced or deleted";

    @TempDir
    Path folder;

    private Path store;
    private Path elsewhere;

    @BeforeEach
    void paths() {
        store = folder.resolve("store");
        elsewhere = folder.resolve("elsewhere");
    }

    private static void assertPairs(MapdbBackend backend, int pairs) {
        assertThat(backend.list("alice")).hasSize(2 * pairs);
    }

    /** Commits, and again when commits find that nothing has changed in the folder. */
    private static void commitAndSettle(MapdbBackend backend) throws InterruptedException {
        backend.commit(Mapdb.pair("alice", 0, VALUE));
        Thread.sleep(250);
        backend.commit(Mapdb.pair("alice", 0, VALUE));
    }

    private static void assertRefused(MapdbBackend backend, int pair) {
        FailureAssertions.assertPermanent(() -> backend.commit(Mapdb.pair("alice", pair, VALUE)))
                .withMessageContaining(MOVED);
    }

    @Test
    @DisplayName("R11 commits fail and write nothing while the folder is moved, and succeed once it is back")
    void folderMoved() throws Exception {
        try (MapdbBackend backend = Mapdb.open(store)) {
            commitAndSettle(backend);
            Files.move(store, elsewhere);
            for (int i = 0; i < 3; i++) {
                assertRefused(backend, 9);
                assertPairs(backend, 1);
            }
            assertThat(store).doesNotExist();
            Path copy = folder.resolve("copy");
            Mapdb.copy(elsewhere, copy);
            try (MapdbBackend copied = Mapdb.open(copy)) {
                assertPairs(copied, 1);
            }

            Files.move(elsewhere, store);
            backend.commit(Mapdb.pair("alice", 1, VALUE));
            assertPairs(backend, 2);
        }
        try (MapdbBackend backend = Mapdb.open(store)) {
            assertPairs(backend, 2);
        }
    }

    @Test
    @DisplayName("R11 a store that replaced the open one is not written to")
    void folderReplaced() throws Exception {
        Mapdb.open(elsewhere).close();
        MapdbBackend backend = Mapdb.open(store, Mapdb.FEW_BYTES);
        commitAndSettle(backend);
        Mapdb.applyAll(backend);
        Files.move(store, folder.resolve("away"));
        Files.move(elsewhere, store);
        Map<String, String> replacement = Mapdb.contents(store);

        assertRefused(backend, 1);
        assertRefused(backend, 1);
        backend.entries().whileNothingIsApplied(() -> {
            backend.entries().map().discard();
            return backend;
        });
        FailureAssertions.assertTransient(() -> backend.load("alice", "session", "left.0"));
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> backend.load("alice", "session", "left.0"))
                .withMessageContaining(MOVED);
        backend.close();

        assertHolds(replacement);
        try (MapdbBackend moved = Mapdb.open(folder.resolve("away"))) {
            assertPairs(moved, 1);
        }
    }

    @Test
    @DisplayName("R11 no checkpoint is read from or written to a folder that replaced the open one")
    void folderReplaced_noCheckpoint() throws Exception {
        try (MapdbBackend backend = Mapdb.open(elsewhere)) {
            backend.commit(Mapdb.pair("bob", 0, VALUE));
        }
        MapdbBackend backend = Mapdb.open(store);
        backend.commit(Mapdb.pair("alice", 0, VALUE));
        Files.move(store, folder.resolve("away"));
        Files.move(elsewhere, store);
        Map<String, String> replacement = Mapdb.contents(store);

        assertThat(Mapdb.checkpoint(backend, 1)).isTrue();

        assertHolds(replacement);
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(backend::close)
                .withMessageContaining(MOVED);
        assertHolds(replacement);
    }

    @Test
    @DisplayName("R11 commits fail once the folder was deleted")
    void folderDeleted() throws Exception {
        MapdbBackend backend = Mapdb.open(store);
        commitAndSettle(backend);
        Mapdb.delete(store);

        assertRefused(backend, 1);
        assertRefused(backend, 1);
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(backend::close)
                .withMessageContaining(MOVED);
        assertThat(store).doesNotExist();
    }

    @Test
    @DisplayName("R11 a commit to a journal that was deleted fails, and the next one creates a new journal")
    void journalDeleted() throws Exception {
        MapdbBackend backend = Mapdb.open(store);
        commitAndSettle(backend);
        Path journal = Mapdb.files(store, "journal-").get(0);
        Path moved = Files.move(journal, elsewhere);

        assertRefused(backend, 1);

        Files.move(moved, journal);
        backend.commit(Mapdb.pair("alice", 1, VALUE));
        Path copy = folder.resolve("copy");
        Mapdb.copyAsCrashed(backend, store, copy);
        backend.close();
        try (MapdbBackend copied = Mapdb.open(copy)) {
            assertPairs(copied, 2);
        }
    }

    @Test
    @DisplayName("R11 a working file that was deleted or replaced is not taken for one that a clean close left")
    void workingDeleted() throws Exception {
        MapdbBackend backend = Mapdb.open(store);
        backend.commit(Mapdb.pair("alice", 0, VALUE));
        Path working = Mapdb.files(store, "working-").get(0);
        byte[] zeros = new byte[(int) Files.size(working)];
        Files.delete(working);
        Files.write(working, zeros);
        backend.commit(Mapdb.pair("alice", 1, VALUE));
        FailureAssertions.assertPermanent(() -> backend.commit(Mapdb.pair("alice", 2, new byte[4 << 20])))
                .withMessageContaining(MOVED);

        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(backend::close)
                .withMessageContaining(MOVED);
        try (MapdbBackend reopened = Mapdb.open(store)) {
            assertPairs(reopened, 2);
        }
    }

    @Test
    @DisplayName("a folder with a file on another device is refused, and left unchanged")
    void fileOnAnotherDevice() throws Exception {
        Files.createDirectory(elsewhere);
        try (MapdbBackend backend = Mapdb.open(store)) {
            backend.commit(Mapdb.pair("alice", 0, VALUE));
        }
        try (Tmpfs tmpfs = Tmpfs.mount(elsewhere, "size=8m")) {
            Path journal = Mapdb.files(store, "journal-").get(0);
            Path other = tmpfs.folder().resolve("journal");
            Files.move(journal, other);
            Files.createSymbolicLink(journal, other);

            assertRefusedUnchanged("its file " + journal.getFileName() + " is on another device than its folder");
        }
    }

    @Test
    @DisplayName("a folder with a file that is mounted separately is refused, and left unchanged; a mounted folder is"
            + " accepted")
    void fileMountedSeparately() throws Exception {
        Path space = Files.createDirectory(folder.resolve("a folder"));
        store = space.resolve("sto re");
        Files.createDirectories(store);
        try (Tmpfs tmpfs = Tmpfs.mount(store, "size=64m")) {
            try (MapdbBackend backend = Mapdb.open(store)) {
                backend.commit(Mapdb.pair("alice", 0, VALUE));
            }
            Path journal = Mapdb.files(store, "journal-").get(0);
            Path source = Files.copy(journal, tmpfs.folder().resolve("source"));
            assumeTrue(run("mount", "--bind", source.toString(), journal.toString()), "no bind mounts here");
            try {
                assertRefusedUnchanged("its file " + journal.getFileName() + " is mounted separately");
            } finally {
                assertThat(run("umount", journal.toString())).isTrue();
            }
            Files.delete(source);
            try (MapdbBackend backend = Mapdb.open(store)) {
                assertPairs(backend, 1);
            }
        }
    }

    /** Compares contents without a message that shows megabytes of them. */
    private void assertHolds(Map<String, String> expected) throws IOException {
        Map<String, String> found = Mapdb.contents(store);
        assertThat(found.keySet()).isEqualTo(expected.keySet());
        assertThat(found.equals(expected)).as("the files are as they were").isTrue();
    }

    private void assertRefusedUnchanged(String why) throws IOException {
        Map<String, String> before = Mapdb.contents(store);
        assertThatExceptionOfType(StoreOpenException.class)
                .isThrownBy(() -> Mapdb.open(store).close())
                .withMessageContaining(why)
                .withMessageContaining("mount the whole folder");
        assertHolds(before);
    }

    private static boolean run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
    }
}
