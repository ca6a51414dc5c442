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
 * The file of a store that can only be read: how SQLite opens it, and how a write by another process is detected.
 *
 * <p>SQLite follows another process's commits through the log and its index ({@code -wal} and {@code -shm}), but can't
 * create them in a folder that it can't write to. If both exist, they are used. If there is no log, everything is in
 * the file, which is read as immutable, without locks; each read then checks whether the file's size or time has
 * changed, or a log has appeared. A log without an index can't be read (sqlite.org/wal.html#read_only_databases).
 */
final class SqliteReadOnlyFile {

    /** A shorter file is not an index: there was no space to create it. */
    private static final long INDEX_BYTES = 32_768;

    private record FileState(long bytes, long modifiedMillis, long logBytes) {}

    private final Path path;
    private final Path log;
    private final String why;

    /** The state at opening if the file is read as immutable; otherwise null. */
    private final @Nullable FileState immutable;

    private SqliteReadOnlyFile(Path path, Path log, String why, @Nullable FileState immutable) {
        this.path = path;
        this.log = log;
        this.why = why;
        this.immutable = immutable;
    }

    /**
     * Examines a file that is not empty.
     *
     * @param why why it can't be written, and what to do, for messages
     * @throws StoreOpenException if its log can't be read
     */
    static SqliteReadOnlyFile of(Path path, String why) {
        try {
            Path log = SqliteTarget.sibling(path, "-wal");
            boolean hasIndex = bytes(SqliteTarget.sibling(path, "-shm")) >= INDEX_BYTES && Files.exists(log);
            FileState state = state(path, log);
            if (!hasIndex && state.logBytes > 0) {
                throw new StoreOpenException(
                        path + ": could not open: its log " + log
                                + " holds commits, which SQLite cannot read without creating an index next to it, and "
                                + why,
                        null);
            }
            return new SqliteReadOnlyFile(path, log, why, hasIndex ? null : state);
        } catch (IOException e) {
            throw new StoreOpenException(SqliteTarget.notExaminable(path, e), e);
        }
    }

    private static FileState state(Path path, Path log) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        return new FileState(attributes.size(), attributes.lastModifiedTime().toMillis(), bytes(log));
    }

    private static long bytes(Path path) throws IOException {
        try {
            return Files.size(path);
        } catch (NoSuchFileException e) {
            return 0;
        }
    }

    /** Returns the URL for the driver. */
    String url() {
        return "jdbc:sqlite:" + path.toUri() + (immutable == null ? "" : "?immutable=1");
    }

    /** Returns why it can't be written, and what to do. */
    String reason() {
        return why;
    }

    /**
     * Checks after a read that the file has not changed since it was opened.
     *
     * @throws BackendException if another process has written to it; the result may combine two states
     */
    void requireUnchanged() {
        try {
            if (immutable != null && !immutable.equals(state(path, log))) {
                throw BackendException.permanent(
                        path + ": could not read: another process has written to the file since it was opened for"
                                + " reading only; open it again",
                        null);
            }
        } catch (IOException e) {
            throw BackendException.permanent(SqliteTarget.notExaminable(path, e), e);
        }
    }
}
