package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.encryption.KeyFile;
import dev.keystore.torture.child.HeapDumpChild;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Searches the heap of a process for the values and names of a conversation after it closed an encrypted store. */
class HeapDumpTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite,false", "jdbc:postgresql,true"})
    @Timeout(120)
    @DisplayName("R76 the reachable heap holds values while a store is open, and none after it is closed")
    void valuesInHeap(String scheme, boolean hidesNames) throws Exception {
        assertNoValueAfterClose(scheme, hidesNames);
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite,true", "mapdb,true"})
    @Tag("long")
    @Timeout(120)
    @DisplayName(
            "R76 the reachable heap holds no value after a store is closed, on further backends and with hidden names")
    void valuesInHeap_furtherStores(String scheme, boolean hidesNames) throws Exception {
        assertNoValueAfterClose(scheme, hidesNames);
    }

    private void assertNoValueAfterClose(String scheme, boolean hidesNames) throws Exception {
        try (Urls urls = new Urls()) {
            assertNoValueAfterClose(scheme, urls.create(scheme, folder.resolve("store")), hidesNames);
        }
    }

    private void assertNoValueAfterClose(String scheme, String url, boolean hidesNames)
            throws IOException, InterruptedException {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        Path output = folder.resolve("output.txt");
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:+UseSerialGC",
                        "-Djava.io.tmpdir=" + folder,
                        "-cp",
                        System.getProperty("java.class.path"),
                        HeapDumpChild.class.getName(),
                        url,
                        key.toString(),
                        folder.resolve("heap.hprof").toString(),
                        Boolean.toString(hidesNames))
                .redirectOutput(output.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertThat(child.waitFor(100, TimeUnit.SECONDS)).isTrue();
        assertThat(child.exitValue()).isZero();

        Map<String, Integer> found = Files.readAllLines(output).stream()
                .filter(line -> line.matches("[a-z]+ \\d+"))
                .map(line -> line.split(" ", 2))
                .collect(Collectors.toMap(words -> words[0], words -> Integer.valueOf(words[1])));
        System.out.println("HeapDumpTest " + scheme + (hidesNames ? " with hidden names" : "") + ": of "
                + found.get("stored") + " values that were stored and 2 names, in the reachable heap while open: "
                + found.get("open") + " and " + found.get("namesopen") + "; after close: " + found.get("closed")
                + " and " + found.get("namesclosed") + ", and with garbage that was not collected yet: "
                + found.get("garbage") + " and " + found.get("namesgarbage"));
        assertThat(found.get("open")).as("the search finds values").isGreaterThan(20);
        assertThat(found.get("namesopen")).as("the search finds names").isEqualTo(2);
        assertThat(found.get("closed")).as("values after close").isZero();
    }
}
