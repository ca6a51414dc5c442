package dev.keystore.jdbc;

import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.support.Folders;
import dev.keystore.spi.support.Mounts;
import dev.keystore.spi.support.OwnerOnly;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The file of a store and the folders above it: examined before anything is changed, created with access for the owner
 * only, and deleted again if opening the new store fails.
 */
final class SqliteFile {

    private final Path path;

    /** The file that the path leads to, which differs from the path if that is a symbolic link. */
    private final Path target;

    private final boolean existed;
    private final @Nullable String obstacle;
    private final Deque<Path> created = new ArrayDeque<>();

    private SqliteFile(Path path, Path target, boolean existed, @Nullable String obstacle) {
        this.path = path;
        this.target = target;
        this.existed = existed;
        this.obstacle = obstacle;
    }

    /**
     * Examines what is at a path, without changing anything.
     *
     * @throws StoreOpenException if there can't be a store at the path, or something else is there
     */
    static SqliteFile examine(Path path) {
        if (Files.isDirectory(path)) {
            throw new StoreOpenException(path + ": could not open: it is a folder; name a file in it", null);
        }
        Path target = target(path);
        Path folder = Folders.nearestExisting(Folders.parentOf(target));
        if (!Files.isDirectory(folder)) {
            throw new StoreOpenException(
                    path + ": could not open: " + folder + " is not a folder; name a file in one that can be written",
                    null);
        }
        requireNoMount(path);
        boolean empty = isEmpty(path);
        String obstacle = obstacle(path, folder, empty);
        if (empty) {
            requireNoLog(path);
            if (obstacle != null) {
                throw new StoreOpenException(path + ": could not open: " + obstacle, null);
            }
        } else {
            requireOneName(path);
            if (!Files.isReadable(path)) {
                throw new StoreOpenException(
                        path
                                + ": could not open: it cannot be read and written; make the file readable and"
                                + " writable for this user",
                        null);
            }
            SqliteFormat.examine(path, suffix -> !isEmpty(sibling(path, suffix)));
        }
        return new SqliteFile(path, target, !empty, obstacle);
    }

    /** Returns why a store can't be written, and what to do; or null if it can. */
    private static @Nullable String obstacle(Path path, Path folder, boolean empty) {
        if (!Files.isWritable(folder) || !Files.isExecutable(folder)) {
            return folder + " cannot be written, and SQLite keeps its log in the folder of the file;"
                    + " make the folder writable for this user";
        }
        return empty || Files.isWritable(path)
                ? null
                : "the file cannot be written; make it readable and writable for this user";
    }

    /**
     * The log is found by the file's name: commits made through one name are not seen through another, and are lost.
     */
    private static void requireOneName(Path path) {
        try {
            boolean unix = path.getFileSystem().supportedFileAttributeViews().contains("unix");
            int names = unix ? (int) Files.getAttribute(path, "unix:nlink") : 1;
            if (names > 1) {
                throw new StoreOpenException(
                        path + ": could not open: it is one of " + names
                                + " names (hard links) of its file, and SQLite keeps a log for each"
                                + " name: commits made through one name are lost for the others; close every database"
                                + " that has the file open, and delete all names except the one that is in use",
                        null);
            }
        } catch (IOException e) {
            throw new StoreOpenException(SqliteTarget.notExaminable(path, e), e);
        }
    }

    /** Returns how to open the store if it can only be read; null if it can be written. */
    @Nullable
    SqliteReadOnlyFile readOnly() {
        return obstacle == null ? null : SqliteReadOnlyFile.of(path, obstacle);
    }

    /** Returns whether the file existed and was not empty before {@link #create}. */
    boolean existed() {
        return existed;
    }

    /**
     * Checks that there may be a store at a path, without changing anything.
     *
     * @throws StoreNotFoundException if the file is missing or empty
     * @throws StoreOpenException if the file is missing or empty, but its log is not
     */
    static void requireStore(Path path) {
        if (!Files.isDirectory(path) && isEmpty(path)) {
            requireNoLog(path);
            throw SqliteFormat.notFound(path);
        }
    }

