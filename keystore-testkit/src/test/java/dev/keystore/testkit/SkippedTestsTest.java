package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.Events;

class SkippedTestsTest {

    private static final Pattern REASON =
            Pattern.compile("MinimalBackend does not implement (\\w+)|the backend is not (\\w+)");

    @Test
    @DisplayName("R63 the minimal backend passes, and each skipped test names the interface that is not implemented")
    void minimalBackend_passesAndSkipsByName() {
        Events tests = Verdict.run(MinimalBackendContractTest.class);

        assertThat(tests.failed().list()).isEmpty();
        assertThat(tests.succeeded().count()).isGreaterThanOrEqualTo(25);
        assertThat(skipped(tests).stream().distinct())
                .containsExactlyInAnyOrder(
                        "AtomicCommit",
                        "GroupCommit",
                        "BulkLoad",
                        "PrefixScan",
                        "ContextListing",
                        "ContextPositions",
                        "ContextSnapshots",
                        "FsyncTiming",
                        "Compaction",
                        "ContextOwnership",
                        "ContextAwareBackend",
                        "persistent");
        assertThat(tests.started().count())
                .isEqualTo(tests.succeeded().count() + skipped(tests).size());
    }

    @Test
    @DisplayName("R63 a backend with all capabilities skips no test")
    void memoryBackend_skipsNothing() {
        Events tests = Verdict.run(CompleteBackendTest.class);

        assertThat(tests.failed().list()).isEmpty();
        assertThat(tests.aborted().list()).isEmpty();
        assertThat(tests.skipped().list()).isEmpty();
    }

    @Test
    @DisplayName(
            "the tests that kill processes, and those of power loss, run only on request, and say how to request them")
    void crashTests_withoutRequest_areSkippedByName() {
        String requested = System.clearProperty("crash.tests");
        try {
            for (Class<?> test : List.of(NeverCrashes.class, NeverLosesPower.class)) {
                Events tests = Verdict.run(test);

                assertThat(tests.started().count()).isGreaterThan(1);
                assertThat(tests.aborted().stream()
                                .map(event -> event.getRequiredPayload(TestExecutionResult.class)
                                        .getThrowable()
                                        .orElseThrow()
                                        .getMessage()))
                        .hasSize((int) tests.started().count())
                        .allSatisfy(reason -> assertThat(reason).contains("only on request: -Dcrash.tests="));
            }
        } finally {
            if (requested != null) {
                System.setProperty("crash.tests", requested);
            }
        }
    }

    private static List<String> skipped(Events tests) {
        return tests.aborted().stream()
                .map(event -> event.getRequiredPayload(TestExecutionResult.class))
                .map(result -> reason(result.getThrowable().orElseThrow().getMessage()))
                .toList();
    }

    private static String reason(String message) {
        Matcher matcher = REASON.matcher(message);
        assertThat(matcher.find()).as(message).isTrue();
        return matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
    }

    static class CompleteBackendTest extends BackendContractTest {

        private final MemoryBackend contents = new MemoryBackend();

        @Override
        protected Backend open(Path folder) {
            return contents.reopen();
        }
    }

    static class NeverCrashes extends CrashContractTest {

        @Override
        protected Backend open(Path folder) {
            throw new AssertionError("the test was not skipped");
        }
    }

    static class NeverLosesPower extends PowerLossContractTest {

        @Override
        protected Backend open(Path folder) {
            throw new AssertionError("the test was not skipped");
        }
    }
}
