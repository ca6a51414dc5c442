package dev.keystore.spi.support;

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
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Restricts a folder to one opener, within this process and across processes (R53). The lock is the operating system's,
 * and is released when the process exits; the locked file names its holder.
 *
 * <p>Closing any channel of a file drops all locks that the process holds on it (POSIX). So an opener that is refused
 * within this process is refused before it opens a channel.
 */
public final class FolderLock {

    /** The folders that are locked by this process, with their holders. */
    private static final Map<Path, String> HELD = new ConcurrentHashMap<>();

    /** Beyond everything in the file: where locks prevent reading, other processes can still read who holds it. */
    private static final long LOCKED_BYTE = Long.MAX_VALUE - 1;

    private static final int LONGEST_TEXT = 1024;

    private final Path folder;
    private final FileChannel channel;
    private final AtomicBoolean released = new AtomicBoolean();

    private FolderLock(Path folder, FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    /**
     * Locks a folder, without waiting. Interrupts have no effect, and the thread's flag is preserved.
     *
     * @param folder its real path
     * @param file an existing file in it, which serves for nothing else; its contents are replaced by the holder's name
     * @return the lock, which is held until {@link #release}
     * @throws StoreOpenException if the folder is locked already; the message says by whom
     * @throws IOException if the file can't be opened or locked
     */
    public static FolderLock acquire(Path folder, Path file) throws IOException {
        return Interrupts.uninterrupted(() -> acquireOnce(folder, file));
    }

    private static FolderLock acquireOnce(Path folder, Path file) throws IOException {
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
            write(channel, holder);
            return new FolderLock(folder, channel);
        } catch (IOException | RuntimeException | Error e) {
            giveUp(folder, channel);
            throw e;
        }
    }

    /** Closes the channel, and only then lets this process open another one, whose lock closing this one would drop. */
    private static void giveUp(Path folder, @Nullable FileChannel channel) throws IOException {
        try {
            if (channel != null) {
                channel.close();
            }
        } finally {
            HELD.remove(folder);
        }
    }

    /** Writes who holds the lock, which is held even where a full disk leaves no room for the text. */
    private static void write(FileChannel channel, String holder) throws IOException {
        try {
            channel.write(ByteBuffer.wrap((holder + "\n").getBytes(StandardCharsets.UTF_8)), 0);
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            // The next opener is refused without the holder's name.
        }
    }

    /**
     * Releases the lock. An interrupt does not prevent that. A second call does nothing.
     *
     * @throws IOException if the file can't be closed properly; the lock is released nevertheless
     */
    public void release() throws IOException {
        if (!released.compareAndSet(false, true)) {
            return;
        }
        try (channel) {
            channel.truncate(0);
        } catch (ClosedByInterruptException e) {
            // The lock is released. The holder's name stays in the file until the next opener replaces it.
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

    /** Returns the host's name without a query to a name service, which may take long. */
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
                    ? "an unknown holder"
                    : new String(text, StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "an unknown holder (" + e + ")";
        }
    }
}
