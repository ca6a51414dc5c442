package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SymbolicLinksTest {

    @TempDir
    Path folder;

    @Test
    @DisplayName("links are followed to a file that may be missing, relative to the folder of each link")
    void target() throws Exception {
        Path file = folder.resolve("inner/file");
        Files.createDirectory(file.getParent());
        Files.createSymbolicLink(folder.resolve("inner/second"), Path.of("file"));
        Path first = Files.createSymbolicLink(folder.resolve("first"), Path.of("inner/second"));

        assertThat(SymbolicLinks.target(first)).isEqualTo(file);
        assertThat(SymbolicLinks.target(file)).isEqualTo(file);
    }

    @Test
    @DisplayName("a link that leads to itself is refused")
    void target_circle() throws Exception {
        Path circle = Files.createSymbolicLink(folder.resolve("circle"), Path.of("circle"));
        assertThatExceptionOfType(FileSystemException.class).isThrownBy(() -> SymbolicLinks.target(circle));
    }
}
