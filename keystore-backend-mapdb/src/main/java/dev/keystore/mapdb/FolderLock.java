package dev.keystore.mapdb;

import dev.keystore.StoreOpenException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a folder to one opener, in this process and among all (R53). The lock is the operating system's, and ends with the
 * process; the file says who holds it.
 */
final class FolderLock {

    /** Of those open in this process: closing a second channel of a lock file would drop the first one's lock. */
    private static final Map<Path, String> HELD = new ConcurrentHashMap<>();

    /** Beyond all that is in the file, so that where locks keep others from reading, they can read who holds it. */
    private static final long LOCKED_BYTE = Long.MAX_VALUE - 1;

    private static final int LONGEST_TEXT = 1024;

    private final Path folder;
    private final FileChannel channel;

    private FolderLock(Path folder, FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    /**
     * Takes the lock of a folder, without waiting.
     *
     * @param folder its real path
     * @param file exists
     * @throws StoreOpenException if somebody else holds it; says who
     */
    static FolderLock acquire(Path folder, Path file) throws IOException {
        String holder = holder();
        String other = HELD.putIfAbsent(folder, holder);
        if (other != null) {
            throw new StoreOpenException(folder + " is open already in this process, by " + other, null);
        }
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
            if (lock(channel) == null) {
                throw new StoreOpenException(folder + " is open in another process, by " + text(file), null);
            }
            name(channel, holder);
            return new FolderLock(folder, channel);
        } catch (IOException | RuntimeException | Error e) {
            giveUp(folder, channel);
            throw e;
        }
    }

    /** Closes the channel, and only then lets this process open another, whose lock closing this one would drop. */
    private static void giveUp(Path folder, @Nullable FileChannel channel) throws IOException {
        try {
            if (channel != null) {
                channel.close();
            }
        } finally {
            HELD.remove(folder);
        }
    }

    /** Writes who holds the lock, which is held even where a full disk leaves no room for that. */
    private static void name(FileChannel channel, String holder) throws IOException {
        try {
            channel.truncate(0);
            channel.write(ByteBuffer.wrap((holder + "\n").getBytes(StandardCharsets.UTF_8)), 0);
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            // An opener that is refused does not learn by whom.
        }
    }

    /** Gives the lock back. */
    void release() throws IOException {
        try (channel) {
            channel.truncate(0);
        } catch (ClosedByInterruptException e) {
            // Closed it is. Who held it can still be read, until somebody else does.
        } finally {
            HELD.remove(folder);
        }
    }

    private static @Nullable FileLock lock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock(LOCKED_BYTE, 1, false);
        } catch (OverlappingFileLockException e) {
            return null;
        }
    }

    private static String holder() {
        return "process " + ProcessHandle.current().pid() + " on " + host() + " since "
                + Instant.now().truncatedTo(ChronoUnit.SECONDS);
    }

    /** Without asking a name service, which may take its time. */
    private static String host() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException | RuntimeException e) {
            String name = System.getenv("COMPUTERNAME");
            return name == null ? "this host" : name;
        }
    }

    private static String text(Path file) {
        try {
            byte[] text = Files.readAllBytes(file);
            return text.length == 0 || text.length > LONGEST_TEXT
                    ? "one that didn't say who it is"
                    : new String(text, StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "one that can't be read: " + e;
        }
    }
}
