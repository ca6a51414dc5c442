package dev.keystore.core;

import dev.keystore.spi.support.SymbolicLinks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Follows the symbolic links of a file that is replaced by renaming another one: that would replace the link. */
final class RealPath {

    private RealPath() {}

    /**
     * Returns the absolute path of the file that a path leads to. Neither the file nor its folder need to exist. If a
     * link cannot be followed, the path returned still has it, and so accessing the file fails.
     */
    static Path of(Path path) {
        Path file = path.toAbsolutePath();
        try {
            file = SymbolicLinks.target(file);
            Path folder = file.getParent();
            Path name = file.getFileName();
            return folder == null || name == null || !Files.exists(folder)
                    ? file
                    : folder.toRealPath().resolve(name);
        } catch (IOException e) {
            return file;
        }
    }
}
