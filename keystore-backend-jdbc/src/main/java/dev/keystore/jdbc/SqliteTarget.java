package dev.keystore.jdbc;

import dev.keystore.spi.support.Folders;
import dev.keystore.spi.support.SymbolicLinks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The file that the path of a store leads to. As SQLite does, this follows symbolic links: the log and its index are
 * next to the target of a link, not next to the link.
 */
final class SqliteTarget {

    private SqliteTarget() {}

    /**
     * Returns the file that a path leads to, which may be missing.
     *
     * @param path an absolute path
     * @throws IOException if its links can't be followed
     */
    static Path file(Path path) throws IOException {
        if (Files.exists(path)) {
            return Files.isSymbolicLink(path) ? path.toRealPath() : path;
        }
        return SymbolicLinks.target(path);
    }

    /** Returns the folder that holds the file, its log and the log's index. */
    static Path folder(Path path) throws IOException {
        return Folders.parentOf(file(path));
    }

    /**
     * Returns a path next to the file.
     *
     * @param suffix what follows the file's name, for example {@code -wal}
     */
    static Path sibling(Path path, String suffix) throws IOException {
        Path file = file(path);
        return file.resolveSibling(file.getFileName() + suffix);
    }

    /** Returns the message for a file about which the system gives no information. */
    static String notExaminable(Path path, IOException cause) {
        return path + ": could not read its attributes: " + cause
                + "; make the file readable, and the folders above it accessible, for this user";
    }
}
