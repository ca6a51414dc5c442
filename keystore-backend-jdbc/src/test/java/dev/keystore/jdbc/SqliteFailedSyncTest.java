package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SqliteFailedSyncTest {

    @TempDir
    Path folder;

    @Test
    @DisplayName("R11 a new store is refused if the system fails to force its folder, and nothing of it is left")
    void newStore() throws Exception {
        assertThat(openWithFailingSync(1))
                .contains(OpenStoreProbe.REFUSED)
                .contains("could not be created")
                .contains("Input/output error");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @DisplayName(
            "R11 an existing store is refused if the system fails to force its folder, since the log's name may be lost")
    void oldStore() throws Exception {
        SqliteFixture.open(folder.resolve("keys.db")).close();
        assertThat(openWithFailingSync(1))
                .contains(OpenStoreProbe.REFUSED)
                .contains("could not force its folder to the disk")
                .contains("Input/output error");
        assertThat(SqliteFixture.contents(folder)).containsOnlyKeys("keys.db");
    }

    /** Opens a store in a process in which fsync fails from the given call on. */
    private String openWithFailingSync(int first) throws Exception {
        assumeTrue(canInject(), "strace can't inject failures here");
        List<String> command = new ArrayList<>(strace("fsync:error=EIO:when=" + first + "+"));
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                OpenStoreProbe.class.getName(),
                "jdbc:sqlite:" + folder.resolve("keys.db")));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return said;
    }

    private static List<String> strace(String injection) {
        return List.of("strace", "-qq", "-f", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=" + injection);
    }

    private static boolean canInject() throws Exception {
        List<String> command = new ArrayList<>(strace("fsync:error=EIO"));
        command.add("true");
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
