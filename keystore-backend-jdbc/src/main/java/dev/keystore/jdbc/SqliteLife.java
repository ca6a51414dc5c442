package dev.keystore.jdbc;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Shows other processes that this one lives: by a lock on one byte of an empty file beside the store, at the place that its
 * takeovers are marked with. The system frees it when the process ends.
 *
 * <p>Concurrency: {@link #LOCK} guards everything here. A process has one channel for each such file, however often it
 * opens the store, since closing any channel of a file frees all of the process's locks on it (POSIX, fcntl). So it must
 * not be a {@link java.nio.channels.FileChannel}: an interrupt of any thread that uses one closes it. Locks are only tried
 * for, which an {@link AsynchronousFileChannel} does on the calling thread.
 */
final class SqliteLife {

    private static final ReentrantLock LOCK = new ReentrantLock();
    private static final long LOCK_SECONDS = 10;
    private static final Map<Path, OwnerFile> OPEN = new HashMap<>();

    /** A file, and how many live in it. */
    private static final class OwnerFile {

        private final Path path;
        private final AsynchronousFileChannel channel;
        private int lives;

        OwnerFile(Path path) throws IOException {
            this.path = path;
            this.channel = AsynchronousFileChannel.open(
                    path,
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
                    null,
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

    /**
     * Locks the byte, unless it is locked.
     *
     * @throws OperationInterruptedException if the thread was interrupted while another one held {@link #LOCK}
     */
    void begin() {
        acquire();
        try {
            if (file == null) {
                Path path = path();
                OwnerFile opened = OPEN.containsKey(path) ? OPEN.get(path) : new OwnerFile(path);
                OPEN.put(path, opened);
                held = opened.channel.tryLock(place, 1, false);
                if (held == null) {
                    throw BackendException.transientFailure(store + ": another process locks the file beside it", null);
                }
                opened.lives++;
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

    private void acquire() {
        try {
            if (!LOCK.tryLock() && !LOCK.tryLock(LOCK_SECONDS, TimeUnit.SECONDS)) {
                throw BackendException.transientFailure(
                        store + ": another thread has been looking for an owner for " + LOCK_SECONDS + " s", null);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OperationInterruptedException("another thread that looks for an owner of " + store);
        }
    }

    /** Returns whether another one lives; to be asked by one that does. */
    boolean lives(long otherPlace) {
        acquire();
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
        acquire();
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
