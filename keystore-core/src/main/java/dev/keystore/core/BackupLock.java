package dev.keystore.core;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Keeps other backups, of this process and of others, from writing a file under the same name. It is a lock on another
 * file, which is deleted at the end. If the process is killed, that file stays, and says that the temporary file next
 * to it is the rest of a backup.
 *
 * <p>A process that has opened the file before it was deleted may lock it afterwards, when it has no name any more. So
 * whoever deletes it writes {@link #ENDED} into it before the lock is released, and a process that finds this opens the
 * file that has the name now.
 */
final class BackupLock implements AutoCloseable {

    private static final byte[] BEGUN = "keystore backup\n".getBytes(US_ASCII);
    private static final byte[] ENDED = "ended\n".getBytes(US_ASCII);

    /** Those of this process: opening and closing one a second time would release the lock, as POSIX demands. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path file;
    private final FileChannel channel;
    private final boolean continued;

    private BackupLock(Path file, FileChannel channel, boolean continued) {
        this.file = file;
        this.channel = channel;
        this.continued = continued;
    }

    /**
     * Locks a file, which is created if it does not exist. Does not wait.
     *
     * @throws IOException if another backup holds the lock, the file is another one, or cannot be locked
     */
    static BackupLock acquire(Path file) throws IOException {
        if (!HELD.add(file)) {
            throw inUse();
        }
        BackupLock lock = null;
        try {
            while (lock == null) {
                lock = open(file);
            }
            return lock;
        } finally {
            if (lock == null) {
                HELD.remove(file);
            }
        }
    }

    /** Returns null if the file was deleted before it was locked. */
    private static @Nullable BackupLock open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS);
        BackupLock lock = null;
        try {
            byte[] found = lock(channel);
            if (Arrays.equals(found, ENDED)) {
                return null;
            }
            if (found.length > 0 && !Arrays.equals(found, BEGUN)) {
                throw new IOException("the file " + file + " exists, and no backup has written it; move it away");
            }
            if (found.length == 0) {
                begin(file, channel);
            }
            lock = new BackupLock(file, channel, found.length > 0);
            return lock;
        } finally {
            if (lock == null) {
                channel.close();
            }
        }
    }

    /** Returns what the file holds, once it is locked: at most one byte more than a backup writes. */
    private static byte[] lock(FileChannel channel) throws IOException {
        try {
            if (channel.tryLock() == null) {
                throw inUse();
            }
        } catch (OverlappingFileLockException e) {
            throw inUse();
        }
        ByteBuffer found = ByteBuffer.allocate(BEGUN.length + 1);
        channel.read(found, 0);
        return Arrays.copyOf(found.array(), found.position());
    }

    /** Says durably that a backup has begun, before its temporary file is created. */
    private static void begin(Path file, FileChannel channel) throws IOException {
        boolean begun = false;
        try {
            channel.write(ByteBuffer.wrap(BEGUN), 0);
            channel.force(true);
            begun = true;
        } finally {
            if (!begun) {
                Files.deleteIfExists(file);
            }
        }
    }

    private static IOException inUse() {
        return new IOException("another backup is being written under this name; wait until it has ended");
    }

    /** Returns whether the last backup under this name was killed, so that its temporary file may be there. */
    boolean isContinued() {
        return continued;
    }

    /** Deletes the file, and releases the lock. */
    @Override
    public void close() throws IOException {
        boolean interrupted = Thread.interrupted(); // it would close the channel
        try (channel) {
            Files.deleteIfExists(file);
            channel.write(ByteBuffer.wrap(ENDED), 0); // over what is there, which needs no space
            channel.truncate(ENDED.length);
        } finally {
            HELD.remove(file);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
