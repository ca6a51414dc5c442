package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Shows other processes that this one lives: by a lock on one byte of an empty file beside the store, at the place that its
 * takeovers are marked with. The system frees it when the process ends.
 *
 * <p>Concurrency: {@link #LOCK} guards everything here. A process has one channel for each such file, however often it
 * opens the store, since closing any channel of a file frees all of the process's locks on it (POSIX, fcntl).
 */
final class SqliteLife {

    private static final ReentrantLock LOCK = new ReentrantLock();
    private static final Map<Path, OwnerFile> OPEN = new HashMap<>();

    /** A file, and how many live in it. */
    private static final class OwnerFile {

        private final Path path;
        private final FileChannel channel;
        private int lives;

        OwnerFile(Path path) throws IOException {
            this.path = path;
            this.channel = FileChannel.open(
                    path,
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
                    SqliteFile.ownerOnly(path, "rw-------"));
        }
    }

    private final Path store;
    private final long place;
    private @Nullable OwnerFile file;
    private @Nullable FileLock held;

    SqliteLife(Path store, long place) {
        this.store = store;
        this.place = place;
    }

    /** Locks the byte, unless it is locked. */
    void begin() {
        LOCK.lock();
        try {
            if (file == null) {
                Path path = path();
                OwnerFile opened = OPEN.containsKey(path) ? OPEN.get(path) : new OwnerFile(path);
                held = opened.channel.lock(place, 1, false);
                opened.lives++;
                OPEN.put(path, opened);
                file = opened;
            }
        } catch (IOException e) {
            throw BackendException.permanent(store + ": could not lock the file beside it: " + e, e);
        } finally {
            LOCK.unlock();
        }
    }

    private Path path() throws IOException {
        Path real = store.toRealPath();
        return real.resolveSibling(real.getFileName() + "-owner");
    }

    /** Returns whether another one lives; to be asked by one that does. */
    boolean lives(long otherPlace) {
        LOCK.lock();
        try (FileLock probe = Objects.requireNonNull(file).channel.tryLock(otherPlace, 1, true)) {
            return probe == null;
        } catch (OverlappingFileLockException e) {
            return true;
        } catch (IOException e) {
            throw BackendException.permanent(store + ": could not look for its owner: " + e, e);
        } finally {
            LOCK.unlock();
        }
    }

    /** Frees the byte. */
    void end() {
        LOCK.lock();
        try {
            if (file != null && held != null) {
                held.release();
                if (--file.lives == 0) {
                    OPEN.remove(file.path);
                    file.channel.close();
                }
                file = null;
            }
        } catch (IOException e) {
            throw BackendException.permanent(store + ": could not unlock the file beside it: " + e, e);
        } finally {
            LOCK.unlock();
        }
    }
}
