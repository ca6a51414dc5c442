package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.spi.support.FolderChanges;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The system calls of a commit, as {@code strace} sees them. */
@Timeout(120)
final class SqliteSystemCallsTest {

    private static final int COMMITS = 50;

    @TempDir
    Path folder;

    @Test
    @DisplayName("R11 each commit is one fsync of the log, and looks at the folder, but at file and log once a second")
    void commit() throws Exception {
        assumeTrue(
                SqliteFixture.run("sh", "-c", "strace -o /dev/null true && echo usable")
                        .contains("usable"),
                "no strace");
        Path trace = folder.resolve("trace");

        SqliteFixture.run(
                "strace",
                "-f",
                "-y",
                "-o",
                trace.toString(),
                "-e",
                "trace=?mkdir,?mkdirat,?fsync,?fdatasync,?stat,?lstat,?fstat,?newfstatat,?statx",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Committing.class.getName(),
                folder.toString());

        List<String> calls = between(trace, Committing.OPENED, Committing.DONE);
        assertThat(calls)
                .filteredOn(line -> line.matches("\\d+ +\\w*sync\\(.*"))
                .hasSize(COMMITS)
                .allMatch(line -> line.contains("keys.db-wal"));
        assumeTrue(isStateKnown(), "a file system without multigrain times");
        // Since Linux 6.13, a look at the log makes its next fsync write the file system's own journal as well.
        assertThat(calls)
                .filteredOn(line -> line.matches("\\d+ +\\w*stat\\w*\\(.*"))
                .anyMatch(line -> line.contains("/store\""))
                .filteredOn(line -> line.contains("keys.db-wal"))
                .hasSizeLessThan(COMMITS);
    }

    private boolean isStateKnown() throws InterruptedException {
        Thread.sleep(300);
        return new FolderChanges(folder).state() != null;
    }

    private static List<String> between(Path trace, String from, String to) throws IOException {
        List<String> lines = Files.readAllLines(trace);
        return lines.subList(indexOf(lines, from), indexOf(lines, to));
    }

    private static int indexOf(List<String> lines, String marker) {
        return IntStream.range(0, lines.size())
                .filter(n -> lines.get(n).contains(marker + '"'))
                .findFirst()
                .orElseThrow(() -> new AssertionError("nothing was recorded of " + marker + ": " + lines));
    }

    /** The traced process, which creates a folder before and after the commits. */
    static final class Committing {

        static final String OPENED = "opened";
        static final String DONE = "commits-done";

        private Committing() {}

        public static void main(String[] arguments) throws Exception {
            Path folder = Path.of(arguments[0]);
            JdbcBackend backend = SqliteFixture.open(
                    Files.createDirectory(folder.resolve("store")).resolve("keys.db"));
            Thread.sleep(300); // since the files were created
            backend.save("alice", "session", "1", new byte[1_024]);
            Files.createDirectory(folder.resolve(OPENED));
            for (int n = 1; n <= COMMITS; n++) {
                backend.save("alice", "session", "1", new byte[1_024 + n]);
            }
            Files.createDirectory(folder.resolve(DONE));
            Runtime.getRuntime().halt(0);
        }
    }
}
