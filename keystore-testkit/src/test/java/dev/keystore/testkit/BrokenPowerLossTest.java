package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.spi.Backend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * R64 for power loss: a correct backend survives it, and each broken one is caught by the test that names its fault.
 */
@Timeout(300)
class BrokenPowerLossTest {

    private static final int STORES = 2;
    private static final int STATES = 60;
    private static final int FEW_STATES = 16;

    @TempDir
    private Path folder;

    private final long seed = DurabilityTest.seed();

    @BeforeEach
    void requireStrace() throws Exception {
        Optional<String> obstacle = DiskRecorder.obstacle(folder);
        Assumptions.assumeTrue(obstacle.isEmpty(), obstacle::toString);
    }

    @Test
    @DisplayName("R64 a correct backend survives power loss after creation, a kill and failed fsyncs")
    void correct() {
        assertSurvives(FEW_STATES);
    }

    @Test
    @Tag("long")
    @DisplayName("R64 a correct backend survives power loss at many points")
    void correct_atManyPoints() {
        assertSurvives(STATES);
    }

    private void assertSurvives(int states) {
        assertThatCode(() -> {
                    run(new Correct(), "created").create(STORES, states);
                    run(new Correct(), "killed").killAndRecover(STORES, states);
                    run(new Segmented(), "segmented").killAndRecover(STORES, states);
                    run(new Correct(), "failed").fail(STORES, states);
                })
                .doesNotThrowAnyException();
    }

    @Test
    @DisplayName("R64 a backend that does not force its file is detected: it loses commits")
    void forcesNoFile() throws Exception {
        assertLost(catchThrowable(() -> run(new ForcesNoFile(), "created").create(STORES, STATES)));
    }

    @Test
    @DisplayName("R64 a backend that does not force its folder is detected: it loses its file")
    void forcesNoFolder() throws Exception {
        assertLost(catchThrowable(() -> run(new ForcesNoFolder(), "created").create(STORES, STATES)));
    }

    @Test
    @DisplayName("R64 a backend whose recovery does not force the recovered commits is detected after a kill")
    void recoversWithoutForce() throws Exception {
        assertThatCode(() -> run(new RecoversWithoutForce(), "created").create(STORES, FEW_STATES))
                .doesNotThrowAnyException();

        assertLost(
                catchThrowable(() -> run(new RecoversWithoutForce(), "killed").killAndRecover(STORES, 4 * STATES)));
    }

    @Test
    @DisplayName("R64 a backend that retries a failed fsync is detected when an fsync fails")
    void forcesAgain() throws Exception {
        assertThatCode(() -> run(new ForcesAgain(), "created").create(STORES, FEW_STATES))
                .doesNotThrowAnyException();

        assertLost(catchThrowable(() -> run(new ForcesAgain(), "failed").fail(STORES, 2 * STATES)));
    }

    private PowerLossRun run(PowerLossContractTest test, String name) throws IOException {
        return new PowerLossRun(test, Files.createDirectory(folder.resolve(name)), test.commits(), seed);
    }

    /**
     * Asserts that a lost commit was detected. It looks torn if the next commit, which was not acknowledged, deletes
     * some of its entries.
     */
    private static void assertLost(Throwable caught) {
        System.out.println(String.valueOf(caught).lines().findFirst().orElse(""));
        assertThat(caught)
                .isInstanceOf(AssertionError.class)
                .hasMessageMatching(
                        "(?s)power lost in store-.* at change \\d+ of \\d+, after .*\\(crash\\.seed=-?\\d+\\): "
                                + "(lost: commit \\d+ of thread \\d was acknowledged, but|commit \\d+ of thread \\d is"
                                + " torn:) .*");
    }

    static class Correct extends PowerLossContractTest {
        @Override
        protected Backend open(Path folder) throws Exception {
            return new ForcedLogBackend(folder);
        }
    }

    static class ForcesNoFile extends Correct {
        @Override
        protected Backend open(Path folder) {
            return new ForcedLogBackend(folder) {
                @Override
                void forceAppended() {}
            };
        }
    }

    static class ForcesNoFolder extends Correct {
        @Override
        protected Backend open(Path folder) {
            return new ForcedLogBackend(folder) {
                @Override
                void forceFolder() {}
            };
        }
    }

    /** A new log for each opening: forcing it does not cover earlier ones, which recovery has to force. */
    static class Segmented extends Correct {
        @Override
        protected Backend open(Path folder) throws Exception {
            MemoryBackend memory = new MemoryBackend();
            int number = 0;
            while (Files.isDirectory(folder.resolve("segment-" + number))) {
                recover(folder.resolve("segment-" + number++), memory).close();
            }
            Path segment = Files.createDirectory(folder.resolve("segment-" + number));
            ForcedLogBackend.force(folder);
            return new ForcedLogBackend(segment, memory);
        }

        LogBackend recover(Path segment, MemoryBackend memory) {
            return new ForcedLogBackend(segment, memory);
        }
    }

    static class RecoversWithoutForce extends Segmented {
        @Override
        LogBackend recover(Path segment, MemoryBackend memory) {
            return new LogBackend(segment, memory);
        }
    }

    static class ForcesAgain extends Correct {
        @Override
        protected Backend open(Path folder) {
            return new ForcedLogBackend(folder) {
                @Override
                void forceAppended() throws IOException {
                    try {
                        super.forceAppended();
                    } catch (IOException e) {
                        super.forceAppended();
                    }
                }
            };
        }
    }
}
