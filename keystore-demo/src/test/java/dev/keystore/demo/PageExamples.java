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

/** Compiles and runs the Java examples of a page. */
final class PageExamples {

    private final Path folder;

    /**
     * Creates it.
     *
     * @param folder an empty folder, in which the examples run
     */
    PageExamples(Path folder) {
        this.folder = folder;
    }

    /** Returns the blocks of a language on a page. */
    static List<String> blocks(Path page, String language) throws IOException {
        return Pattern.compile("(?ms)^```" + language + "\\R(.*?)^```")
                .matcher(Files.readString(page))
                .results()
                .map(match -> match.group(1))
                .toList();
    }

    /** Returns the last line that an example prints. */
    String run(String name, String example) throws Exception {
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

    /** Returns the source of a class whose main method is an example. */
    static String asClass(String name, String example) {
        Map<Boolean, List<String>> lines =
                example.lines().collect(Collectors.partitioningBy(line -> line.startsWith("import ")));
        return """
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
