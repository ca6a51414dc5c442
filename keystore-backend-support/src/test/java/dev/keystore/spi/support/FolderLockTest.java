package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.StoreOpenException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderLockTest {

    @TempDir
    Path folder;

    @Test
    @DisplayName("R53 a folder is locked once, a refusal names the holder, and a second release does no harm")
    void acquire_isHeld_refused() throws Exception {
        Path root = folder.toRealPath();
        Path file = OwnerOnly.createFile(root.resolve("lock"));
        FolderLock first = FolderLock.acquire(root, file);
        assertThat(file)
                .content()
                .startsWith("process " + ProcessHandle.current().pid() + " on ");
        assertRefused(root, file);

        first.release();
        assertThat(file).isEmptyFile();
        FolderLock second = FolderLock.acquire(root, file);
        first.release();
        assertRefused(root, file);
        second.release();
    }

    @Test
    @DisplayName("R53 the name that a crashed holder left is replaced, even if it is longer")
    void acquire_afterCrash_replacesName() throws Exception {
        Path root = folder.toRealPath();
        Path file = Files.writeString(root.resolve("lock"), "x".repeat(500));
        FolderLock lock = FolderLock.acquire(root, file);
        assertThat(file).content().startsWith("process ").doesNotContain("x".repeat(300));
        lock.release();
    }

    private static void assertRefused(Path root, Path file) {
        assertThatExceptionOfType(StoreOpenException.class)
                .isThrownBy(() -> FolderLock.acquire(root, file))
                .withMessageContaining(root + ": could not open: it is already open in this process, by process ");
    }

    @Test
    @DisplayName("an interrupt neither prevents the lock nor its release, and its flag is preserved")
    void interrupted() throws Exception {
        Path root = folder.toRealPath();
        Path file = Files.createFile(root.resolve("lock"));
        Thread.currentThread().interrupt();
        FolderLock lock = FolderLock.acquire(root, file);
        assertThat(Thread.currentThread().isInterrupted()).isTrue();
        lock.release();
        assertThat(Thread.interrupted()).isTrue();
        FolderLock.acquire(root, file).release();
    }
}
