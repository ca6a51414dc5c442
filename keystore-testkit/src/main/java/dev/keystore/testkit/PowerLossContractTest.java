package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Power loss for a backend that keeps its data in files: extend it, and you know what is left when the power goes.
 *
 * <pre>{@code
 * class FileBackendPowerLossTest extends PowerLossContractTest {
 *
 *     @Override
 *     protected Backend open(Path folder) {
 *         return new FileBackend(folder);
 *     }
 * }
 * }</pre>
 *
 * <p>A child process commits to the backend as in {@link CrashContractTest}, and {@code strace} records what it does to
 * the files of the folder: all bytes, and the order. From the record the test builds folders as they may be after power
 * loss at many points, opens each with {@link #open}, and checks that (R11, R12) every acknowledged commit is there, no
 * commit in part, nothing that nobody wrote, that each thread can commit once more, and that all is there after close and
 * open.
 *
 * <p>What was forced by {@code fsync} or {@code fdatasync} is on the disk. Of the rest, each page of 4,096 bytes is there
 * as it was at any moment since, or torn at a multiple of 512 bytes; a file has one of the sizes it had since; names not
 * forced with their folder may be missing. Half of the losses are such as ext4 with {@code data=ordered} allows: names
 * persist in order, and no file is longer than the data written to it. The others are such as POSIX allows: any name, size
 * and page, in any order. A file that is mapped for writing holds anything, until it is forced for the last time before
 * the backend is closed: no backend that keeps commits in a mapped file can be tested so.
 *
 * <p>Three lives are recorded: a store is created, closed, and opened again; a process is killed at any moment, and the
 * next one recovers and commits (what the first did not force is still not on the disk, however readable it is); and
 * forcing fails with {@code EIO} (its pages count as written and may not be, so forcing again does not help), after which
 * commits may fail, and those that are acknowledged must survive.
 *
 * <p>Each test prints its figures in one line, and the seed. {@code -Dcrash.seed=} with that seed makes the same commits
 * and chooses points and losses in the same way; how the child's threads interleave is up to the machine. A failure says
 * the state, the last change before the loss, and which changes of names and data persisted.
 *
 * <p>The tests are skipped unless they are asked for: {@code -Dcrash.tests=sample} runs the samples, some seconds each, and
 * {@code -Dcrash.tests=whole} all of them. Those of the whole have the tag {@code long}. Without {@code strace} they are
 * skipped, and say so. What {@link CrashContractTest} says about the class applies to this one.
 */
public abstract class PowerLossContractTest extends DurabilityTest {

    private static final int STORES_OF_SAMPLE = 2;
    private static final int STORES_OF_WHOLE = 6;

    /** Creates a test. JUnit does, and so does the child. */
    protected PowerLossContractTest() {}

    @Override
    protected abstract Backend open(Path folder) throws Exception;

    /** Returns how many states each test of the sample looks at; unless overridden, 24. */
    protected int statesOfSample() {
        return 24;
    }

    /** Returns how many states each test of the whole looks at; unless overridden, 400. */
    protected int statesOfWhole() {
        return 400;
    }

    /** Returns how many commits each thread of a child makes in a store; unless overridden, 12. */
    protected int commits() {
        return 12;
    }

    @Test
    @Timeout(300)
    @DisplayName("R11 R12 power lost while a store is created, closed and opened again, a sample (strace)")
    final void sample_created() throws Exception {
        requireSample();
        loseAfterCreation(STORES_OF_SAMPLE, statesOfSample());
    }

    @Test
    @Timeout(300)
    @DisplayName("R11 R12 killed, recovered, then power lost, a sample (strace)")
    final void sample_killed() throws Exception {
        requireSample();
        loseAfterKill(STORES_OF_SAMPLE, statesOfSample());
    }

    @Test
    @Timeout(300)
    @DisplayName("R11 R12 an fsync failed, then power lost, a sample (strace)")
    final void sample_failed() throws Exception {
        requireSample();
        loseAfterFailure(STORES_OF_SAMPLE, statesOfSample());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 power lost while a store is created, closed and opened again, the whole (strace)")
    final void whole_created() throws Exception {
        requireWhole();
        loseAfterCreation(STORES_OF_WHOLE, statesOfWhole());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 killed, recovered, then power lost, the whole (strace)")
    final void whole_killed() throws Exception {
        requireWhole();
        loseAfterKill(STORES_OF_WHOLE, statesOfWhole());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 an fsync failed, then power lost, the whole (strace)")
    final void whole_failed() throws Exception {
        requireWhole();
        loseAfterFailure(STORES_OF_WHOLE, statesOfWhole());
    }

    private void loseAfterCreation(int stores, int states) throws Exception {
        PowerLossRun run = run();
        report("created, closed and opened again", run.create(stores, states), run);
    }

    private void loseAfterKill(int stores, int states) throws Exception {
        PowerLossRun run = run();
        report("killed and recovered", run.killAndRecover(stores, states), run);
    }

    private void loseAfterFailure(int stores, int states) throws Exception {
        PowerLossRun run = run();
        report("fsync failed", run.fail(stores, states), run);
    }

    private PowerLossRun run() throws Exception {
        Optional<String> obstacle = DiskRecorder.obstacle(folder);
        Assumptions.assumeTrue(obstacle.isEmpty(), () -> "what a child writes can't be recorded: " + obstacle.get());
        return new PowerLossRun(this, folder, seed());
    }

    private void report(String what, PowerLossFigures figures, PowerLossRun run) {
        System.out.printf(
                "%s %s: %s, nothing lost, torn or foreign; crash.seed=%d%n",
                getClass().getSimpleName(), what, figures, run.seed());
    }
}
