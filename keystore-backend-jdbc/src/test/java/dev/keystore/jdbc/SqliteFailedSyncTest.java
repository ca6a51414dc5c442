package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SqliteFailedSyncTest {

    private static final List<String> STRACE = List.of("strace", "-qq", "-f", "-o", "/dev/null");

    @TempDir
    Path folder;

    @Test
    @DisplayName("R11 a new store is refused if the system fails to force its folder, and nothing of it is left")
    void newStore() throws Exception {
        assertThat(openWithFailingSync())
                .contains(OpenStoreProbe.REFUSED)
                .contains("could not create the file")
                .contains("Input/output error");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @DisplayName("R11 an existing store is refused if the system fails to force its folder, since the log's name may be"
            + " lost")
    void oldStore() throws Exception {
        SqliteFixture.open(folder.resolve("keys.db")).close();
        assertThat(openWithFailingSync())
                .contains(OpenStoreProbe.REFUSED)
                .contains("could not open: its folder could not be forced to the disk")
                .contains("Input/output error");
        assertThat(SqliteFixture.contents(folder)).containsOnlyKeys("keys.db");
    }

    @Test
    @DisplayName(
            "R11 the folder that is forced is that of the file and its log, also if the store is opened through a link")
    void link() throws Exception {
        Path target = Files.createDirectory(folder.resolve("target"));
        Files.createSymbolicLink(folder.resolve("keys.db"), target.resolve("store.db"));
        assertThat(openWith("-P", target.toString(), "-e", "inject=fsync:error=EIO"))
                .contains(OpenStoreProbe.REFUSED)
                .contains("could not create the file")
                .contains("Input/output error");
        assertThat(target).isEmptyDirectory();

        SqliteFixture.open(folder.resolve("keys.db")).close();
        assertThat(openWith("-P", target.toString(), "-e", "inject=fsync:error=EIO"))
                .contains(OpenStoreProbe.REFUSED)
                .contains("could not open: its folder could not be forced to the disk")
                .contains("Input/output error");
    }

    @Test
    @DisplayName("R11 a new store is refused if this user can change the parent of its folder but can't force it")
    void parentCannotBeOpened() throws Exception {
        Path own = ownFolder();
        assertThat(openWith("-P", own.getParent().toString(), "-e", "inject=openat:error=EACCES"))
                .contains(OpenStoreProbe.REFUSED)
                .contains("could not create the file: java.nio.file.AccessDeniedException: " + own.getParent())
                .contains("make the folders above it readable");
        assertThat(own).isEmptyDirectory();
    }

    @Test
    @DisplayName("R11 a new store is created in a folder whose parent this user can neither read nor change")
    void parentOfAnotherUser() throws Exception {
        Path own = ownFolder();
        String denied = "inject=?access,?faccessat,?faccessat2,openat:error=EACCES";
        assertThat(openWith("-P", own.getParent().toString(), "-e", denied)).doesNotContain(OpenStoreProbe.REFUSED);
        assertThat(own.resolve("store.db")).isNotEmptyFile();
    }

    /** Returns the folder that the URL leads to through a link, so that only it has the parent that is named. */
    private Path ownFolder() throws Exception {
        Path own = Files.createDirectories(folder.resolve("parent").resolve("own"));
        Files.createSymbolicLink(folder.resolve("keys.db"), own.resolve("store.db"));
        return own;
    }

    /** Opens the store in a process in which all calls of fsync fail. */
    private String openWithFailingSync() throws Exception {
        return openWith("-e", "trace=fsync", "-e", "inject=fsync:error=EIO");
    }

    /** Opens the store in a process with failures that strace injects. */
    private String openWith(String... options) throws Exception {
        assumeTrue(canInject(), "strace can't inject failures here");
        List<String> command = new ArrayList<>(STRACE);
        command.addAll(List.of(options));
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

    private static boolean canInject() throws Exception {
        List<String> command = new ArrayList<>(STRACE);
        command.addAll(List.of("-e", "inject=fsync:error=EIO", "true"));
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
