package dev.keystore.testkit;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * A small file system in memory, which can be full or read-only, to test what a backend makes of that.
 *
 * <pre>{@code
 * try (Tmpfs small = Tmpfs.mount(folder, "size=2m")) {
 *     ...                                            // write until the backend fails
 *     small.remount("size=16m");                     // and go on
 * }
 * }</pre>
 *
 * <p>It is made with the {@code mount} command of Linux, which wants root; elsewhere the test that asks for one is skipped.
 */
public final class Tmpfs implements AutoCloseable {

    private final Path folder;

    private Tmpfs(Path folder) {
        this.folder = folder;
    }

    /**
     * Mounts one on an existing folder, or skips the test.
     *
     * @param options those of {@code mount -o}, for example {@code size=2m}
     */
    public static Tmpfs mount(Path folder, String options) {
        Assumptions.assumeTrue(
                run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder.toString()),
                "a tmpfs can't be mounted here");
        return new Tmpfs(folder);
    }

    /** Returns where it is mounted. */
    public Path folder() {
        return folder;
    }

    /**
     * Changes its options, for example to {@code ro}, while files may be open in it.
     *
     * @throws IllegalStateException if that is refused
     */
    public void remount(String options) {
        require(run("mount", "-o", "remount," + options, folder.toString()), "remounted with " + options);
    }

    /**
     * Takes it away, with all that is in it.
     *
     * @throws IllegalStateException if that is refused
     */
    @Override
    public void close() {
        require(run("umount", folder.toString()) || run("umount", "--lazy", folder.toString()), "unmounted");
    }

    private void require(boolean done, String what) {
        if (!done) {
            throw new IllegalStateException(folder + " can't be " + what);
        }
    }

    private static boolean run(String... command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.onExit().join().exitValue() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
