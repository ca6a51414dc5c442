package dev.keystore.mapdb;

import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
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
 * The folder of a store: looked at before anything is changed, created for the owner alone, locked while it is open, and
 * taken away again when opening a new store fails.
 *
 * <pre>
 * format          what wrote the folder; there from the moment when it is a store
 * lock            locked while the store is open, and says by whom
 * journal-N       the commits from record N on, up to the next journal's first
 * checkpoint-N    the entries as they are after record N
 * working-N       MapDB's file, the only one that is changed in place; worth nothing after a crash
 * closed          there after a clean close: which working file holds what all records add up to
 * *.new           being written, or left by a crash
 * </pre>
 */
final class MapdbFolder {

    static final String JOURNAL = "journal";
    static final String CHECKPOINT = "checkpoint";
    static final String WORKING = "working";

    private static final String LOCK = "lock";
    private static final String NEW = ".new";

    private static final Pattern NUMBERED = Pattern.compile("(journal|checkpoint|working)-(\\d{19})");

    private final Deque<Path> created = new ArrayDeque<>();
    private Path path;
    private boolean fresh;
    private @Nullable FolderLock lock;
    private @Nullable Object lockKey;

    private MapdbFolder(Path path) {
        this.path = path;
    }

    /**
     * Looks at what is at a path, and changes nothing.
     *
     * @throws StoreOpenException if no store can be there, or what is there is none
     */
    static MapdbFolder examine(Path path) {
        return examine(path, false);
    }

    /**
     * As {@link #examine(Path)}, where a store that is not there may be refused.
     *
     * @param mustExist whether it is
     * @throws StoreNotFoundException if it is, and no store is there
     */
    static MapdbFolder examine(Path path, boolean mustExist) {
        Path folder = Folders.nearestExisting(path);
        if (!Files.isDirectory(folder)) {
            throw new StoreOpenException(folder + " is not a folder; name a folder for the store", null);
        }
        if (!MapdbFormat.examine(path) && mustExist) {
            throw new StoreNotFoundException("there is no store at " + path
                    + ", and nothing was created; check the path and that its volume is mounted, or open it without"
                    + " mustExist to create a new, empty store");
        }
        if (!Files.isWritable(folder) || !Files.isExecutable(folder)) {
            throw new StoreOpenException(folder + " can't be written; make the folder writable for this user", null);
        }
        return new MapdbFolder(path);
    }

    /**
     * Creates the folders that are missing, takes the lock, and marks the folder as a store.
     *
     * @throws StoreOpenException if that fails, or somebody else has the store open
     */
    void open() {
        try {
            Folders.createMissing(path, created::push);
            path = path.toRealPath();
            createIfAbsent(path.resolve(LOCK));
            lock = FolderLock.acquire(path, path.resolve(LOCK));
            lockKey = key(path.resolve(LOCK));
            fresh = !MapdbFormat.examine(path);
            if (fresh) {
                forceAncestors();
                write(MapdbFormat.FILE, MapdbFormat.TEXT);
            } else {
                MountCheck.requireWhole(path);
            }
        } catch (IOException e) {
            throw OpenFailure.of(
                    path, path + " could not be opened: " + e + "; if the disk is full, free some space", e);
        }
    }

    /** Forces the folders that an opening which died may have created this one in. */
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
     * @throws MovedException if it does not
     */
    void requireInPlace() throws MovedException {
        requireInPlace(path.resolve(LOCK), lockKey);
    }

    /**
     * Checks that a path leads to a file that is open. Costs one {@code stat}.
     *
     * @param key what {@link #key} returned for the file
     * @throws MovedException if it leads to nothing, or to another file
     */
    static void requireInPlace(Path file, @Nullable Object key) throws MovedException {
        try {
            if (!Objects.equals(key(file), key)) {
                throw new MovedException(file, null);
            }
        } catch (MovedException e) {
            throw e;
        } catch (IOException e) {
            throw new MovedException(file, e);
        }
    }

    /** Returns what tells a file from any other, its device and inode; {@code null} where the system has no such key. */
    static @Nullable Object key(Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    }

    /** Gives the lock back. */
    void close() throws IOException {
        if (lock != null) {
            lock.release();
            lock = null;
        }
    }

    /** Gives the lock back, and removes what opening a new store has made. */
    void undo(Throwable failure) {
        try {
            if (fresh) {
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

    /** Returns the files of a kind that are here, by their number. */
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
        return file(kind + "-" + String.format("%019d", number));
    }

    Path file(String name) {
        return path.resolve(name);
    }

    /** Makes an empty file, of the owner's alone, in which to write what is to become {@code file}. */
    Path createNew(Path file) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + NEW);
        Files.deleteIfExists(temporary);
        return OwnerOnly.createFile(temporary);
    }

    /** Gives a new file its name: on return it survives power loss, in place of the one that may have been there. */
    void publish(Path temporary, Path file) throws IOException {
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        force();
    }

    /** Forces the folder: on return the names in it survive power loss, and removed ones stay away. */
    void force() throws IOException {
        Folders.force(path);
    }

    /** Writes a small file so that it is there as a whole or not at all. */
    void write(String name, String text) throws IOException {
        Path file = file(name);
        Path temporary = createNew(file);
        try (RandomAccessFile out = new RandomAccessFile(temporary.toFile(), "rw")) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.getFD().sync();
        }
        publish(temporary, file);
    }

    /** Removes a file so that it does not come back after power loss. */
    void deleteDurably(Path file) throws IOException {
        if (Files.deleteIfExists(file)) {
            force();
        }
    }

    /** Removes what a crash has left of files that were being written. */
    void deleteUnfinished() throws IOException {
        try (Stream<Path> files = Files.list(path)) {
            for (Path file : files.toList()) {
                if (file.getFileName().toString().endsWith(NEW)) {
                    deleteIfPossible(file);
                }
            }
        }
    }

    /** Removes a file that nobody needs. Some systems refuse while it is mapped; the next opening tries again. */
    static void deleteIfPossible(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            // It is in nobody's way.
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
            // As it should be, but for a new store.
        }
    }
}
