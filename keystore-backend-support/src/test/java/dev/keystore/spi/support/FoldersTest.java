package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FoldersTest {

    @TempDir
    Path folder;

    @Test
    @DisplayName("R11 forcing a folder fails if it can't be opened, and succeeds despite an interrupt")
    void force() throws Exception {
        assertThatExceptionOfType(NoSuchFileException.class).isThrownBy(() -> Folders.force(folder.resolve("missing")));

        Thread.currentThread().interrupt();
        Folders.force(folder);
        assertThat(Thread.interrupted()).as("flag").isTrue();
    }

    @Test
    @DisplayName("missing folders are created for their owner only, parents first; existing ones stay as they are")
    void createMissing() throws Exception {
        Path outer = folder.resolve("outer");
        Path inner = outer.resolve("inner");
        List<Path> created = new ArrayList<>();
        assertThat(Folders.nearestExisting(inner)).isEqualTo(folder);

        Folders.createMissing(inner, created::add);
        assertThat(created).containsExactly(outer, inner);
        assertThat(permissions(outer)).isEqualTo("rwx------");
        assertThat(permissions(inner)).isEqualTo("rwx------");

        Folders.createMissing(inner, created::add);
        assertThat(created).hasSize(2);
    }

    @Test
    @DisplayName("files are created for their owner only, and an existing one is refused")
    void createFile() throws Exception {
        Path file = OwnerOnly.createFile(folder.resolve("file"));
        assertThat(permissions(file)).isEqualTo("rw-------");
        assertThatExceptionOfType(FileAlreadyExistsException.class).isThrownBy(() -> OwnerOnly.createFile(file));
    }

    private static String permissions(Path path) throws Exception {
        assumeTrue(path.getFileSystem().supportedFileAttributeViews().contains("posix"), "no POSIX permissions here");
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }
}
