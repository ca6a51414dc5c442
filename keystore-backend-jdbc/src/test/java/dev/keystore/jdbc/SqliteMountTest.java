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
    @DisplayName("R11 a file that is mounted alone, of the same device, is refused before anything is changed")
    void sameDevice() throws Exception {
        Files.createFile(path);
        bound(source, path, () -> assertRefused(path));
        assertThat(path).isEmptyFile();
    }

    @Test
    @DisplayName("R11 a file that is mounted alone, of another device, is refused, also by comparing devices")
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
    @DisplayName("R11 a link to a file that is mounted alone is refused, and an empty file that is")
    void linkAndEmptyFile() throws Exception {
        Files.createFile(path);
        Path link = Files.createSymbolicLink(folder.resolve("link.db"), path);
        bound(source, path, () -> assertRefused(link));
        Path empty = Files.createFile(folder.resolve("empty.db"));
        bound(empty, path, () -> assertRefused(path));
    }

    @Test
    @DisplayName("a folder that is mounted, and a link to a file in it, are opened")
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
                .withMessageContaining(path + " is a mount point")
                .withMessageContaining("mount the folder");
        assertThat(SqliteFixture.contents(path.getParent())).isEqualTo(before);
    }

    /** What is done while something is mounted. */
    private interface MountedWork {
        void run() throws Exception;
    }

    /** Does something while a file or folder is mounted on another, which takes Linux and root; else skips the test. */
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
