package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Events;

/** Runs the contract tests on a backend and checks which of them fail. */
final class Verdict {

    private static Supplier<? extends Backend> subject = MinimalBackend::new;

    private Verdict() {}

    /** Asserts that exactly the contract tests with these display names fail. */
    static void assertFails(Supplier<? extends Backend> broken, String... displayNames) {
        subject = broken;
        Events tests = run(Subject.class);
        assertThat(tests.started().count()).as("tests").isGreaterThan(100);
        assertThat(tests.failed().stream()
                        .map(event -> event.getTestDescriptor().getDisplayName())
                        .distinct())
                .as("failed tests")
                .containsExactlyInAnyOrder(displayNames);
    }

    static Events run(Class<?> test) {
        return EngineTestKit.engine("junit-jupiter")
                .selectors(selectClass(test))
                .execute()
                .testEvents();
    }

    /** The tests of a broken backend. The build must not run this class by itself, since it fails. */
    static class Subject extends BackendContractTest {

        private final Backend backend = subject.get();
        private boolean opened;

        @Override
        protected Backend open(Path folder) {
            if (backend instanceof Delegating.ContextFree contextFree) {
                contextFree.open();
            }
            if (backend instanceof Delegating.Compacting compacting) {
                compacting.openIn(folder);
            }
            boolean isSecond = opened;
            opened = true;
            return isSecond && backend instanceof Delegating.Owned owned ? owned.openedAgain() : backend;
        }
    }
}
