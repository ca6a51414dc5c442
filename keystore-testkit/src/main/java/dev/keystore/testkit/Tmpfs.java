package dev.keystore.testkit;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * A small file system in memory that can be full or read-only, to test how a backend handles these conditions.
 *
 * <pre>{@code
 * try (Tmpfs small = Tmpfs.mount(folder, "size=2m")) {
 *     ...                                            // write until the backend fails
 *     small.remount("size=16m");                     // then continue
 * }
 * }</pre>
 *
 * <p>It uses the {@code mount} command of Linux, which requires root. On other systems, and without root, the test is
 * skipped.
 */
public final class Tmpfs implements AutoCloseable {

    private final Path folder;

    private Tmpfs(Path folder) {
        this.folder = folder;
    }

    /**
     * Mounts a file system on an existing folder, or skips the test.
     *
     * @param folder the folder to mount on
     * @param options the options of {@code mount -o}, for example {@code size=2m}
     * @return the mounted file system
     */
    public static Tmpfs mount(Path folder, String options) {
        Assumptions.assumeTrue(
                run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder.toString()),
                "a tmpfs cannot be mounted on this machine");
        return new Tmpfs(folder);
    }

    /**
     * Returns the folder on which this file system is mounted.
     *
     * @return the folder
     */
    public Path folder() {
        return folder;
    }

    /**
     * Changes the mount options, for example to {@code ro}. Files may be open meanwhile.
     *
     * @param options the new options of {@code mount -o}
     * @throws IllegalStateException if the system refuses it
     */
    public void remount(String options) {
        require(run("mount", "-o", "remount," + options, folder.toString()), "remounted with " + options);
    }

    /**
     * Unmounts this file system, which deletes its files.
     *
     * @throws IllegalStateException if the system refuses it
     */
    @Override
    public void close() {
        require(run("umount", folder.toString()) || run("umount", "--lazy", folder.toString()), "unmounted");
    }

    private void require(boolean done, String what) {
        if (!done) {
            throw new IllegalStateException(folder + " cannot be " + what);
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
