package dev.keystore.jdbc;

import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The file of a store and the folders above it: looked at before anything is changed, created for the owner alone, and
 * taken away again when opening fails.
 */
final class SqliteFile {

    private final Path path;
    private final boolean wasThere;
    private final @Nullable String obstacle;
    private final Deque<Path> created = new ArrayDeque<>();

    private SqliteFile(Path path, boolean wasThere, @Nullable String obstacle) {
        this.path = path;
        this.wasThere = wasThere;
        this.obstacle = obstacle;
    }

    /**
     * Looks at what is at a path, and changes nothing.
     *
     * @throws StoreOpenException if no store can be there, or what is there is none
     */
    static SqliteFile examine(Path path) {
        if (Files.isDirectory(path)) {
            throw new StoreOpenException(path + " is a folder; name a file in it", null);
        }
        Path folder = nearestExisting(folderOf(path));
        if (!Files.isDirectory(folder)) {
            throw new StoreOpenException(folder + " is not a folder; name a file in one that can be written", null);
        }
        requireNoMount(path);
        boolean empty = isEmpty(path);
        String obstacle = obstacle(path, folder, empty);
        if (empty) {
            requireNoLog(path);
            if (obstacle != null) {
                throw new StoreOpenException(obstacle, null);
            }
        } else {
            requireOneName(path);
            if (!Files.isReadable(path)) {
                throw new StoreOpenException(
                        path + " can't be read and written; make the file readable and writable for this user", null);
            }
            SqliteFormat.examine(path, suffix -> !isEmpty(beside(path, suffix)));
        }
        return new SqliteFile(path, !empty, obstacle);
    }

    /** Returns what keeps a store from being written, and what to do; or null. */
    private static @Nullable String obstacle(Path path, Path folder, boolean empty) {
        if (!Files.isWritable(folder) || !Files.isExecutable(folder)) {
            return folder + " can't be written, and SQLite keeps its log beside the file;"
                    + " make the folder writable for this user";
        }
        return empty || Files.isWritable(path)
                ? null
                : path + " can't be written; make the file readable and writable for this user";
    }

    /** The log goes by the name: what is committed through one name is not seen through another, and is lost to it. */
    private static void requireOneName(Path path) {
        try {
            boolean unix = path.getFileSystem().supportedFileAttributeViews().contains("unix");
            int names = unix ? (int) Files.getAttribute(path, "unix:nlink") : 1;
            if (names > 1) {
                throw new StoreOpenException(
                        path + " is one of " + names
                                + " names (hard links) of its file, and SQLite keeps a log for each"
                                + " name: commits made through one are lost to the others. Close every store of the file,"
                                + " and delete all names except the one that is in use",
                        null);
            }
        } catch (IOException e) {
            throw new StoreOpenException(path + " can't be looked at: " + e, e);
        }
    }

    /** Returns the store as one that can only be read, or null if it can be written. */
    @Nullable
    SqliteFrozenFile frozen() {
        return obstacle == null ? null : SqliteFrozenFile.of(path, obstacle);
    }

    /** Returns whether the file held something before {@link #create}. */
    boolean wasThere() {
        return wasThere;
    }

    /**
     * Requires that there is something at a path that may be a store, and changes nothing.
     *
     * @throws StoreNotFoundException if the file is missing or empty
     * @throws StoreOpenException if it is, but its log is not
     */
    static void requireStore(Path path) {
        if (!Files.isDirectory(path) && isEmpty(path)) {
            requireNoLog(path);
            throw notFound(path);
        }
    }

    static StoreNotFoundException notFound(Path path) {
        return new StoreNotFoundException(path + (Files.exists(path) ? " holds no key store" : " does not exist")
                + ", and nothing was created; check the path, or open it without mustExist to create a store there");
    }

    /** Creates the folders and the file that are missing, so that SQLite finds an empty file of the owner's. */
    void create() {
        try {
            createFolders(folderOf(path));
            createFile();
        } catch (IOException e) {
            throw new StoreOpenException(path + " could not be created: " + e, e);
        }
    }

