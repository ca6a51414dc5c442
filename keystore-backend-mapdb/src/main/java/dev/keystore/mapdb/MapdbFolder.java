package dev.keystore.mapdb;

import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.support.FolderChanges;
import dev.keystore.spi.support.FolderLock;
import dev.keystore.spi.support.Folders;
import dev.keystore.spi.support.Mounts;
import dev.keystore.spi.support.OwnerOnly;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The folder of a store: examined before anything is changed, created for its owner only, locked while it is open, and
 * removed again if opening a new store fails.
 *
 * <pre>
 * format          the format and its version; a folder is a store once this file exists
 * lock            locked while the store is open, and names the holder
 * journal-N       the commits from record N on, until the next journal begins
 * checkpoint-N    the entries as of record N
 * working-N       MapDB's file, the only one that is changed in place; not used after a crash
 * closed          left by a clean close: names the working file that has the entries as of the last record
 * *.new           being written, a former journal whose space will be used again, or left by a crash
 * </pre>
 *
 * <p>Concurrency: {@link #open} ends before another thread uses the folder. From then on any thread may use the files,
 * and only {@link #close} and {@link #undo} change a field.
 */
final class MapdbFolder {

    static final String JOURNAL = "journal";
    static final String CHECKPOINT = "checkpoint";
    static final String WORKING = "working";

    private static final String LOCK = "lock";
    private static final String NEW = ".new";

    private static final int DIGITS = 19;
    private static final Pattern NUMBERED = Pattern.compile("(journal|checkpoint|working)-(\\d{" + DIGITS + "})");

    private final Deque<Path> created = new ArrayDeque<>();
    private final @Nullable String obstacle;
    private Path path;
    private boolean isNew;
    private @Nullable FolderLock lock;
    private @Nullable Object lockKey;
    private @Nullable FolderChanges changes;

    private MapdbFolder(Path path, @Nullable String obstacle) {
        this.path = path;
        this.obstacle = obstacle;
    }

    /**
     * Examines a path, and changes nothing.
     *
     * @throws StoreOpenException if the path can't hold a store, or holds something else
     */
    static MapdbFolder examine(Path path) {
        return examine(path, false);
    }

    /**
     * Examines a path as {@link #examine(Path)} does.
     *
     * @param mustExist whether to refuse a path without a store
     * @throws StoreNotFoundException if no store is there, and it must exist
     */
    static MapdbFolder examine(Path path, boolean mustExist) {
        Path folder = Folders.nearestExisting(path);
        if (!Files.isDirectory(folder)) {
            throw new StoreOpenException(
                    path + ": could not open: " + folder + " is not a folder; name a folder for the store", null);
        }
        boolean exists = MapdbFormat.examine(path);
        if (!exists && mustExist) {
            throw new StoreNotFoundException(path
                    + ": could not open: there is no store, and nothing was created; check the path and that its"
                    + " volume is mounted, or open it without mustExist to create a new, empty store");
        }
        if (Files.isWritable(folder) && Files.isExecutable(folder)) {
            return new MapdbFolder(path, null);
        }
        String obstacle = folder + " cannot be written; make the folder writable for this user";
        if (!exists) {
            throw new StoreOpenException(path + ": could not open: " + obstacle, null);
        }
        return new MapdbFolder(path, obstacle);
    }

    /**
     * Creates missing folders, acquires the lock, and marks the folder as a store. A folder that can't be written is
     * only locked, for reading.
     *
     * @throws StoreOpenException if that fails, or the store is already open
     */
    void open() {
        try {
            if (obstacle != null) {
                openForReading();
                return;
            }
            Folders.createMissing(path, created::push);
            path = path.toRealPath();
            createIfAbsent(path.resolve(LOCK));
            lock = FolderLock.acquire(path, path.resolve(LOCK));
            lockKey = key(path.resolve(LOCK));
            changes = new FolderChanges(path);
            isNew = !MapdbFormat.examine(path);
            if (isNew) {
                forceAncestors();
                write(MapdbFormat.FILE, MapdbFormat.TEXT);
            } else {
                MountCheck.requireWhole(path);
            }
        } catch (IOException e) {
            throw OpenFailure.of(path, e);
        }
    }

    private void openForReading() throws IOException {
        path = path.toRealPath();
        lock = FolderLock.acquireForReading(path, path.resolve(LOCK));
        MountCheck.requireWhole(path);
    }

    /** Returns why the folder can't be written, and what to do; or {@code null} if it can. */
    @Nullable
    String obstacle() {
        return obstacle;
    }

    /** Forces the folders above, since an earlier process may have created them and died before it forced them. */
    private void forceAncestors() throws IOException {
        Path folder = path;
        for (Path parent = folder.getParent();
                parent != null && Files.isWritable(parent) && Mounts.areOnSameDevice(folder, parent);
                parent = parent.getParent()) {
            Folders.force(parent);
            folder = parent;
        }
    }

    /**
     * Checks that the path still leads to the folder that is locked.
     *
     * @throws FileMovedException if it does not
     */
    void requireInPlace() throws FileMovedException {
        requireInPlace(path.resolve(LOCK), lockKey);
    }

    /** Returns the changes of the folder, which must be open for writing. */
    FolderChanges changes() {
        return Objects.requireNonNull(changes, "changes");
    }

    /**
     * Checks that a path leads to a file that is open, with one {@code stat}.
     *
     * @param key what {@link #key} returned for the file
     * @throws FileMovedException if it leads to nothing, or to another file
     */
    static void requireInPlace(Path file, @Nullable Object key) throws FileMovedException {
        try {
            if (!Objects.equals(key(file), key)) {
                throw new FileMovedException(file, null);
            }
        } catch (FileMovedException e) {
            throw e;
        } catch (IOException e) {
            throw new FileMovedException(file, e);
        }
    }

    /** Returns the identity of a file, its device and inode; {@code null} where the system has no such key. */
    static @Nullable Object key(Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    }

    /** Releases the lock. */
    void close() throws IOException {
        FolderLock held = lock;
        if (held != null) {
            held.release();
            lock = null;
        }
    }

    /**
     * Releases the lock, and removes the files and folders that opening a new store created. If that fails, its failure
     * is added to {@code failure}.
     */
    void undo(Throwable failure) {
        try {
            if (isNew) {
                removeAll();
            }
            boolean held = lock != null;
            close();
            while (!created.isEmpty()) {
                Path last = created.pop();
                if (held || Files.isDirectory(last)) {
                    Files.deleteIfExists(last);
                }
            }
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /** Returns the existing files of a kind by number. */
    NavigableMap<Long, Path> numbered(String kind) throws IOException {
        NavigableMap<Long, Path> found = new TreeMap<>();
        try (Stream<Path> files = Files.list(path)) {
            files.forEach(file -> {
                Matcher name = NUMBERED.matcher(file.getFileName().toString());
                if (name.matches() && name.group(1).equals(kind)) {
                    found.put(Long.parseLong(name.group(2)), file);
                }
            });
        }
        return found;
    }

    Path numbered(String kind, long number) {
        return file(kind + "-" + padded(number));
    }

    /** Pads with zeros, without {@link String#format}, whose first use initializes much of the JDK (R31). */
    private static String padded(long number) {
        String digits = String.valueOf(number);
        return "0".repeat(DIGITS - digits.length()) + digits;
    }

    Path file(String name) {
        return path.resolve(name);
    }

    /** Creates an empty temporary file, for its owner only, that is to replace {@code file}. */
    Path createTemporary(Path file) throws IOException {
        Path temporary = temporary(file);
        Files.deleteIfExists(temporary);
        return OwnerOnly.createFile(temporary);
    }

    /** Returns the path of a file that is not in use under its own name; the next opening deletes it. */
    Path temporary(Path file) {
        return file.resolveSibling(file.getFileName() + NEW);
    }

    /** Renames a new file, replacing any existing one: on return it survives power loss under its name. */
    void publish(Path temporary, Path file) throws IOException {
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        force();
    }

    /** Forces the folder: on return, names that were created or removed in it stay so after power loss. */
    void force() throws IOException {
        Folders.force(path);
    }

    /** Writes a small file atomically and durably. */
    void write(String name, String text) throws IOException {
        Path file = file(name);
        Path temporary = createTemporary(file);
        try (RandomAccessFile out = new RandomAccessFile(temporary.toFile(), "rw")) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.getFD().sync();
        }
        publish(temporary, file);
    }

    /** Removes a file durably. */
    void deleteDurably(Path file) throws IOException {
        if (Files.deleteIfExists(file)) {
            force();
        }
    }

    /** Removes unfinished files that a crash left. */
    void deleteUnfinished() throws IOException {
        try (Stream<Path> files = Files.list(path)) {
            for (Path file : files.toList()) {
                if (file.getFileName().toString().endsWith(NEW)) {
                    deleteIfPossible(file);
                }
            }
        }
    }

    /**
     * Removes a file that is no longer needed. Some systems refuse that while it is mapped; the next opening tries
     * again.
     */
    static void deleteIfPossible(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            // A leftover file does no harm.
        }
    }

    @Override
    public String toString() {
        return path.toString();
    }

    private void removeAll() throws IOException {
        try (Stream<Path> files = Files.list(path)) {
            for (Path file : files.toList()) {
                if (!file.endsWith(LOCK)) {
                    Files.delete(file);
                }
            }
        }
    }

    private void createIfAbsent(Path file) throws IOException {
        try {
            created.push(OwnerOnly.createFile(file));
        } catch (FileAlreadyExistsException e) {
            // An earlier opening has created it.
        }
    }
}
