package dev.keystore.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The engine and the backends call no method that waits without a deadline. This searches their source for the names of
 * such methods, called without arguments.
 */
class UntimedWaitTest {

    private static final Path PROJECT = Path.of("..");

    private static final Pattern UNTIMED =
            Pattern.compile("\\.(lock|lockInterruptibly|acquire|acquireUninterruptibly|await|join|wait|park)\\(\\)");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "keystore-core/src/main/java",
                "keystore-backend-support/src/main/java",
                "keystore-backend-jdbc/src/main/java",
                "keystore-backend-mapdb/src/main/java",
                "keystore-example-backend/src/main/java",
                "keystore-testkit/src/main/java/dev/keystore/testkit/MemoryBackend.java"
            })
    @DisplayName("R27 no wait in the engine or in a backend is without a deadline")
    void sources_haveNoUntimedWait(String sources) throws IOException {
        try (Stream<Path> files = Files.walk(PROJECT.resolve(sources))) {
            assertThat(files.filter(file -> file.toString().endsWith(".java")).flatMap(UntimedWaitTest::untimedWaits))
                    .isEmpty();
        }
    }

    @Test
    @DisplayName("R27 an untimed wait is recognised, and a timed one is not taken for one")
    void pattern_isSpecific() {
        assertThat("growLock.lock();").containsPattern(UNTIMED);
        assertThat("start.await();").containsPattern(UNTIMED);
        assertThat("lock.tryLock(30, SECONDS); tx.lock(key); FileLock lock()").doesNotContainPattern(UNTIMED);
    }

    private static Stream<String> untimedWaits(Path file) {
        try {
            List<String> lines = Files.readAllLines(file);
            return lines.stream()
                    .filter(line -> UNTIMED.matcher(line).find())
                    .map(line -> file.getFileName() + ": " + line.strip());
        } catch (IOException e) {
            throw new AssertionError("could not read " + file, e);
        }
    }
}
