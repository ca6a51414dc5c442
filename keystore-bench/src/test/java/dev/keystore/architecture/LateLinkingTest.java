package dev.keystore.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.base.Splitter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The classes that end a failed commit or load, or rebuild MapDB's file, evaluate no lambda expression, method
 * reference or switch over an enum, except in class initializers and in objects that are created when a store is
 * opened.
 *
 * <p>The JVM links a lambda expression when it is first evaluated, and initializes the class that maps the constants of
 * an enum when the first switch runs. If that runs out of memory, each later evaluation fails, too. So a commit that
 * failed once for lack of memory could block all later ones. Class initializers are subject to the same: see
 * {@link dev.keystore.spi.support.EarlyInitialization}.
 */
class LateLinkingTest {

    private static final Path PROJECT = Path.of("..");

    /** A method, but not a constructor: that has no type before its name. */
    private static final Pattern METHOD =
            Pattern.compile("  (?:[\\w<>.\\[\\],?& ]+ )?[\\w.$<>\\[\\]?, ]+ ([\\w$]+)\\(.*");

    private static final Pattern CONSTRUCTOR = Pattern.compile("  (?:\\w+ )?[\\w$]+(?:\\.[\\w$]+)+\\(.*");

    private static final Pattern INITIALIZER = Pattern.compile("  static \\{\\};");

    /** Created when a store is opened, and not again. */
    private static final Set<String> OPENED = Set.of(
            "CommitPipeline",
            "CommitQueue",
            "CommitCounters",
            "RunningOperations",
            "CommitWriter",
            "Checkpointer",
            "ReaderGate",
            "SqliteFailures");

    /**
     * The methods of a record that the JVM links late are accepted: of these classes, only logs and tests call them.
     */
    private static final Pattern LATE = Pattern.compile(
            ".*invokedynamic.*InvokeDynamic #\\d+:(?!(toString|hashCode|equals):).*|.*\\$SwitchMap\\$.*");

    @ParameterizedTest
    @CsvSource({
        "keystore-api/target/classes/dev/keystore/spi, Batch|Mutation",
        "keystore-core/target/classes/dev/keystore/core, CommitPipeline|CommitQueue|CommitGroup|CommitState"
                + "|CommitRequest|CommitContents|GroupWriter|CommitFailures|BackendFailures|LoadFailures"
                + "|Context|EntryCache|EntryLoader|InFlight|S3FifoCache|CacheNode|CallGate|CommitCounters"
                + "|RollbackWriter|StoredNames|LockTable|LatestRecord",
        "keystore-backend-support/target/classes/dev/keystore/spi/support, Await|FolderChanges|TimedLock"
                + "|RunningOperations",
        "keystore-backend-mapdb/target/classes/dev/keystore/mapdb, CommitWriter|Checkpointer|Recovery|StoreFiles"
                + "|MergedEntries|SortedJournals|NetChanges|WorkingMap|Journal|JournalReader|JournalRecord"
                + "|EntryFileReader|EntryFileWriter|GroupApplier|UnappliedGroups|SpareJournals|Positions|ReaderGate",
        "keystore-backend-jdbc/target/classes/dev/keystore/jdbc, SqliteFailures|RowKey|OwnedGroup|RowChanges",
    })
    @DisplayName("R31 code that ends a failed operation links nothing late")
    void classes_linkNothingLate(String folder, String names) throws IOException {
        Path classes = PROJECT.resolve(folder);
        assertThat(classes).as("compile the whole project first").isDirectory();
        for (String name : Splitter.on('|').split(names)) {
            List<Path> files = filesOf(name, classes);
            assertThat(files).as(name).isNotEmpty();
            for (Path file : files) {
                assertThat(lateLinks(disassembled(file), OPENED.contains(name)))
                        .as(file.toString())
                        .isEmpty();
            }
        }
    }

    /** Returns the files of a top-level class and of those nested in it. */
    private static List<Path> filesOf(String name, Path classes) throws IOException {
        try (Stream<Path> files = Files.list(classes)) {
            return files.filter(file -> file.getFileName().toString().matches(name + "(\\$.*)?\\.class"))
                    .toList();
        }
    }

    @Test
    @DisplayName("R31 a lambda expression in a method is recognised, and one in a constructor is not")
    void lateLinks_areRecognised() {
        String late = "  13: invokedynamic #7, 0 // InvokeDynamic #0:run:(Ldev/keystore/A;)Ljava/lang/Runnable;";
        assertThat(lateLinks("  private dev.keystore.B of(dev.keystore.A);\n" + late, true))
                .hasSize(1);
        assertThat(lateLinks("  void run();\n  4: getstatic #9 // Field dev/A$1.$SwitchMap$dev$Kind:[I", true))
                .hasSize(1);
        assertThat(lateLinks("  dev.keystore.A(java.lang.String);\n" + late, true))
                .isEmpty();
        assertThat(lateLinks("  private dev.keystore.A$B(int);\n" + late, false))
                .hasSize(1);
        assertThat(lateLinks("  static {};\n" + late, false)).isEmpty();
    }

    /**
     * Returns the late links of a class.
     *
     * @param opened whether its objects are created when a store is opened
     */
    private static List<String> lateLinks(String disassembled, boolean opened) {
        List<String> found = new ArrayList<>();
        String method = "";
        for (String line : disassembled.lines().toList()) {
            if (INITIALIZER.matcher(line).matches()
                    || (opened && CONSTRUCTOR.matcher(line).matches())) {
                method = "";
            } else if (CONSTRUCTOR.matcher(line).matches()) {
                method = line.strip();
            } else if (METHOD.matcher(line).matches()) {
                method = line.strip();
            } else if (!method.isEmpty() && LATE.matcher(line).matches()) {
                found.add(method + " " + line.strip());
            }
        }
        return found;
    }

    private static String disassembled(Path file) {
        StringWriter out = new StringWriter();
        PrintWriter writer = new PrintWriter(out);
        int code = ToolProvider.findFirst("javap").orElseThrow().run(writer, writer, "-p", "-c", file.toString());
        assertThat(code).as(out.toString()).isZero();
        return out.toString();
    }
}
