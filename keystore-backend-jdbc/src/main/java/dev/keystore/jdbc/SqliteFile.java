package dev.keystore.jdbc;

import dev.keystore.StoreOpenException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The file of a store and the folders above it: looked at before anything is changed, created for the owner alone, and
 * taken away again when opening fails.
 */
final class SqliteFile {

    private final Path path;
    private final Deque<Path> created = new ArrayDeque<>();

    private SqliteFile(Path path) {
        this.path = path;
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
        if (!Files.isWritable(folder) || !Files.isExecutable(folder)) {
            throw new StoreOpenException(
                    folder + " can't be written, and SQLite keeps its log beside the file;"
                            + " make the folder writable for this user",
                    null);
        }
        requireNoMount(path);
        if (isEmpty(path)) {
            requireNoLog(path);
        } else if (!Files.isReadable(path) || !Files.isWritable(path)) {
            throw new StoreOpenException(
                    path + " can't be read and written; make the file readable and writable for this user", null);
        } else {
            SqliteFormat.examine(path, suffix -> !isEmpty(beside(path, suffix)));
        }
        return new SqliteFile(path);
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
            return;
        }
        createFolders(folderOf(folder));
        try {
            Files.createDirectory(folder, ownerOnly(folder, "rwx------"));
        } catch (FileAlreadyExistsException e) {
            return;
        }
        created.push(folder);
        force(folderOf(folder));
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
        force(folderOf(path));
    }

    static FileAttribute<?>[] ownerOnly(Path path, String permissions) {
        boolean posix = path.getFileSystem().supportedFileAttributeViews().contains("posix");
        return posix
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }

    /** Makes a new name in a folder survive power loss, where the system lets a folder be opened. */
    private static void force(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // Windows opens no folders, and needs no such call.
        }
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
                            + " bring back the file that belongs to the log, or move the log away",
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
