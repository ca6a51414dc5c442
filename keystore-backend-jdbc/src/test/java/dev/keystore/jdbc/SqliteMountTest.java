package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.support.Mounts;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file that is mounted without its folder is refused: its log would be outside of the mount. */
final class SqliteMountTest {

    @TempDir
    Path folder;

    private Path path;
    private Path source;

    @BeforeEach
    void sources() throws Exception {
        path = folder.resolve("keys.db");
        source = Files.createDirectory(folder.resolve("source")).resolve("keys.db");
        try (JdbcBackend backend = SqliteFixture.open(source)) {
            backend.save("alice", "session", "kept", new byte[] {1});
        }
    }

    @Test
    @DisplayName("R11 a file of the same device that is mounted alone is refused before anything is changed")
    void sameDevice() throws Exception {
        Files.createFile(path);
        bound(source, path, () -> assertRefused(path));
        assertThat(path).isEmptyFile();
    }

    @Test
    @DisplayName("R11 a file of another device that is mounted alone is refused, also by comparing devices")
    void anotherDevice() throws Exception {
        Path other = Files.createDirectory(folder.resolve("other"));
        Files.createFile(path);
        try (Tmpfs tmpfs = Tmpfs.mount(other, "size=1m")) {
            Files.copy(source, other.resolve("keys.db"));
            bound(tmpfs.folder().resolve("keys.db"), path, () -> {
                assertThat(Mounts.areOnSameDevice(path, folder)).isFalse();
                assertRefused(path);
            });
            assertThat(Mounts.areOnSameDevice(other.resolve("keys.db"), other)).isTrue();
        }
        assertThat(Mounts.areOnSameDevice(path, folder)).isTrue();
    }

    @Test
    @DisplayName("R11 a link to a file that is mounted alone is refused, and so is an empty file")
    void linkAndEmptyFile() throws Exception {
        Files.createFile(path);
        Path link = Files.createSymbolicLink(folder.resolve("link.db"), path);
        bound(source, path, () -> assertRefused(link));
        Path empty = Files.createFile(folder.resolve("empty.db"));
        bound(empty, path, () -> assertRefused(path));
    }

    @Test
    @DisplayName("a file in a mounted folder is opened, also through a link")
    void folderMounted() throws Exception {
        Path mounted = Files.createDirectory(folder.resolve("mounted"));
        Files.createSymbolicLink(path, mounted.resolve("keys.db"));
        bound(source.getParent(), mounted, () -> {
            try (JdbcBackend backend = SqliteFixture.open(path)) {
                backend.save("alice", "session", "second", new byte[] {1});
                assertThat(mounted.resolve("keys.db-wal")).isNotEmptyFile();
            }
        });
        try (JdbcBackend backend = SqliteFixture.open(source)) {
            assertThat(backend.list("alice")).hasSize(2);
        }
    }

    private static void assertRefused(Path path) throws Exception {
        Map<String, String> before = SqliteFixture.contents(path.getParent());
        assertThatExceptionOfType(StoreOpenException.class)
                .isThrownBy(() -> SqliteFixture.open(path))
                .withMessageContaining(path + ": could not open: it is a mount point")
                .withMessageContaining("mount the folder");
        assertThat(SqliteFixture.contents(path.getParent())).isEqualTo(before);
    }

    /** Runs while a file or folder is mounted. */
    private interface MountedWork {
        void run() throws Exception;
    }

    /** Runs work while a file or folder is mounted on another; skips the test where that needs more privileges. */
    private static void bound(Path source, Path target, MountedWork work) throws Exception {
        assumeTrue(
                run("mount", "--bind", source.toString(), target.toString()),
                "nothing can be mounted here: that takes Linux and root");
        try {
            work.run();
        } finally {
            assertThat(run("umount", target.toString()) || run("umount", "--lazy", target.toString()))
                    .as("unmounted")
                    .isTrue();
        }
    }

    private static boolean run(String... command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.onExit().join().exitValue() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