    /** Removes what {@link #create} made, but for a file that somebody else has opened meanwhile. */
    void undo(Throwable failure) {
        try {
            while (!created.isEmpty()) {
                Path last = created.pop();
                if (last.equals(path) && (Files.exists(beside("-wal")) || Files.exists(beside("-shm")))) {
                    return;
                }
                Files.deleteIfExists(last);
            }
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    private void createFolders(Path folder) throws IOException {
        if (Files.exists(folder)) {
            forceName(folder);
            return;
        }
        createFolders(folderOf(folder));
        try {
            Files.createDirectory(folder, ownerOnly(folder, "rwx------"));
        } catch (FileAlreadyExistsException e) {
            return;
        }
        created.push(folder);
        DurableNames.force(folderOf(folder));
    }

    /** Somebody who has created a folder may have died before its name was forced; a user who can't read, has not. */
    private void forceName(Path folder) throws IOException {
        if (!Files.exists(path) && Files.isReadable(folderOf(folder))) {
            DurableNames.force(folderOf(folder));
        }
    }

    private void createFile() throws IOException {
        if (Files.exists(path)) {
            return;
        }
        try {
            Files.createFile(path, ownerOnly(path, "rw-------"));
        } catch (FileAlreadyExistsException e) {
            return;
        }
        created.push(path);
        DurableNames.force(folderOf(path));
    }

    static FileAttribute<?>[] ownerOnly(Path path, String permissions) {
        boolean posix = path.getFileSystem().supportedFileAttributeViews().contains("posix");
        return posix
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }

    private static Path nearestExisting(Path folder) {
        Path existing = folder;
        while (!Files.exists(existing)) {
            existing = folderOf(existing);
        }
        return existing;
    }

    /** Returns the folder that an absolute path is in; the root, which always exists, is in itself. */
    private static Path folderOf(Path path) {
        Path folder = path.getParent();
        return folder == null ? path : folder;
    }

    private static boolean isEmpty(Path path) {
        try {
            return Files.size(path) == 0;
        } catch (NoSuchFileException e) {
            return true;
        } catch (IOException e) {
            throw new StoreOpenException(path + " can't be looked at: " + e, e);
        }
    }

    /** A container that mounts the file alone keeps the log to itself, and loses it with what was committed last. */
    private static void requireNoMount(Path path) {
        try {
            if (Files.exists(path) && SqliteMounts.isMountPoint(path)) {
                throw new StoreOpenException(
                        path + " is a mount point, and SQLite keeps what was committed last in a log beside the file,"
                                + " which the mount leaves out; mount the folder that holds the file, not the file",
                        null);
            }
        } catch (IOException e) {
            throw new StoreOpenException(path + " can't be looked at: " + e, e);
        }
    }

    /** SQLite deletes the log of a database that is empty, with all that was committed to it. */
    private static void requireNoLog(Path path) {
        Path log = beside(path, "-wal");
        // In this order: somebody else may be creating the file, which comes before its log.
        if (!isEmpty(log) && isEmpty(path)) {
            throw new StoreOpenException(
                    path + " is missing or empty, but its log " + log + " is not;"
                            + " move the file that belongs to this log beside it, never an older copy of it,"
                            + " or move the log away",
                    null);
        }
    }

    private Path beside(String suffix) {
        return beside(path, suffix);
    }

    /** Returns the path of a file that SQLite keeps beside a store; where the store is a link, beside what it leads to. */
    private static Path beside(Path path, String suffix) {
        Path target = path;
        if (Files.isSymbolicLink(path) && Files.exists(path)) {
            try {
                target = path.toRealPath();
            } catch (IOException e) {
                throw new StoreOpenException(path + " can't be looked at: " + e, e);
            }
        }
        return target.resolveSibling(target.getFileName() + suffix);
    }
}
