package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.encryption.KeyFile;
import dev.keystore.torture.child.HeapDumpChild;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Searches the heap of a process for values after it closed an encrypted store. */
class HeapDumpTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite:,store.db", "mapdb:,store"})
    @Timeout(120)
    @DisplayName("R76 the reachable heap holds values while a store is open, and none after it is closed")
    void valuesInHeap(String scheme, String name) throws IOException, InterruptedException {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        Path open = folder.resolve("open.hprof");
        Path closed = folder.resolve("closed.hprof");
        String seed = "seed " + System.nanoTime() + " ";
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        HeapDumpChild.class.getName(),
                        scheme + folder.resolve(name),
                        "key-file:" + key,
                        seed,
                        open.toString(),
                        closed.toString())
                .inheritIO()
                .start();
        assertThat(child.waitFor(100, TimeUnit.SECONDS)).isTrue();
        assertThat(child.exitValue()).isZero();

        int whileOpen = valuesIn(open, seed);
        int afterClose = valuesIn(closed, seed);
        System.out.println("HeapDumpTest " + scheme + ": values in the reachable heap while open: " + whileOpen
                + ", after close: " + afterClose + ", of " + HeapDumpChild.VALUES);
        assertThat(whileOpen).as("the search finds values").isEqualTo(HeapDumpChild.VALUES);
        assertThat(afterClose).as("after close").isZero();
    }

    /** Returns how many of the values are in a file. */
    private static int valuesIn(Path file, String seed) throws IOException {
        Set<Long> beginnings = new HashSet<>();
        for (int i = 0; i < HeapDumpChild.VALUES; i++) {
            beginnings.add(ByteBuffer.wrap(HeapDumpChild.value(seed, i)).getLong());
        }
        byte[] bytes = Files.readAllBytes(file);
        Set<Long> found = new HashSet<>();
        long window = 0;
        for (int i = 0; i < bytes.length; i++) {
            window = window << 8 | (bytes[i] & 0xff);
            if (i >= 7 && beginnings.contains(window)) {
                found.add(window);
            }
        }
        return found.size();
    }
}
