package dev.keystore.spi.support;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Shows whether a file was created, removed, renamed or replaced in a folder, without a look at the files in it.
 *
 * <p>A backend that verifies after each commit that a path still leads to an open file would otherwise pay for it:
 * since Linux 6.13, the first write to a file after a look at its attributes changes its times, and an fsync then also
 * writes the file system's own journal (docs.kernel.org/filesystems/multigrain-ts.html). On ext4, a write and an fsync
 * took 405 µs instead of 302 with such a look in between, and 96 µs of processor time instead of 59.
 *
 * <p>A folder is identified by its device and inode, and each change of a name in it changes its {@code ctime}. A file
 * that is mounted over another one changes neither; therefore two states are only equal within a second. On file
 * systems other than those of Linux that have multigrain times, the state is always unknown. This assumes that a change
 * of a name becomes visible within 200 ms of the {@code ctime} that it sets.
 *
 * <p>Concurrency: any thread may use this.
 */
public final class FolderChanges {

    private static final Set<String> MULTIGRAIN = Set.of("btrfs", "ext4", "tmpfs", "xfs");

    private static final String TIME = "ctime";
    private static final String ATTRIBUTES = "unix:fileKey," + TIME;

    /**
     * How long ago the last change has to be, so that the next one changes the time. Earlier kernels take the times
     * from a clock that ticks every 10 ms or more often, but may stand still for longer on a busy virtual machine.
     */
    private static final long SETTLED_MILLIS = 200;

    private static final long MAXIMUM_AGE_NANOS = 1_000_000_000;

    private final Path folder;
    private final boolean isKnown;

    /**
     * Examines the file system of a folder. Also reads the folder's attributes, so that the classes for that are
     * initialized (R31).
     *
     * @param folder an existing folder
     */
    public FolderChanges(Path folder) {
        this.folder = folder;
        this.isKnown = isOnMultigrain(folder) && read(folder) != null;
    }

    private static boolean isOnMultigrain(Path folder) {
        try {
            return isMultigrain(Files.getFileStore(folder).type());
        } catch (IOException | RuntimeException e) {
            return false; // in some containers, the mount cannot be found
        }
    }

    /** Returns whether the file systems of a type have multigrain times. */
    static boolean isMultigrain(String type) {
        return MULTIGRAIN.contains(type);
    }

    private static @Nullable Map<String, Object> read(Path folder) {
        try {
            return Files.readAttributes(folder, ATTRIBUTES);
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return null;
        }
    }

    /**
     * Returns the state of the folder now, with one call of {@code stat}.
     *
     * @return the state; null if it is unknown, or if a further change might not show because the last one is recent or
     *     has a time of whole seconds
     */
    public @Nullable State state() {
        if (!isKnown) {
            return null;
        }
        long sinceNanos = System.nanoTime();
        Map<String, Object> attributes = read(folder);
        if (attributes == null
                || !(attributes.get(TIME) instanceof FileTime changed)
                || !isSettled(changed, System.currentTimeMillis())) {
            return null;
        }
        return new State(attributes, sinceNanos);
    }

    /**
     * Returns whether a change after {@code nowMillis} will have another time. A whole second is never settled: the
     * file system may store nothing finer.
     */
    static boolean isSettled(FileTime changed, long nowMillis) {
        boolean isWholeSecond = changed.to(TimeUnit.NANOSECONDS) % 1_000_000_000 == 0;
        return !isWholeSecond && nowMillis - changed.toMillis() > SETTLED_MILLIS;
    }

    /** The state of a folder at some time. */
    public static final class State {

        private final Map<String, Object> attributes;
        private final long sinceNanos;

        State(Map<String, Object> attributes, long sinceNanos) {
            this.attributes = attributes;
            this.sinceNanos = sinceNanos;
        }

        Map<String, Object> attributes() {
            return attributes;
        }

        /**
         * Returns whether nothing has changed in the folder since an earlier state. What was found by a look at the
         * files after {@code earlier} was read, and before this state was, still holds then.
         *
         * @param earlier a state of the same folder; null if there is none
         * @return false if something has changed, or may have changed since {@code earlier} is older than a second
         */
        public boolean isUnchangedSince(@Nullable State earlier) {
            return earlier != null
                    && sinceNanos - earlier.sinceNanos < MAXIMUM_AGE_NANOS
                    && attributes.equals(earlier.attributes);
        }
    }
}