    /** Creates the missing folders and an empty file, with access for the owner only. */
    void create() {
        try {
            Path folder = Folders.parentOf(target);
            forceName(Folders.nearestExisting(folder));
            Folders.createMissing(folder, created::push);
            createFile();
        } catch (IOException e) {
            throw new StoreOpenException(
                    path + ": could not create the file: " + e
                            + "; make the folders above it readable and writable for this user, or replace the disk",
                    e);
        }
    }

    /** Deletes what {@link #create} created, except a file that another process has opened meanwhile. */
    void undo(Throwable failure) {
        try {
            while (!created.isEmpty()) {
                Path last = created.pop();
                if (last.equals(target)
                        && (Files.exists(sibling(path, "-wal")) || Files.exists(sibling(path, "-shm")))) {
                    return;
                }
                Files.deleteIfExists(last);
            }
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /**
     * Forces the name of an existing folder, since an earlier process of this user may have created it and been killed
     * before it forced the name. A folder whose parent this user can neither read nor change was created by another
     * user.
     */
    private void forceName(Path folder) throws IOException {
        Path parent = Folders.parentOf(folder.toRealPath());
        if (!Files.exists(target) && (Files.isReadable(parent) || Files.isWritable(parent))) {
            Folders.force(parent);
        }
    }

    private void createFile() throws IOException {
        if (Files.exists(target)) {
            return;
        }
        try {
            OwnerOnly.createFile(target);
        } catch (FileAlreadyExistsException e) {
            return;
        }
        created.push(target);
        Folders.force(Folders.parentOf(target));
    }

    private static boolean isEmpty(Path path) {
        try {
            return Files.size(path) == 0;
        } catch (NoSuchFileException e) {
            return true;
        } catch (IOException e) {
            throw new StoreOpenException(SqliteTarget.notExaminable(path, e), e);
        }
    }

    /** If only the file is mounted, the log stays inside the container, and the last commits are lost with it. */
    private static void requireNoMount(Path path) {
        try {
            if (Files.exists(path) && isMountPoint(path)) {
                throw new StoreOpenException(
                        path
                                + ": could not open: it is a mount point, and SQLite keeps the last commits in a log"
                                + " in the same folder, which the mount leaves out; mount the folder that holds the"
                                + " file, not the file",
                        null);
            }
        } catch (IOException e) {
            throw new StoreOpenException(SqliteTarget.notExaminable(path, e), e);
        }
    }

    /**
     * Returns whether a file is listed as a mount point, or, if the system has no list, is on another device than its
     * folder.
     */
    private static boolean isMountPoint(Path path) throws IOException {
        Path real = path.toRealPath();
        Optional<Set<String>> points = Mounts.points();
        return points.isPresent()
                ? points.get().contains(real.toString())
                : !Mounts.areOnSameDevice(real, Folders.parentOf(real));
    }

    /** SQLite deletes the log of an empty file, with all commits in it. */
    private static void requireNoLog(Path path) {
        Path log = sibling(path, "-wal");
        // In this order: another process may be creating the file, and creates the log later.
        if (!isEmpty(log) && isEmpty(path)) {
            throw new StoreOpenException(
                    path + ": could not open: it is missing or empty, but its log " + log
                            + " is not; keep the log, which holds the last commits,"
                            + " and put back the file that was here with it"
                            + SqliteFailures.NEVER_COPY,
                    null);
        }
    }

    private static Path target(Path path) {
        try {
            return SqliteTarget.file(path);
        } catch (IOException e) {
            throw new StoreOpenException(SqliteTarget.notExaminable(path, e), e);
        }
    }

    private static Path sibling(Path path, String suffix) {
        try {
            return SqliteTarget.sibling(path, suffix);
        } catch (IOException e) {
            throw new StoreOpenException(SqliteTarget.notExaminable(path, e), e);
        }
    }
}
