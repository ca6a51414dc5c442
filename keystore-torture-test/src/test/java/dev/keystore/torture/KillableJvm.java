package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Runs a main class in a separate JVM, on the class path of the tests, and may kill it. */
final class KillableJvm {

    private static final int LONGEST_SECONDS = Integer.getInteger("keystore.seconds", 120);

    private KillableJvm() {}

    /**
     * Runs a main class. If it ends by itself, its exit code has to be 0.
     *
     * @param output the file that gets what it prints
     * @param millis kills it when this time has passed since it began to print; if negative, waits for its end, for 120
     *     s at most, or as the property {@code keystore.seconds} says
     * @return whether it was killed before it ended
     */
    static boolean run(Class<?> main, List<String> arguments, Path output, int millis)
            throws IOException, InterruptedException {
        return run(main, arguments, output, "", millis);
    }

    /** As {@link #run(Class, List, Path, int)}, but the time begins when the class has printed a text. */
    static boolean run(Class<?> main, List<String> arguments, Path output, String text, int millis)
            throws IOException, InterruptedException {
        Process child = start(main, arguments, output, Path.of(System.getProperty("java.io.tmpdir")));
        boolean ended = false;
        try {
            if (millis >= 0) {
                awaitPrinted(child, output, text);
                ended = child.waitFor(millis, TimeUnit.MILLISECONDS);
            } else {
                ended = child.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS);
                assertThat(ended).as("ended within %s s", LONGEST_SECONDS).isTrue();
            }
        } finally {
            child.destroyForcibly().waitFor();
        }
        if (ended) {
            assertThat(child.exitValue())
                    .as("exit code of %s %s", main.getSimpleName(), arguments)
                    .isZero();
        }
        return !ended;
    }

    /**
     * Starts a main class.
     *
     * @param temporary the folder for its temporary files, which a process that is killed leaves there: libsignal
     *     unpacks 142 MB
     */
    static Process start(Class<?> main, List<String> arguments, Path output, Path temporary) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Djava.io.tmpdir=" + temporary,
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        command.addAll(arguments);
        return new ProcessBuilder(command)
                .redirectOutput(output.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /**
     * Waits for the end of a process and deletes its temporary files.
     *
     * @return its exit code
     */
    static int exitCode(Process child, int seconds, Path temporary) throws IOException, InterruptedException {
        try {
            assertThat(child.waitFor(seconds, TimeUnit.SECONDS))
                    .as("ended within %d s", seconds)
                    .isTrue();
        } finally {
            child.destroyForcibly().waitFor();
            try (Stream<Path> left = Files.walk(temporary)) {
                for (Path path : left.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
        return child.exitValue();
    }

    private static void awaitPrinted(Process child, Path output, String text) throws IOException, InterruptedException {
        while ((Files.size(output) == 0 || !Files.readString(output).contains(text)) && child.isAlive()) {
            child.waitFor(5, TimeUnit.MILLISECONDS);
        }
    }
}
