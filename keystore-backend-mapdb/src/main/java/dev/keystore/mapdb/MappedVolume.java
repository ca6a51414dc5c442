package dev.keystore.mapdb;

import dev.keystore.spi.support.Interrupts;
import dev.keystore.spi.support.TimedLock;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.mapdb.DBException;
import org.mapdb.volume.ByteBufferVol;
import org.mapdb.volume.CleanerUtil;

/**
 * MapDB's file, mapped into memory slice by slice.
 *
 * <p>MapDB's own volumes are not used. With a channel or a {@link RandomAccessFile}, applying a commit costs several
 * times as much, and an interrupt closes the channel permanently; its mapped volume forces the file each time it grows.
 * Here a slice is filled with zeros before it is mapped, so that a full disk causes an exception when the file grows,
 * and never a fault when a page is written. The file is forced only by {@link #sync}, when it is closed.
 *
 * <p>Closing unmaps the file immediately where the JVM permits it; otherwise the garbage collector does.
 */
final class MappedVolume extends ByteBufferVol {

    private static final int SLICE_SHIFT = 22;
    private static final byte[] ZEROS = new byte[1 << 16];

    private static final Duration GROW_TIMEOUT = Duration.ofSeconds(30);

    /**
     * Reading it initializes the class that unmaps. If that class were first needed when memory or stack is exhausted,
     * its initialization would fail, and it would stay unusable in this process (R31).
     */
    private static final boolean UNMAP_SUPPORTED = CleanerUtil.UNMAP_SUPPORTED;

    private final Path path;
    private final @Nullable Object key;

    /** Used in place of {@link #growLock}, whose {@code lock()} waits without a deadline (R27). */
    private final TimedLock growing;

    MappedVolume(Path path) throws IOException {
        super(false, SLICE_SHIFT, false);
        this.path = path;
        growing = new TimedLock(path.toString(), "the growth of MapDB's file by another thread", GROW_TIMEOUT);
        key = MapdbFolder.key(path);
        map((int) (path.toFile().length() >>> SLICE_SHIFT));
    }

    @Override
    public void ensureAvailable(long offset) {
        int wanted = (int) ((offset + sliceSize - 1) >>> SLICE_SHIFT);
        if (wanted <= slices.length) {
            return;
        }
        try {
            growing.hold("grow MapDB's file", new TimedLock.Work<Integer, IOException>() {
                @Override
                public Integer run() throws IOException {
                    return grow(wanted);
                }
            });
        } catch (IOException e) {
            throw new DBException.VolumeIOError(e);
        }
    }

    /** Grows the file to a number of slices, and returns how many are mapped. */
    private int grow(int wanted) throws IOException {
        if (wanted > slices.length) {
            fill(offsetOf(slices.length), offsetOf(wanted));
            map(wanted);
        }
        return slices.length;
    }

    /** Checks that the path still leads to the file that is mapped. */
    void requireInPlace() throws FileMovedException {
        MapdbFolder.requireInPlace(path, key);
    }

    private void fill(long from, long to) throws IOException {
        requireInPlace();
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            try {
                file.seek(from);
                for (long at = from; at < to; at += ZEROS.length) {
                    file.write(ZEROS);
                }
            } catch (IOException e) {
                file.setLength(from);
                throw e;
            }
        }
    }

    private void map(int wanted) throws IOException {
        Interrupts.uninterrupted(() -> {
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                ByteBuffer[] grown = Arrays.copyOf(slices, wanted);
                for (int i = slices.length; i < wanted; i++) {
                    grown[i] = file.getChannel().map(MapMode.READ_WRITE, offsetOf(i), sliceSize);
                }
                slices = grown;
                return slices;
            }
        });
    }

    @Override
    public void sync() {
        for (ByteBuffer slice : slices) {
            ((MappedByteBuffer) slice).force();
        }
    }

    @Override
    public void close() {
        sync();
        drop();
    }

    /** Closes the file without forcing it. No thread may be reading or writing. */
    void drop() {
        closed.set(true);
        ByteBuffer[] mapped = slices;
        slices = new ByteBuffer[0];
        for (ByteBuffer slice : mapped) {
            unmapIfPossible((MappedByteBuffer) slice);
        }
    }

    private static void unmapIfPossible(MappedByteBuffer slice) {
        try {
            if (UNMAP_SUPPORTED) {
                unmap(slice);
            }
        } catch (VirtualMachineError | LinkageError e) {
            // The garbage collector unmaps the slice, and what was written is kept.
        }
    }

    @Override
    public long length() {
        return offsetOf(slices.length);
    }

    @Override
    public void truncate(long size) {
        throw new UnsupportedOperationException("MapDB's file only grows");
    }

    @Override
    public boolean isReadOnly() {
        return false;
    }

    @Override
    public File getFile() {
        return path.toFile();
    }

    @Override
    public boolean getFileLocked() {
        return false;
    }

    private static long offsetOf(int slice) {
        return (long) slice << SLICE_SHIFT;
    }
}
