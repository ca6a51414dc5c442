package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.spi.Batch;
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

/**
 * How often a commit forces a file, and which one, and how often it looks at the journal, as {@code strace} sees it.
 */
@Timeout(120)
final class FsyncCountTest {

    private static final int COMMITS = 50;
    private static final String FORCES = "?fsync,?fdatasync,?msync,?sync,?syncfs,?sync_file_range";
    private static final String LOOKS = "?stat,?lstat,?fstat,?newfstatat,?statx";

    @TempDir
    Path folder;

    @Test
    @DisplayName("R11 each commit, and each group of commits, is one fsync of the journal and forces nothing else")
    void oneFsync() throws Exception {
        assumeTrue(
                Mapdb.run("sh", "-c", "strace -o /dev/null true && echo usable").contains("usable"), "no strace");
        Path trace = folder.resolve("trace");

        Mapdb.run(
                "strace",
                "-f",
                "-y",
                "-o",
                trace.toString(),
                "-e",
                "trace=?mkdir,?mkdirat," + FORCES + "," + LOOKS,
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Committing.class.getName(),
                folder.toString());

        assertThat(forced(trace, Committing.OPENED, Committing.SINGLE))
                .hasSize(COMMITS)
                .allMatch(FsyncCountTest::isFsyncOfTheJournal);
        assertThat(forced(trace, Committing.SINGLE, Committing.GROUP))
                .hasSize(1)
                .allMatch(FsyncCountTest::isFsyncOfTheJournal);
        assumeTrue(isStateKnown(), "a file system without multigrain times");
        // Since Linux 6.13, a look at the journal makes its next fsync write the file system's own journal as well.
        assertThat(between(trace, Committing.OPENED, Committing.GROUP))
                .filteredOn(line -> line.matches("\\d+ +\\w*stat\\w*\\(.*"))
                .anyMatch(line -> line.contains("/store\""))
                .filteredOn(line -> line.contains("/journal-"))
                .hasSizeLessThan(COMMITS);
    }

    private boolean isStateKnown() throws InterruptedException {
        Thread.sleep(300);
        return new FolderChanges(folder).state() != null;
    }

    /** Returns the calls that forced something between the creation of two folders. */
    private static List<String> forced(Path trace, String from, String to) throws IOException {
        return between(trace, from, to).stream()
                .filter(line -> line.matches("\\d+ +\\w*sync\\w*\\(.*"))
                .toList();
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

    private static boolean isFsyncOfTheJournal(String line) {
        return line.matches("\\d+ +f(data)?sync\\(\\d+<.*/journal-\\d+>.*");
    }

    /** The traced process, which creates a folder before and after each kind of commit. */
    static final class Committing {

        static final String OPENED = "opened";
        static final String SINGLE = "single-commits-done";
        static final String GROUP = "group-done";

        private Committing() {}

        public static void main(String[] arguments) throws Exception {
            Path folder = Path.of(arguments[0]);
            MapdbBackend backend = Mapdb.open(folder.resolve("store"));
            backend.commit(Mapdb.pair("alice", 0, new byte[1_024]));
            Thread.sleep(300); // since a change of the folder, the journal's name among them
            backend.commit(Mapdb.pair("alice", 0, new byte[1_024]));
            Files.createDirectory(folder.resolve(OPENED));
            for (int n = 1; n <= COMMITS; n++) {
                backend.commit(Mapdb.pair("alice", n, new byte[1_024]));
            }
            Files.createDirectory(folder.resolve(SINGLE));
            List<Batch> group = IntStream.range(0, 13)
                    .mapToObj(n -> Mapdb.pair("account-" + n, 0, new byte[1_024]))
                    .toList();
            backend.commit(group);
            Files.createDirectory(folder.resolve(GROUP));
            Runtime.getRuntime().halt(0);
        }
    }
}
