package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;

/** A small file system in memory, which can be full, or read-only; its tests are skipped where it can't be mounted. */
final class Tmpfs implements AutoCloseable {

    private final Path folder;

    private Tmpfs(Path folder) {
        this.folder = folder;
    }

    static Tmpfs mount(Path folder, String options) {
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder.toString()),
                "a tmpfs can't be mounted here");
        return new Tmpfs(folder);
    }

    Path folder() {
        return folder;
    }

    void remount(String options) {
        assertThat(run("mount", "-o", "remount," + options, folder.toString())).isTrue();
    }

    @Override
    public void close() {
        assertThat(run("umount", folder.toString()) || run("umount", "--lazy", folder.toString()))
                .isTrue();
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
