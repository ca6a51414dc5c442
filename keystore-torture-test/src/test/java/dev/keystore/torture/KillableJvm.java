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
                awaitStart(child, output);
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

    private static void awaitStart(Process child, Path output) throws IOException, InterruptedException {
        while (Files.size(output) == 0 && child.isAlive()) {
            child.waitFor(5, TimeUnit.MILLISECONDS);
        }
    }
}
