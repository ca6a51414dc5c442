package org.example.keystore.files;

import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.BackendException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
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
    private static final FileAttribute<?> OWNERS_FILE = permissions("rw-------");
    private static final FileAttribute<?> OWNERS_FOLDER = permissions("rwx------");

    /** Closing a second channel of the lock file would drop the first one's lock, so none is opened. */
    private static final Set<Path> OPEN = ConcurrentHashMap.newKeySet();

    private final Path root;
    private final FileChannel lock;
    private final AtomicLong temporaries = new AtomicLong();
    private final Set<String> durableContexts = ConcurrentHashMap.newKeySet();

    private StoreFolder(Path root, FileChannel lock) {
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
            return uninterrupted(() -> {
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
        if (!OPEN.add(root)) {
            throw new StoreOpenException(root + " is open already in this process", null);
        }
        FileChannel lock = null;
        try {
            Set<StandardOpenOption> creating = Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            lock = FileChannel.open(root.resolve("lock"), creating, OWNERS_FILE);
            if (lock.tryLock() == null) {
                throw new StoreOpenException(root + " is open in another process", null);
            }
            StoreFolder folder = new StoreFolder(root, lock);
            folder.prepare();
            return folder;
        } catch (IOException | RuntimeException e) {
            release(root, lock);
            throw e;
        }
    }

    private void prepare() throws IOException {
        if (!Files.exists(root.resolve("format"))) {
            sync(root.getParent());
            write(root.resolve("format.new"), root.resolve("format"), FORMAT.getBytes(StandardCharsets.UTF_8));
        }
        makeFolder(root.resolve("entries"));
        makeFolder(root.resolve("temporary"));
        sync(root);
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
            sync(ofContext(name));
            sync(root.resolve("entries"));
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

    void close() throws IOException {
        release(root, lock);
    }

    private static void release(Path root, FileChannel lock) throws IOException {
        try {
            if (lock != null) {
                lock.close();
            }
        } finally {
            OPEN.remove(root);
        }
    }

    private static void write(Path temporary, Path file, byte[]... parts) throws IOException {
        try {
            Set<StandardOpenOption> anew =
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
            try (FileChannel channel = FileChannel.open(temporary, anew, OWNERS_FILE)) {
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
            sync(folder);
        } catch (ClosedByInterruptException e) {
            throw e;
        } catch (IOException e) {
            throw BackendException.outcomeUnknown("Could not fsync " + folder + ": " + e, e);
        }
    }

    private static void sync(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void makeFolder(Path folder) throws IOException {
        try {
            Files.createDirectory(folder, OWNERS_FOLDER);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(folder)) {
                throw e;
            }
        }
    }

    private static FileAttribute<?> permissions(String permissions) {
        return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions));
    }

    /** What reads or writes files, and may be done again from its beginning. */
    interface Work<T> {
        T run() throws IOException;
    }

    /**
     * Runs work to its end whatever interrupts come. One closes the channel that the thread is using, so the work is done
     * again; the thread's flag is set again afterwards.
     */
    static <T> T uninterrupted(Work<T> work) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                try {
                    return work.run();
                } catch (ClosedByInterruptException e) {
                    interrupted |= Thread.interrupted();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
