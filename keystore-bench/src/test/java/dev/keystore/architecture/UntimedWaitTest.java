package dev.keystore.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The engine and the backends call no method that waits without a deadline. This searches their source for the names of
 * such methods, called without arguments, and for waits for a future.
 */
class UntimedWaitTest {

    private static final Path PROJECT = Path.of("..");

    private static final String UNTIMED =
            "\\.(lock|lockInterruptibly|acquire|acquireUninterruptibly|await|join|wait|park)\\(\\)"
                    + "|getUninterruptibly\\(\\w+\\)";

    private static final Pattern FUTURE = Pattern.compile("Future(?:Task)?<.*?> (\\w+)");

    /** Waits for work that bounds its own waits, or that has ended: the exceptions of R27. */
    private static final Set<String> ACCEPTED = Set.of(
            "CopyGroup.java: Uninterruptibles.getUninterruptibly(task);",
            "Lifecycle.java: done.get();",
            "PlatformThreads.java: return task.get();");

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
            assertThat(files.filter(file -> file.toString().endsWith(".java"))
                            .flatMap(UntimedWaitTest::untimedWaits)
                            .filter(wait -> !ACCEPTED.contains(wait)))
                    .isEmpty();
        }
    }

    @Test
    @DisplayName("R27 an untimed wait is recognised, and a timed one is not taken for one")
    void pattern_isSpecific() {
        assertThat(untimedWaits("growLock.lock();")).hasSize(1);
        assertThat(untimedWaits("start.await();")).hasSize(1);
        assertThat(untimedWaits("Uninterruptibles.getUninterruptibly(task);")).hasSize(1);
        assertThat(untimedWaits("private @Nullable FutureTask<?> running;\nrunning.get();"))
                .containsExactly("running.get();");
        assertThat(untimedWaits("lock.tryLock(30, SECONDS); tx.lock(key); FileLock lock()"))
                .isEmpty();
        assertThat(untimedWaits(
                        "Future<Void> done;\ndone.get(1, SECONDS); getUninterruptibly(done, timeout);\nid.get();"))
                .isEmpty();
    }

    private static Stream<String> untimedWaits(Path file) {
        try {
            return untimedWaits(Files.readString(file)).map(line -> file.getFileName() + ": " + line);
        } catch (IOException e) {
            throw new AssertionError("could not read " + file, e);
        }
    }

    private static Stream<String> untimedWaits(String source) {
        String futures = FUTURE.matcher(source)
                .results()
                .map(declared -> declared.group(1))
                .distinct()
                .collect(Collectors.joining("|"));
        Pattern untimed = Pattern.compile(futures.isEmpty() ? UNTIMED : UNTIMED + "|\\b(" + futures + ")\\.get\\(\\)");
        return source.lines().filter(line -> untimed.matcher(line).find()).map(String::strip);
    }
}
