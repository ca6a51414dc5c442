package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * The file and the log that an open store writes to, and whether their paths still lead to them.
 *
 * <p>A file that is removed, moved or replaced stays open, and takes commits that nobody finds again. SQLite itself only
 * logs a warning (sqlite.org/howtocorrupt.html, 2.4). Files are told apart by device and inode, which stay theirs as long
 * as they are open; on Windows, where open files can't be removed, nothing is checked. A file that is overwritten in
 * place keeps its inode, and is not noticed.
 *
 * <p>Concurrency: for any thread. A loss is permanent: even if the file is moved back, it may have been written to
 * meanwhile without the log.
 */
final class SqliteOpenFiles {

    /** What a path no longer leads to. */
    enum Loss {
        /** The database file; its log does not count any more. */
        FILE,
        /** The log alone. What it holds can still be moved into the file by a connection that has it open. */
        LOG
    }

    private final Path path;

    /** Beside what the path leads to, where that is a link. */
    private final Path log;

    private final @Nullable Object fileKey;
    private final @Nullable Object logKey;
    private volatile @Nullable Loss loss;

    /**
     * Remembers the log of a store that has just been opened.
     *
     * @param fileKey what {@link #key} returned for the path before it was opened
     */
    SqliteOpenFiles(Path path, @Nullable Object fileKey) throws IOException {
        Path real = path.toRealPath();
        this.path = path;
        this.log = real.resolveSibling(real.getFileName() + "-wal");
        this.fileKey = fileKey;
        this.logKey = key(log);
    }

    /** Returns what tells the file that a path leads to from others, or null where the system has nothing like it. */
    static @Nullable Object key(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    }

    Path path() {
        return path;
    }

    /** Returns what the paths no longer lead to, or null: two calls of {@code stat}, some 1 µs each. */
    @Nullable
    Loss loss() {
        if (loss == null) {
            if (!leadsTo(path, fileKey)) {
                loss = Loss.FILE;
            } else if (!leadsTo(log, logKey)) {
                loss = Loss.LOG;
            }
        }
        return loss;
    }

    /** Returns what {@link #loss} has found before, or null. */
    @Nullable
    Loss knownLoss() {
        return loss;
    }

    /**
     * Checks that what is committed can be found again.
     *
     * @throws BackendException (permanent) if not
     */
    void requireInPlace() {
        Loss found = loss();
        if (found != null) {
            throw BackendException.permanent(message(found), null);
        }
    }

    String message(Loss lost) {
        return lost == Loss.FILE
                ? path + ": the path no longer leads to the file that this store has open, which was removed, moved or"
                        + " replaced; this store commits nothing more, close it and open what is to be used"
                : path + ": the path of its log " + log + " no longer leads to the log that this store has open, which"
                        + " was removed, moved or replaced; this store commits nothing more, close it, which moves the"
                        + " log into the file, and open it again";
    }

    /** Returns whether the path leads to the open file now. */
    boolean isFileInPlace() {
        return leadsTo(path, fileKey);
    }

    /** Returns whether there are other files at the paths, which may be in use. */
    boolean areOthersInPlace() {
        return isOther(path, fileKey) || isOther(log, logKey);
    }

    private static boolean isOther(Path path, @Nullable Object expected) {
        return !leadsTo(path, expected) && Files.exists(path);
    }

    private static boolean leadsTo(Path path, @Nullable Object expected) {
        if (expected == null) {
            return true;
        }
        try {
            return expected.equals(key(path));
        } catch (IOException e) {
            return false;
        }
    }
}
