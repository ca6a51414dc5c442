package dev.keystore.spi.support;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Follows the symbolic links of a file that may be missing. */
public final class SymbolicLinks {

    /** As many as Linux follows. */
    private static final int MAXIMUM_LINKS = 40;

    private SymbolicLinks() {}

    /**
     * Returns the file that a path leads to. Links in the folders above it stay in the path.
     *
     * @param path an absolute path
     * @return the path if it is not a link; otherwise that of the file that it leads to, which may be missing
     * @throws FileSystemException if there are more than 40 links, as in a circle
     * @throws IOException if a link can't be read
     */
    public static Path target(Path path) throws IOException {
        Path target = path;
        for (int links = 0; Files.isSymbolicLink(target); links++) {
            if (links == MAXIMUM_LINKS) {
                throw new FileSystemException(path.toString(), null, "too many symbolic links");
            }
            target = target.resolveSibling(Files.readSymbolicLink(target));
        }
        return target;
    }
}
