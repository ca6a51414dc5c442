package dev.keystore.jdbc;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * A store that can only be read: how SQLite opens it, and what tells that somebody else has written to it all the same.
 *
 * <p>SQLite follows another process's commits through the log and its index ({@code -wal} and {@code -shm}), but creates
 * neither where it may not. Where both are there, they are used. Where there is no log, all is in the file, which is read as
 * immutable, without locks; what a writer does then is noticed after each read, by the file's size and time and by a log that
 * has come into being. A log without its index can't be read (sqlite.org/wal.html#read_only_databases).
 */
final class SqliteFrozenFile {

    /** Less is no index: a creator has failed at it, for want of space. */
    private static final long INDEX_BYTES = 32_768;

    private record State(long bytes, long modifiedMillis, long logBytes) {}

    private final Path path;
    private final String why;

    /** What it was when it was opened as immutable, or null if it was not. */
    private final @Nullable State frozen;

    private SqliteFrozenFile(Path path, String why, @Nullable State frozen) {
        this.path = path;
        this.why = why;
        this.frozen = frozen;
    }

    /**
     * Looks at a file that is not empty.
     *
     * @param why what keeps it from being written, and what to do, for messages
     * @throws StoreOpenException if its log can't be read
     */
    static SqliteFrozenFile of(Path path, String why) {
        try {
            boolean hasIndex = bytes(beside(path, "-shm")) >= INDEX_BYTES && Files.exists(beside(path, "-wal"));
            State state = state(path);
            if (!hasIndex && state.logBytes > 0) {
                throw new StoreOpenException(
                        path + " can't be read: " + why + ". Its log " + beside(path, "-wal")
                                + " holds commits, and SQLite can't read them without writing an index of it beside it",
                        null);
            }
            return new SqliteFrozenFile(path, why, hasIndex ? null : state);
        } catch (IOException e) {
            throw new StoreOpenException(path + " can't be looked at: " + e, e);
        }
    }

    private static State state(Path path) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        return new State(attributes.size(), attributes.lastModifiedTime().toMillis(), bytes(beside(path, "-wal")));
    }

    private static long bytes(Path path) throws IOException {
        try {
            return Files.size(path);
        } catch (NoSuchFileException e) {
            return 0;
        }
    }

    private static Path beside(Path path, String suffix) {
        return path.resolveSibling(path.getFileName() + suffix);
    }

    /** Returns what the driver opens. */
    String url() {
        return "jdbc:sqlite:" + path.toUri() + (frozen == null ? "" : "?immutable=1");
    }

    /** Returns what keeps it from being written. */
    String why() {
        return why;
    }

    /**
     * Requires that what was just read is what was there when the file was opened.
     *
     * @throws BackendException if somebody has written to it; what was read may be of no one point in time
     */
    void requireUnchanged() {
        try {
            if (frozen != null && !frozen.equals(state(path))) {
                throw BackendException.permanent(
                        path
                                + ": another process has written to it since it was opened for reading only; open it again",
                        null);
            }
        } catch (IOException e) {
            throw BackendException.permanent(path + ": can't be looked at: " + e, e);
        }
    }
}
