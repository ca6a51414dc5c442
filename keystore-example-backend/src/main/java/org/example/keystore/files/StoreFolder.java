package org.example.keystore.files;

import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.FolderLock;
import dev.keystore.spi.support.Folders;
import dev.keystore.spi.support.Interrupts;
import dev.keystore.spi.support.OwnerOnly;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The folder of a store, and durable writes to it. Once the fsync of a folder has failed, nothing more is written.
 *
 * <pre>
 * format            the format and its version; a folder is a store once this file exists
 * lock              locked by the process that has the store open
 * temporary/        files that are being written; leftovers of a crash are removed at opening
 * entries/CONTEXT/  the files of a context's entries
 * </pre>
 */
final class StoreFolder {

    private static final String FORMAT = "keystore-example-backend 1\n";
    private static final Set<String> BEFORE_FORMAT = Set.of("lock", "format.new");

    private final Path root;
    private final FolderLock lock;
    private final AtomicLong temporaries = new AtomicLong();
    private final Set<String> durableContexts = ConcurrentHashMap.newKeySet();
    private volatile boolean forceFailed;

    private StoreFolder(Path root, FolderLock lock) {
        this.root = root;
        this.lock = lock;
    }

    /**
     * Opens a store, or creates it.
     *
     * @throws StoreNotFoundException if there is no store, and it must exist; nothing was created
     */
    static StoreFolder open(Path path, boolean mustExist) {
        try {
            return Interrupts.uninterrupted(() -> {
                if (!examine(path) && mustExist) {
                    throw new StoreNotFoundException(
                            path + ": could not open: there is no store, and nothing was created; check the path");
                }
                createIfMissing(path);
                return openAlone(path.toRealPath());
            });
        } catch (IOException | UnsupportedOperationException | BackendException e) {
            throw new StoreOpenException(path + ": could not open: " + e, e);
        }
    }

    /** Examines a path before anything is changed, and returns whether it is a store. */
    private static boolean examine(Path path) throws IOException {
        if (!Files.exists(path)) {
            return false;
        }
        if (Files.exists(path.resolve("format"))) {
            String found = Files.readString(path.resolve("format"));
            if (!found.equals(FORMAT)) {
                throw new UnsupportedFormatException(path + ": could not open: it is a store of format \""
                        + found.strip() + "\", and this version supports \"" + FORMAT.strip() + "\"");
            }
            return true;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                if (!BEFORE_FORMAT.contains(file.getFileName().toString())) {
                    throw new UnsupportedFormatException(
                            path + ": could not open: it is not a store of this kind, since it holds " + file
                                    + "; name another folder");
                }
            }
        }
        return false;
    }

    static StoreFolder openAlone(Path root) throws IOException {
        createLockFile(root.resolve("lock"));
        FolderLock lock = FolderLock.acquire(root, root.resolve("lock"));
        try {
            StoreFolder folder = new StoreFolder(root, lock);
            folder.prepare();
            return folder;
        } catch (IOException | RuntimeException | Error e) {
            release(lock, e);
            throw e;
        }
    }

    private static void release(FolderLock lock, Throwable failure) {
        try {
            lock.release();
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    private static void createLockFile(Path file) throws IOException {
        try {
            OwnerOnly.createFile(file);
        } catch (FileAlreadyExistsException e) {
            // The file stays when a store is closed.
        }
    }

    private void prepare() throws IOException {
        if (!Files.exists(root.resolve("format"))) {
            force(root.getParent());
            write(root.resolve("format.new"), root.resolve("format"), FORMAT.getBytes(StandardCharsets.UTF_8));
        }
        createIfMissing(root.resolve("entries"));
        createIfMissing(root.resolve("temporary"));
        force(root);
        try (DirectoryStream<Path> leftovers = Files.newDirectoryStream(root.resolve("temporary"))) {
            for (Path leftover : leftovers) {
                Files.delete(leftover);
            }
        }
    }

    /** Returns the folder that holds the folders of all contexts. */
    Path ofEntries() {
        return root.resolve("entries");
    }

    Path ofContext(String name) {
        return ofEntries().resolve(name);
    }

    /** Creates a context's folder. */
    void createContext(String name) throws IOException {
        requireNoFailedForce();
        if (!durableContexts.contains(name)) {
            createIfMissing(ofContext(name));
            makeDurable(name);
        }
    }

    /**
     * Forces a context's folder, once in each opening, before anything is read from it: a process that was killed may
     * have renamed or removed files without forcing their folder, and power loss must not undo what a reader has seen.
     */
    void makeDurable(String name) throws IOException {
        if (!durableContexts.contains(name) && Files.exists(ofContext(name))) {
            force(ofContext(name));
            force(root.resolve("entries"));
            durableContexts.add(name);
        }
    }

    /**
     * Writes a file, replacing any existing one. On return the new file survives a crash; until then, the new one or
     * the old one does.
     */
    void replace(Path file, byte[]... parts) throws IOException {
        requireNoFailedForce();
        write(root.resolve("temporary").resolve("" + temporaries.incrementAndGet()), file, parts);
    }

    /**
     * Removes a file. The folder is forced even if the file is absent, since a process that was killed may have removed
     * it.
     */
    void remove(Path file) throws IOException {
        requireNoFailedForce();
        Files.deleteIfExists(file);
        if (Files.exists(file.getParent())) {
            forceChanged(file.getParent());
        }
    }

    /** Distinguishes an absent entry from a missing store, for example on a disk that was unmounted. */
    void requireStore() throws IOException {
        if (!Files.exists(root.resolve("format"))) {
            throw new NoSuchFileException(root + " is no longer a store; check that its disk is mounted");
        }
    }

    /** Releases the folder. A second call does nothing. */
    void close() throws IOException {
        lock.release();
    }

    @Override
    public String toString() {
        return root.toString();
    }

    private void write(Path temporary, Path file, byte[]... parts) throws IOException {
        try {
            Set<StandardOpenOption> options =
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
            try (FileChannel channel = FileChannel.open(temporary, options, OwnerOnly.fileAttributes(temporary))) {
                for (byte[] part : parts) {
                    ByteBuffer rest = ByteBuffer.wrap(part);
                    while (rest.hasRemaining()) {
                        channel.write(rest);
                    }
                }
                channel.force(true);
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            Files.deleteIfExists(temporary);
            throw e;
        }
        forceChanged(file.getParent());
    }

    /** Forces a folder in which a change is already visible. If that fails, a crash may or may not undo the change. */
    private void forceChanged(Path folder) throws IOException {
        try {
            force(folder);
        } catch (IOException e) {
            throw BackendException.outcomeUnknown(folder + ": could not fsync: " + e, e);
        }
    }

    /**
     * Forces a folder. Once that has failed, no folder is forced again: that could succeed without making anything
     * durable.
     */
    private void force(Path folder) throws IOException {
        requireNoFailedForce();
        try {
            Folders.force(folder);
        } catch (IOException e) {
            forceFailed = true;
            throw e;
        }
    }

    private void requireNoFailedForce() throws IOException {
        if (forceFailed) {
            throw new IOException("an earlier fsync of a folder in " + root
                    + " failed; check the disk, then close the store and open it again");
        }
    }

    private static void createIfMissing(Path folder) throws IOException {
        try {
            OwnerOnly.createFolder(folder);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(folder)) {
                throw e;
            }
        }
    }
}
