package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a main class in a separate JVM, on the class path of the tests, and may kill it. */
final class KillableJvm {

    private KillableJvm() {}

    /**
     * Runs a main class. If it ends by itself, its exit code has to be 0.
     *
     * @param output the file that gets what it prints
     * @param millis kills it when this time has passed since it began to print; if negative, waits for its end, for 120
     *     s at most
     * @return whether it was killed before it ended
     */
    static boolean run(Class<?> main, List<String> arguments, Path output, int millis)
            throws IOException, InterruptedException {
        return run(main, arguments, output, "", millis);
    }

    /** As {@link #run(Class, List, Path, int)}, but the time begins when the class has printed a text. */
    static boolean run(Class<?> main, List<String> arguments, Path output, String text, int millis)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        command.addAll(arguments);
        Process child = new ProcessBuilder(command)
                .redirectOutput(output.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        boolean ended = false;
        try {
            if (millis >= 0) {
                awaitPrinted(child, output, text);
                ended = child.waitFor(millis, TimeUnit.MILLISECONDS);
            } else {
                ended = child.waitFor(120, TimeUnit.SECONDS);
                assertThat(ended).as("ended within 120 s").isTrue();
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

    private static void awaitPrinted(Process child, Path output, String text) throws IOException, InterruptedException {
        while ((Files.size(output) == 0 || !Files.readString(output).contains(text)) && child.isAlive()) {
            child.waitFor(5, TimeUnit.MILLISECONDS);
        }
    }
}
