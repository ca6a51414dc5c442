package dev.keystore.jdbc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.OwnerOnly;
import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Shows other processes that an owner is alive: by a lock on one byte of an empty file in the store's folder. The position
 * of the byte is the number that marks the owner's takeovers. The system releases the lock when the process exits.
 *
 * <p>Concurrency: {@link #LOCK} guards all fields. A process has one channel per file, however often it opens the store,
 * since closing any channel of a file releases all of the process's locks on it (POSIX, fcntl). The channel must not be a
 * {@link java.nio.channels.FileChannel}, which is closed when any thread that uses it is interrupted. Locks are only tried,
 * which an {@link AsynchronousFileChannel} does on the calling thread.
 */
final class SqliteLivenessLock {

    private static final ReentrantLock LOCK = new ReentrantLock();
    private static final long LOCK_SECONDS = 10;

    @GuardedBy("LOCK")
    private static final Map<Path, OwnerFile> OPEN = new HashMap<>();

    /** An open file, and the number of locks that this process holds in it. */
    private static final class OwnerFile {

        private final Path path;
        private final AsynchronousFileChannel channel;
        private int locks;

        OwnerFile(Path path) throws IOException {
            this.path = path;
            this.channel = AsynchronousFileChannel.open(
                    path,
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
                    null,
                    OwnerOnly.fileAttributes(path));
        }
    }

    private final Path store;
    private final long position;

    @GuardedBy("LOCK")
    private @Nullable OwnerFile file;

    @GuardedBy("LOCK")
    private @Nullable FileLock held;

    /**
     * Creates a lock that is not held.
     *
     * @param position the number that marks the owner's takeovers
     */
    SqliteLivenessLock(Path store, long position) {
        this.store = store;
        this.position = position;
    }

    /**
     * Locks the byte, unless this has locked it already.
     *
     * @throws OperationInterruptedException if the thread was interrupted while it waited for another thread
     */
    void acquire() {
        lock();
        try {
            if (file == null) {
                Path path = path();
                OwnerFile opened = OPEN.containsKey(path) ? OPEN.get(path) : new OwnerFile(path);
                OPEN.put(path, opened);
                held = opened.channel.tryLock(position, 1, false);
                if (held == null) {
                    throw BackendException.transientFailure(
                            store + ": could not lock its owner file: another process looks at it", null);
                }
                opened.locks++;
                file = opened;
            }
        } catch (IOException e) {
            throw BackendException.permanent(store + ": could not lock its owner file: " + e, e);
        } finally {
            LOCK.unlock();
        }
    }

    private Path path() throws IOException {
        // The real path, since the file must be known under one path however the store is opened.
        return SqliteTarget.sibling(store.toRealPath(), "-owner");
    }

    private void lock() {
        try {
            if (!LOCK.tryLock() && !LOCK.tryLock(LOCK_SECONDS, TimeUnit.SECONDS)) {
                throw BackendException.transientFailure(
                        store + ": could not use its owner file: another thread has been using it for " + LOCK_SECONDS
                                + " s",
                        null);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OperationInterruptedException("another thread that uses the owner file of " + store);
        }
    }

    /** Returns whether another owner is alive. This must be held. */
    boolean isAlive(long otherPosition) {
        lock();
        try {
            return isLocked(otherPosition);
        } catch (IOException e) {
            throw BackendException.permanent(store + ": could not look for the owner in its owner file: " + e, e);
        } finally {
            LOCK.unlock();
        }
    }

    @GuardedBy("LOCK")
    private boolean isLocked(long otherPosition) throws IOException {
        OwnerFile open = file;
        if (open == null) {
            throw new IllegalStateException("the lock of this owner is not held");
        }
        try (FileLock probe = open.channel.tryLock(otherPosition, 1, true)) {
            return probe == null;
        } catch (OverlappingFileLockException e) {
            return true;
        }
    }

    /** Unlocks the byte, if this has locked it. */
    void release() {
        lock();
        try {
            OwnerFile open = file;
            if (open != null && held != null) {
                held.release();
                if (--open.locks == 0) {
                    OPEN.remove(open.path);
                    open.channel.close();
                }
                file = null;
            }
        } catch (IOException e) {
            throw BackendException.permanent(store + ": could not unlock its owner file: " + e, e);
        } finally {
            LOCK.unlock();
        }
    }
}
