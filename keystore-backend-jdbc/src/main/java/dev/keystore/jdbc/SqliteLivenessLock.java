package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.OwnerOnly;
import dev.keystore.spi.support.TimedLock;
import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Shows other processes that an owner is alive, by a lock on one byte of an empty file in the store's folder. The
 * position of the byte is the number that marks the owner's takeovers. The system releases the lock when the process
 * exits.
 *
 * <p>Concurrency: {@link #LOCK} guards all fields. A process has one channel per file, however often it opens the
 * store, since closing any channel of a file releases all of the process's locks on it (POSIX, fcntl). The channel must
 * not be a {@link java.nio.channels.FileChannel}, which is closed when any thread that uses it is interrupted. Only
 * {@code tryLock} is called, which an {@link AsynchronousFileChannel} performs on the calling thread.
 */
final class SqliteLivenessLock {

    private static final TimedLock LOCK =
            new TimedLock("SQLite", "another thread's use of an owner file", Duration.ofSeconds(10));

    /** Guarded by {@link #LOCK}, as the {@link #file} and the {@link #held} lock of each instance are. */
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
    private final TimedLock.Work<Boolean, RuntimeException> unlocking = this::unlockByte;

    private @Nullable OwnerFile file;

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
     * Locks the byte, unless this has already locked it. Waits up to 10 s for another thread's use of an owner file.
     *
     * @throws BackendException if the byte was not locked; transient if the wait timed out or was interrupted
     */
    void hold() {
        LOCK.<Boolean, RuntimeException>hold("lock the owner file of " + store, () -> {
            try {
                if (file == null) {
                    lock(openFile());
                }
                return true;
            } catch (IOException e) {
                throw failure("lock", e);
            }
        });
    }

    private OwnerFile openFile() throws IOException {
        Path path = ownerFile();
        OwnerFile known = OPEN.get(path);
        OwnerFile opened = known == null ? new OwnerFile(path) : known;
        OPEN.put(path, opened);
        return opened;
    }

    /** Next to the real path, since the file must have one path here however the store is opened. */
    private Path ownerFile() throws IOException {
        return SqliteTarget.sibling(store.toRealPath(), "-owner");
    }

    private void lock(OwnerFile opened) throws IOException {
        try {
            held = tryLock(opened);
            opened.locks++;
            file = opened;
        } finally {
            closeIfUnused(opened);
        }
    }

    /** Returns the lock, or null if an earlier attempt, which an error ended, has already locked the byte. */
    private @Nullable FileLock tryLock(OwnerFile opened) throws IOException {
        try {
            FileLock lock = opened.channel.tryLock(position, 1, false);
            if (lock == null) {
                throw BackendException.transientFailure(
                        store + ": could not lock its owner file: another process is looking for this owner; try again",
                        null);
            }
            return lock;
        } catch (OverlappingFileLockException e) {
            return null;
        }
    }

    private static void closeIfUnused(OwnerFile opened) throws IOException {
        if (opened.locks == 0) {
            OPEN.remove(opened.path);
            opened.channel.close();
        }
    }

    private BackendException failure(String operation, IOException cause) {
        return BackendException.permanent(
                store + ": could not " + operation + " its owner file " + store.getFileName() + "-owner: " + cause
                        + "; make the file readable and writable for this user, on a file system that supports locks",
                cause);
    }

    /**
     * Returns whether an owner is alive: another one, or this one if it holds this lock, which is known without a look
     * at the file. This lock need not be held. Waits as {@link #hold} does.
     *
     * @throws BackendException if that can't be found out
     */
    boolean isAlive(long otherPosition) {
        return LOCK.<Boolean, RuntimeException>hold("look for the owner in the owner file of " + store, () -> {
            if (otherPosition == position && file != null) {
                return true;
            }
            try {
                Path path = ownerFile();
                OwnerFile known = OPEN.get(path);
                return known == null ? isLocked(path, otherPosition) : isLocked(known.channel, otherPosition);
            } catch (IOException e) {
                throw failure("look for the owner in", e);
            }
        });
    }

    /** Looks at a file in which this process holds no lock, so that closing it releases none. */
    private static boolean isLocked(Path path, long otherPosition) throws IOException {
        try (AsynchronousFileChannel channel = AsynchronousFileChannel.open(path, StandardOpenOption.READ)) {
            return isLocked(channel, otherPosition);
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    private static boolean isLocked(AsynchronousFileChannel channel, long otherPosition) throws IOException {
        try (FileLock probe = channel.tryLock(otherPosition, 1, true)) {
            return probe == null;
        } catch (OverlappingFileLockException e) {
            return true;
        }
    }

    /**
     * Unlocks the byte, if this has locked it. Waits as {@link #hold} does.
     *
     * @throws BackendException if it was not unlocked
     */
    void release() {
        LOCK.hold("unlock the owner file of " + store, unlocking);
    }

    private boolean unlockByte() {
        OwnerFile open = file;
        if (open != null) {
            file = null;
            open.locks--;
            unlock(open);
        }
        return true;
    }

    private void unlock(OwnerFile open) {
        try {
            try {
                if (held != null) {
                    held.release();
                }
            } finally {
                closeIfUnused(open);
            }
        } catch (IOException e) {
            throw BackendException.permanent(
                    store + ": could not unlock its owner file: " + e
                            + "; other processes see this owner as alive until this process exits",
                    e);
        }
    }
}
