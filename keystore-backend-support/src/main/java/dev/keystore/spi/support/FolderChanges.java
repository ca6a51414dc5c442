package dev.keystore.spi.support;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Shows whether anything was created, removed, renamed or replaced in a folder, without a look at the files in it.
 *
 * <p>A backend that verifies after each commit that a path still leads to an open file would otherwise pay for it:
 * since Linux 6.13, the first write to a file after a look at its attributes changes its times, and an fsync then also
 * writes the file system's own journal (docs.kernel.org/filesystems/multigrain-ts.html). On ext4, a write and an fsync
 * took 405 µs instead of 302 with such a look in between, and 96 µs of processor time instead of 59.
 *
 * <p>A folder is identified by its device and inode, and each change of a name in it changes its {@code ctime}. Where
 * the file system provider has no attributes of the view {@code unix}, the state is always unknown.
 *
 * <p>Concurrency: any thread may use this.
 */
public final class FolderChanges {

    private static final String VIEW = "unix";
    private static final String TIME = "ctime";
    private static final String STATE = VIEW + ":fileKey," + TIME;

    /** Linux takes the times of changes from a clock that ticks every 10 ms, or more often. */
    private static final long TICK_MILLIS = 20;

    /** Some file systems store times in whole seconds. */
    private static final long WHOLE_SECONDS_MILLIS = 3_000;

    private final Path folder;
    private final boolean isKnown;

    /** The state at which the files were in place; null if they have to be looked at. */
    private volatile @Nullable Object inPlace;

    /**
     * Creates an object for which no state is recorded.
     *
     * @param folder the folder, which need not exist
     */
    public FolderChanges(Path folder) {
        this.folder = folder;
        this.isKnown = folder.getFileSystem().supportedFileAttributeViews().contains(VIEW);
    }

    /**
     * Returns the state of the folder now, with one call of {@code stat}.
     *
     * @return the state; null if it is unknown
     */
    public @Nullable Object state() {
        if (!isKnown) {
            return null;
        }
        try {
            return Files.readAttributes(folder, STATE);
        } catch (IOException e) {
            return null;
        }
    }

    /**
     * Returns whether the files that {@link #recordInPlace} was called with are still in place.
     *
     * @param state what {@link #state} has just returned
     * @return false if they have to be looked at
     */
    public boolean areInPlace(@Nullable Object state) {
        return state != null && state.equals(inPlace);
    }

    /**
     * Records that the paths of files in this folder lead where they should. Has no effect if a further change might
     * not change the state, because the last one is too recent, or because one of the paths is a symbolic link, whose
     * target may be in another folder.
     *
     * @param state what {@link #state} returned before the files were looked at
     * @param files the paths of the files
     */
    public void recordInPlace(@Nullable Object state, Path... files) {
        inPlace = state instanceof Map<?, ?> attributes && isSettled(attributes) && !containsLink(files) ? state : null;
    }

    private static boolean isSettled(Map<?, ?> attributes) {
        FileTime changed = (FileTime) Objects.requireNonNull(attributes.get(TIME), TIME);
        boolean wholeSecond = changed.to(TimeUnit.NANOSECONDS) % TimeUnit.SECONDS.toNanos(1) == 0;
        long elapsed = System.currentTimeMillis() - changed.toMillis();
        return elapsed > (wholeSecond ? WHOLE_SECONDS_MILLIS : TICK_MILLIS);
    }

    private static boolean containsLink(Path... files) {
        for (Path file : files) {
            if (Files.isSymbolicLink(file)) {
                return true;
            }
        }
        return false;
    }
}
