package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.core.SignalKeyDatabase;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Processes that commit while they run out of stack or memory; other threads' commits continue, and closing succeeds.
 */
@Timeout(900)
class ExhaustionTest {

    /** Printed before the JDK ends a process in which memory was exhausted while a mapped file was unmapped. */
    private static final String ENDED_BY_JDK = "java.lang.Error: Cleaner terminated abnormally";

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, stack", "jdbc:sqlite, memory", "mapdb, stack", "mapdb, memory"})
    @DisplayName("R31 a process that runs out of stack or memory while it commits continues to commit and closes")
    void commit_whileExhausted_endsWithAKnownOutcome(String scheme, String resource) throws Exception {
        long seed = Long.getLong("keystore.exhaustion.seed", System.nanoTime());
        String url = scheme + ":" + folder.resolve("keys");
        String printed = run(url, resource, seed);
        for (int i = 1; i < 4 && printed.contains(ENDED_BY_JDK); i++) {
            url = scheme + ":" + folder.resolve("keys-" + i);
            printed = run(url, resource, seed + i);
        }
        assertThat(printed).as("seed " + seed).endsWith("closed\n");

        Map<String, Integer> values = printed.lines()
                .filter(line -> line.startsWith("counter-") || line.startsWith("deep "))
                .map(line -> line.split(" "))
                .collect(Collectors.toMap(words -> words[0], words -> Integer.valueOf(words[1])));
        assertThat(values).hasSizeGreaterThanOrEqualTo(3);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            values.forEach((id, value) -> assertThat(
                            database.forContext("alice").find(KeyTypes.SESSION, id))
                    .as(id)
                    .hasValueSatisfying(
                            bytes -> assertThat(ByteBuffer.wrap(bytes).getInt()).isEqualTo(value)));
        }
    }

    private String run(String url, String resource, long seed) throws Exception {
        Process child = start(url, resource, seed);
        boolean ended = child.waitFor(200, TimeUnit.SECONDS);
        child.destroyForcibly().waitFor();
        String printed = Files.readString(folder.resolve("out"));
        assertThat(ended).as("ended, seed " + seed + "\n" + printed).isTrue();
        return printed;
    }

    private Process start(String url, String resource, long seed) throws Exception {
        Path temporary = Files.createDirectories(folder.resolve("tmp"));
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                resource.equals("memory") ? "-Xmx40m" : "-Xmx256m",
                "-XX:+UseSerialGC",
                "-Djava.io.tmpdir=" + temporary,
                "-cp",
                System.getProperty("java.class.path"),
                Exhausted.class.getName(),
                url,
                resource,
                String.valueOf(seed)));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("out").toFile())
                .start();
    }
}
