package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.FolderChanges;
import dev.keystore.spi.support.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * The database file and the log that an open store writes to, and whether their paths still lead to them.
 *
 * <p>A file that is removed, moved or replaced stays open, and commits to it succeed although they are lost with it.
 * SQLite itself only logs a warning (sqlite.org/howtocorrupt.html, 2.4). Files are identified by device and inode,
 * which are not reused while a file is open. On Windows, where open files can't be removed, nothing is checked.
 *
 * <p>A file that is overwritten in place, for example by {@code cp other.db keys.db}, keeps its inode: that is not
 * detected, and damages the store. Another file system that is mounted over the path is noticed within a second, when
 * the files are next looked at.
 *
 * <p>Concurrency: any thread may use this. A placement other than {@link Placement#IN_PLACE} is final: even if the file
 * is moved back, it may have been written to meanwhile without the log.
 */
final class SqliteOpenFiles {

    /** Whether the paths lead to the open files. */
    enum Placement {
        /** Both paths lead to the open files. */
        IN_PLACE,
        /** The path of the database file leads to no file or another one; the log does not matter any more. */
        DATABASE_GONE,
        /**
         * The path of the log leads to no file or another one. A connection that has the log open can still move its
         * content into the file.
         */
        LOG_GONE
    }

    private final Path path;

    /** The log's path, in the folder of the database file itself: the path of the store may be a symbolic link. */
    private final Path log;

    private final @Nullable Object fileKey;
    private final @Nullable Object logKey;

    /** Shows changes of both names; null if the log is in another folder, since the path is a symbolic link. */
    private final @Nullable FolderChanges folder;

    /** The state of the folder before both files were found in place; null if they have to be looked at. */
    private volatile FolderChanges.@Nullable State inPlace;

    private volatile Placement known = Placement.IN_PLACE;

    /**
     * Records the files of a store that has just been opened.
     *
     * @param fileKey what {@link #key} returned for the path before it was opened
     */
    SqliteOpenFiles(Path path, @Nullable Object fileKey) throws IOException {
        this.path = path;
        this.log = SqliteTarget.sibling(path, "-wal");
        Path parent = Folders.parentOf(path.toAbsolutePath());
        this.folder = parent.equals(Folders.parentOf(log.toAbsolutePath())) ? new FolderChanges(parent) : null;
        this.fileKey = fileKey;
        this.logKey = key(log);
    }

    /** Returns the identity of a file, its device and inode; {@code null} where the system has no such key. */
    static @Nullable Object key(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    }

    Path path() {
        return path;
    }

    /** Returns the path of the log. */
    Path log() {
        return log;
    }

    /**
     * Checks where the paths lead, for a commit: by a look at the folder if nothing has changed there within the last
     * second, and otherwise at the files.
     */
    Placement checkForCommit() {
        FolderChanges.State state = folder == null ? null : folder.state();
        if (state == null || !state.isUnchangedSince(inPlace)) {
            boolean found = check() == Placement.IN_PLACE;
            inPlace = found && state != null && !Files.isSymbolicLink(path) ? state : null;
        }
        return known;
    }

    /** Checks where the paths lead, by a look at the files. */
    Placement check() {
        if (known == Placement.IN_PLACE) {
            if (!leadsTo(path, fileKey)) {
                known = Placement.DATABASE_GONE;
            } else if (!leadsTo(log, logKey)) {
                known = Placement.LOG_GONE;
            }
        }
        return known;
    }

    /** Returns what the last check found. */
    Placement lastPlacement() {
        return known;
    }

    /**
     * Checks that commits can be found again.
     *
     * @throws BackendException (permanent) if not
     */
    void requireInPlace() {
        Placement found = check();
        if (found != Placement.IN_PLACE) {
            throw BackendException.permanent(path + ": could not open: " + reason(found), null);
        }
    }

    /** Returns why files that are not in place can't be used, and what to do. */
    String reason(Placement gone) {
        return finding(gone) + "; close the database, "
                + (gone == Placement.DATABASE_GONE
                        ? "and open the file that is to be used"
                        : "which moves the log into the file, and open it again");
    }

    /** Returns which file is not in place, for messages. */
    String finding(Placement gone) {
        String lost = " is open, which was removed, moved or replaced";
        return gone == Placement.DATABASE_GONE
                ? "the path no longer leads to the file that" + lost
                : "the path of its log " + log + " no longer leads to the log that" + lost;
    }

    /** Returns whether the path leads to the open database file now. */
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
