package dev.keystore.demo;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Compiles and runs the Java examples of the README. */
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
        List<String> examples = blocks("java");
        assertThat(examples).hasSize(OUTPUT.size());
        for (int i = 0; i < examples.size(); i++) {
            assertThat(run("Example" + i, examples.get(i))).as("example %d", i).isEqualTo(OUTPUT.get(i));
        }
    }

    @Test
    @DisplayName("the README's first two shell blocks are one command each")
    void shellBlocks_firstTwo_areOneCommandEach() throws Exception {
        assertThat(blocks("sh").subList(0, 2))
                .allSatisfy(
                        block -> assertThat(block.strip()).startsWith("mvn ").doesNotContain("\n"));
    }

    private static List<String> blocks(String language) throws IOException {
        return Pattern.compile("(?ms)^```" + language + "\\R(.*?)^```")
                .matcher(Files.readString(README))
                .results()
                .map(match -> match.group(1))
                .toList();
    }

    private String run(String name, String example) throws Exception {
        Path source = folder.resolve(name + ".java");
        Files.writeString(source, asClass(name, example));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        boolean compiled = compiler.getTask(
                        messages,
                        null,
                        null,
                        List.of("-proc:none", "-d", folder.toString(), "-classpath", classPath()),
                        null,
                        compiler.getStandardFileManager(null, null, UTF_8).getJavaFileObjects(source))
                .call();
        assertThat(compiled).as("%s", messages).isTrue();

        Path output = folder.resolve(name + ".out");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djava.io.tmpdir=" + folder,
                        "-classpath",
                        folder + System.getProperty("path.separator") + classPath(),
                        name)
                .directory(folder.toFile())
                .redirectOutput(output.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
        return Files.readString(output).lines().reduce((first, last) -> last).orElse("");
    }

    private static String asClass(String name, String example) {
        Map<Boolean, List<String>> lines =
                example.lines().collect(Collectors.partitioningBy(line -> line.startsWith("import ")));
        return """
                import static java.nio.charset.StandardCharsets.UTF_8;
                import java.util.*;
                import java.util.concurrent.*;
                import java.util.stream.*;
                %s
                public class %s {
                    public static void main(String[] args) throws Exception {
                %s
                    }
                }
                """.formatted(String.join("\n", lines.get(true)), name, String.join("\n", lines.get(false)));
    }

    private static String classPath() {
        return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }
}
