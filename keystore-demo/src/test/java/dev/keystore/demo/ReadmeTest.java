package dev.keystore.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Compiles and runs the Java examples of the README, and those of the pages on other modules. */
@Timeout(120)
class ReadmeTest {

    private static final Path README = Path.of("..", "README.md");

    /** The last line that each example prints, in their order. */
    private static final List<String> OUTPUT =
            List.of("[bob.1] decrypted with KeyPair[33 and 32 bytes]", "hello", "1234");

    @TempDir
    private Path folder;

    @Test
    @DisplayName("every Java example of the README compiles, runs and prints the expected output")
    void examples_compiledAndRun_printWhatTheySay() throws Exception {
        List<String> examples = PageExamples.blocks(README, "java");
        assertThat(examples).hasSize(OUTPUT.size());
        for (int i = 0; i < examples.size(); i++) {
            assertThat(new PageExamples(folder).run("Example" + i, examples.get(i)))
                    .as("example %d", i)
                    .isEqualTo(OUTPUT.get(i));
        }
    }

    @Test
    @DisplayName("the README's first two shell blocks are one command each")
    void shellBlocks_firstTwo_areOneCommandEach() throws Exception {
        assertThat(PageExamples.blocks(README, "sh").subList(0, 2))
                .allSatisfy(
                        block -> assertThat(block.strip()).startsWith("mvn ").doesNotContain("\n"));
    }

    @Test
    @DisplayName("R90 the example of docs/copying.md compiles, runs and prints the expected output")
    void copyingPage_example_printsWhatItSays() throws Exception {
        List<String> examples = PageExamples.blocks(Path.of("..", "docs", "copying.md"), "java");
        assertThat(examples)
                .singleElement()
                .satisfies(example -> assertThat(new PageExamples(folder).run("Copying", example))
                        .isEqualTo("2 entries, complete: true"));
    }

    @Test
    @DisplayName("R80 R84 the example of docs/backup.md compiles, runs and prints the expected output")
    void backupPage_example_printsWhatItSays() throws Exception {
        List<String> examples = PageExamples.blocks(Path.of("..", "docs", "backup.md"), "java");
        assertThat(examples)
                .singleElement()
                .satisfies(example -> assertThat(new PageExamples(folder).run("BackingUp", example))
                        .isEqualTo("dropped: {session=1}"));
    }

    @Test
    @DisplayName("R100 the examples of docs/metrics.md compile, run and print the expected output")
    void metricsPage_examples_printWhatTheySay() throws Exception {
        List<String> examples = PageExamples.blocks(Path.of("..", "docs", "metrics.md"), "java");
        assertThat(examples).hasSize(3);
        assertThat(new PageExamples(folder).run("Metrics", examples.get(0)))
                .isEqualTo("keystore_commit_seconds_count{result=\"written\"} 1");
        assertThat(new PageExamples(folder).run("PreKeysLeft", examples.get(1))).isEqualTo("100.0");
        assertThat(new PageExamples(folder).run("SlowTransactions", examples.get(2)))
                .isEqualTo("committed");
    }

    @Test
    @DisplayName("R27 the example of docs/async.md compiles, runs and prints the expected output")
    void asyncPage_example_printsWhatItSays() throws Exception {
        List<String> examples = PageExamples.blocks(Path.of("..", "docs", "async.md"), "java");
        assertThat(examples)
                .singleElement()
                .satisfies(example -> assertThat(new PageExamples(folder).run("Async", example))
                        .isEqualTo("1234"));
    }
}
