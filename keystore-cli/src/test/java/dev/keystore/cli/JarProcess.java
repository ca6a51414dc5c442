package dev.keystore.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** Runs the packaged jar as a person does: {@code java -jar keystore.jar …}. */
final class JarProcess {

    static final Path JAR = Path.of(System.getProperty("keystore.jar", "target/keystore.jar"));

    /** What a JVM from 24 on prints when MapDB unmaps its file; docs/cli.md says how to turn it off. */
    private static final Pattern UNMAPPING = Pattern.compile("""
            WARNING: A terminally deprecated method in sun\\.misc\\.Unsafe has been called
            WARNING: sun\\.misc\\.Unsafe::invokeCleaner has been called by org\\.mapdb\\.\\S+ \\(file:\\S+\\)
            WARNING: Please consider reporting this to the maintainers of class org\\.mapdb\\.volume\\.CleanerUtil
            WARNING: sun\\.misc\\.Unsafe::invokeCleaner will be removed in a future release
            """);

    private JarProcess() {}

    static List<String> command(String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-XX:TieredStopAtLevel=1");
        command.add("-Xmx256m");
        command.add("-jar");
        command.add(JAR.toString());
        command.addAll(List.of(arguments));
        return command;
    }

    static Ran run(String... arguments) throws Exception {
        return run(Map.of(), arguments);
    }

    static Ran run(Map<String, String> environment, String... arguments) throws Exception {
        Path out = Files.createTempFile("keystore-out", ".txt");
        Path err = Files.createTempFile("keystore-err", ".txt");
        try {
            ProcessBuilder builder = new ProcessBuilder(command(arguments))
                    .redirectInput(
                            ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            try {
                if (!process.waitFor(60, TimeUnit.SECONDS)) {
                    throw new IllegalStateException("still running: " + List.of(arguments));
                }
            } finally {
                process.destroyForcibly();
            }
            return new Ran(process.exitValue(), read(out), withoutUnmapping(read(err)));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    private static String withoutUnmapping(String err) {
        return UNMAPPING.matcher(err).replaceFirst("");
    }

    private static String read(Path file) throws IOException {
        return Files.readString(file, StandardCharsets.UTF_8);
    }
}
