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
 * <p>On POSIX systems, closing any channel of a file releases all locks that the process holds on it. So a second
 * opener in this process is refused before it opens a channel.
 */
public final class FolderLock {

    /** The folders that this process has locked, and their holders. */
    private static final Map<Path, Holder> HELD = new ConcurrentHashMap<>();

    /** Beyond the end of the file: where a lock prevents reading, other processes can still read the holder's name. */
    private static final long LOCKED_BYTE = Long.MAX_VALUE - 1;

    private static final int LONGEST_TEXT = 1024;

    /**
     * The holder of a lock. Instances are compared by identity, so that a refused opener can't remove the holder's
     * entry.
     */
    private static final class Holder {

        private final String name = "process " + ProcessHandle.current().pid() + " on " + host() + " since "
                + Instant.now().truncatedTo(ChronoUnit.SECONDS);
    }

    private final Path folder;
    private final Holder holder;
    private final FileChannel channel;
    private final boolean isShared;
    private final AtomicBoolean released = new AtomicBoolean();

    private FolderLock(Path folder, Holder holder, FileChannel channel, boolean isShared) {
        this.folder = folder;
        this.holder = holder;
        this.channel = channel;
        this.isShared = isShared;
    }

    /**
     * Locks a folder, without waiting. Interrupts have no effect, and the thread's flag is preserved.
     *
     * @param folder its real path
     * @param file an existing file in it that is used for nothing else; its contents are replaced by the holder's name
     * @return the lock, which is held until {@link #release}
     * @throws StoreOpenException if the folder is already locked; the message names the holder
     * @throws IOException if the file can't be opened or locked
     */
    public static FolderLock acquire(Path folder, Path file) throws IOException {
        return Interrupts.uninterrupted(() -> acquireOnce(folder, file, false));
    }

    /**
     * Locks a folder that is only read, without waiting and without changing anything. Other processes can lock it for
     * reading as well, but can't {@link #acquire} it. Interrupts have no effect, and the thread's flag is preserved.
     *
     * @param folder its real path
     * @param file the existing file that {@link #acquire} is called with
     * @return the lock, which is held until {@link #release}
     * @throws StoreOpenException if the folder is locked in this process, or for writing in another one
     * @throws IOException if the file can't be opened or locked
     */
    public static FolderLock acquireForReading(Path folder, Path file) throws IOException {
        return Interrupts.uninterrupted(() -> acquireOnce(folder, file, true));
    }

    private static FolderLock acquireOnce(Path folder, Path file, boolean isShared) throws IOException {
        Holder holder = new Holder();
        FileChannel channel = null;
        try {
            // Within the block: an error may follow the insertion.
            Holder other = HELD.putIfAbsent(folder, holder);
            if (other != null) {
                throw new StoreOpenException(
                        folder + ": could not open: it is already open in this process, by " + other.name
                                + "; close it there first",
                        null);
            }
            channel = isShared
                    ? FileChannel.open(file, StandardOpenOption.READ)
                    : FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
            if (lock(channel, isShared) == null) {
                throw new StoreOpenException(
                        folder + ": could not open: it is open in another process, by " + holderIn(file)
                                + "; close it there first",
                        null);
            }
            if (!isShared) {
                write(channel, holder.name);
            }
            return new FolderLock(folder, holder, channel, isShared);
        } catch (IOException | RuntimeException | Error e) {
            giveUp(folder, holder, channel);
            throw e;
        }
    }

    /** Closes the channel first: once this process can open another one, closing this one would release its lock. */
    private static void giveUp(Path folder, Holder holder, @Nullable FileChannel channel) throws IOException {
        try {
            if (channel != null) {
                channel.close();
            }
        } finally {
            HELD.remove(folder, holder);
        }
    }

    /** Writes the holder's name. The lock is held even if a full disk leaves no room for the name. */
    private static void write(FileChannel channel, String holder) throws IOException {
        try {
            // A holder that crashed may have left a longer name.
            channel.truncate(0);
            channel.write(ByteBuffer.wrap((holder + "\n").getBytes(StandardCharsets.UTF_8)), 0);
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            // The next opener is refused without the holder's name.
        }
    }

    /**
     * Releases the lock, regardless of interrupts. A second call does nothing.
     *
     * @throws IOException if the file can't be closed properly; the lock is released all the same
     */
    public void release() throws IOException {
        if (!released.compareAndSet(false, true)) {
            return;
        }
        try (channel) {
            if (!isShared) {
                channel.truncate(0);
            }
        } catch (ClosedByInterruptException e) {
            // The lock is released. The holder's name stays in the file until the next opener replaces it.
        } finally {
            HELD.remove(folder, holder);
        }
    }

    private static @Nullable FileLock lock(FileChannel channel, boolean isShared) throws IOException {
        try {
            return channel.tryLock(LOCKED_BYTE, 1, isShared);
        } catch (OverlappingFileLockException e) {
            return null;
        }
    }

    /** Returns the host's name without querying a name service, which could take long. */
    private static String host() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException | RuntimeException e) {
            String name = System.getenv("COMPUTERNAME");
            return name == null ? "this host" : name;
        }
    }

    private static String holderIn(Path file) {
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
