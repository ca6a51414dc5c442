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
 * The folder of a store, and the writes to it that survive a crash.
 *
 * <pre>
 * format            what wrote the folder; there from the moment when the folder is a store
 * lock              locked by the process that has the store open
 * temporary/        files that are being written; what a crash left of them is removed at open
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

    private StoreFolder(Path root, FolderLock lock) {
        this.root = root;
        this.lock = lock;
    }

    /**
     * Opens a store, or creates it.
     *
     * @throws StoreNotFoundException if there is none, and it must exist; nothing was created
     */
    static StoreFolder open(Path path, boolean mustExist) {
        try {
            return Interrupts.uninterrupted(() -> {
                if (!examine(path) && mustExist) {
                    throw new StoreNotFoundException(path + " holds no store, and nothing was created; check the path");
                }
                makeFolder(path);
                return openAlone(path.toRealPath());
            });
        } catch (IOException | UnsupportedOperationException | BackendException e) {
            throw new StoreOpenException(path + " can't be opened as a store: " + e, e);
        }
    }

    /** Looks at what is there before anything is changed, and tells whether it is a store. */
    private static boolean examine(Path path) throws IOException {
        if (!Files.exists(path)) {
            return false;
        }
        if (Files.exists(path.resolve("format"))) {
            String found = Files.readString(path.resolve("format"));
            if (!found.equals(FORMAT)) {
                throw new UnsupportedFormatException(
                        path + " holds \"" + found.strip() + "\", known is " + FORMAT.strip());
            }
            return true;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                if (!BEFORE_FORMAT.contains(file.getFileName().toString())) {
                    throw new UnsupportedFormatException(path + " is no store of this kind: it holds " + file);
                }
            }
        }
        return false;
    }

    private static StoreFolder openAlone(Path root) throws IOException {
        createLockFile(root.resolve("lock"));
        FolderLock lock = FolderLock.acquire(root, root.resolve("lock"));
        try {
            StoreFolder folder = new StoreFolder(root, lock);
            folder.prepare();
            return folder;
        } catch (IOException | RuntimeException e) {
            lock.release();
            throw e;
        }
    }

    private static void createLockFile(Path file) throws IOException {
        try {
            OwnerOnly.createFile(file);
        } catch (FileAlreadyExistsException e) {
            // It stays when a store is closed.
        }
    }

    private void prepare() throws IOException {
        if (!Files.exists(root.resolve("format"))) {
            Folders.force(root.getParent());
            write(root.resolve("format.new"), root.resolve("format"), FORMAT.getBytes(StandardCharsets.UTF_8));
        }
        makeFolder(root.resolve("entries"));
        makeFolder(root.resolve("temporary"));
        Folders.force(root);
        try (DirectoryStream<Path> leftovers = Files.newDirectoryStream(root.resolve("temporary"))) {
            for (Path leftover : leftovers) {
                Files.delete(leftover);
            }
        }
    }

    Path ofContext(String name) {
        return root.resolve("entries").resolve(name);
    }

    /** Creates a context's folder. */
    void makeContext(String name) throws IOException {
        if (!durableContexts.contains(name)) {
            makeFolder(ofContext(name));
            makeDurable(name);
        }
    }

    /**
     * Forces a context's names, once in each opening, before anything is read or built on it: a process that was killed
     * may have renamed or removed files and not forced their folder, and what is seen of that must not change again.
     */
    void makeDurable(String name) throws IOException {
        if (!durableContexts.contains(name) && Files.exists(ofContext(name))) {
            Folders.force(ofContext(name));
            Folders.force(root.resolve("entries"));
            durableContexts.add(name);
        }
    }

    /** Writes a file in place of the one that may be there: on return it survives a crash; before, either does. */
    void replace(Path file, byte[]... parts) throws IOException {
        write(root.resolve("temporary").resolve("" + temporaries.incrementAndGet()), file, parts);
    }

    /** Removes a file. One that is gone already may have been removed by a try that failed later, so the fsync counts. */
    void remove(Path file) throws IOException {
        Files.deleteIfExists(file);
        if (Files.exists(file.getParent())) {
            syncChanged(file.getParent());
        }
    }

    /** Tells an entry that does not exist from a store that is gone, such as a disk that was unmounted. */
    void requireThere() throws IOException {
        if (!Files.exists(root.resolve("format"))) {
            throw new NoSuchFileException(root + " is no store any more");
        }
    }

    /** Releases the folder. A second call does nothing. */
    void close() throws IOException {
        lock.release();
    }

    private static void write(Path temporary, Path file, byte[]... parts) throws IOException {
        try {
            Set<StandardOpenOption> anew =
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
            try (FileChannel channel = FileChannel.open(temporary, anew, OwnerOnly.fileAttributes(temporary))) {
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
        syncChanged(file.getParent());
    }

    /** The change is made and can be seen; if the fsync fails, nobody knows whether a crash would undo it. */
    private static void syncChanged(Path folder) throws IOException {
        try {
            Folders.force(folder);
        } catch (IOException e) {
            throw BackendException.outcomeUnknown("Could not fsync " + folder + ": " + e, e);
        }
    }

    private static void makeFolder(Path folder) throws IOException {
        try {
            OwnerOnly.createFolder(folder);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(folder)) {
                throw e;
            }
        }
    }
}
