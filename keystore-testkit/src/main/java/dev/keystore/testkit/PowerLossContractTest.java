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
 * Power-loss tests of a backend that keeps its data in files: they check the data that may be left after power loss. A
 * backend's author extends this class:
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
 * <p>A child process commits to the backend as in {@link CrashContractTest}, while {@code strace} records its changes
 * to the files of the folder: all bytes, in order. From this record the test builds folders as power loss may leave
 * them at many points, and opens each with {@link #open}. It checks (R11, R12) that every acknowledged commit is there,
 * that no commit is there in part, that no bytes appear that were never written, that each thread can make one more
 * commit, and that everything is there after closing and reopening.
 *
 * <p>If the backend has {@link dev.keystore.spi.Compaction}, the first thread compacts it once, halfway (R74).
 *
 * <p>Data that {@code fsync} or {@code fdatasync} has forced is on the disk. Of other data, each page of 4,096 bytes is
 * in any of its states since then, or torn at a multiple of 512 bytes; a file has any of its sizes since then; names
 * that were not forced with their folder may be missing. Half of the losses are possible on ext4 with
 * {@code data=ordered}: names persist in order, and no file is longer than its data. The other half are possible
 * according to POSIX: names, sizes and pages persist in any order. A file that is mapped for writing contains arbitrary
 * bytes until it is forced for the last time before the backend is closed, so a backend that keeps commits in a mapped
 * file cannot be tested.
 *
 * <p>There are three scenarios. A store is created, closed and reopened. A process is killed at any point, and the next
 * one recovers and commits; data that the first process did not force is readable, but still not on the disk. Calls
 * that force a file fail with {@code EIO}: its pages count as written but may not be, so forcing it again does not
 * help; after that, commits may fail, and those that are acknowledged must survive.
 *
 * <p>Each test prints one line with its figures and its seed. {@code -Dcrash.seed=} with that seed repeats the same
 * commits and the same choice of points and losses; the scheduling of the child's threads varies. A failure names the
 * state, the last changes before the loss, and the changes of names and data that persisted.
 *
 * <p>The tests are skipped by default: {@code -Dcrash.tests=sample} runs the samples, some seconds each, and
 * {@code -Dcrash.tests=whole} runs all tests. The tests of the whole run have the tag {@code long}. Without
 * {@code strace} the tests are skipped, and the reason says so. The requirements of {@link CrashContractTest} for the
 * subclass apply here, too.
 */
public abstract class PowerLossContractTest extends DurabilityTest {

    private static final int STORES_OF_WHOLE = 6;

    /** Creates a test; called by JUnit, and by the child process. */
    protected PowerLossContractTest() {}

    @Override
    protected abstract Backend open(Path folder) throws Exception;

    /**
     * Returns the number of stores that each sample test records. The default is 2.
     *
     * @return the number of stores
     */
    protected int storesOfSample() {
        return 2;
    }

    /**
     * Returns the number of states that each sample test checks. The default is 24.
     *
     * @return the number of states
     */
    protected int statesOfSample() {
        return 24;
    }

    /**
     * Returns the number of states that each test of the whole run checks. The default is 400.
     *
     * @return the number of states
     */
    protected int statesOfWhole() {
        return 400;
    }

    /**
     * Returns the number of commits that each thread of a child makes to a store. The default is 12.
     *
     * @return the number of commits
     */
    protected int commits() {
        return 12;
    }

    @Test
    @Timeout(300)
    @DisplayName(
            "R11 R12 power loss after creating or reopening a store neither loses nor tears a commit (sample, strace)")
    final void sample_created() throws Exception {
        requireSample();
        loseAfterCreation(storesOfSample(), statesOfSample());
    }

    @Test
    @Timeout(300)
    @DisplayName("R11 R12 power loss after a kill and a recovery neither loses nor tears a commit (sample, strace)")
    final void sample_killed() throws Exception {
        requireSample();
        loseAfterKill(storesOfSample(), statesOfSample());
    }

    @Test
    @Timeout(300)
    @DisplayName("R11 R12 power loss after a failed fsync neither loses nor tears a commit (sample, strace)")
    final void sample_failed() throws Exception {
        requireSample();
        loseAfterFailure(storesOfSample(), statesOfSample());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName(
            "R11 R12 power loss after creating or reopening a store neither loses nor tears a commit (whole, strace)")
    final void whole_created() throws Exception {
        requireWhole();
        loseAfterCreation(STORES_OF_WHOLE, statesOfWhole());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 power loss after a kill and a recovery neither loses nor tears a commit (whole, strace)")
    final void whole_killed() throws Exception {
        requireWhole();
        loseAfterKill(STORES_OF_WHOLE, statesOfWhole());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 power loss after a failed fsync neither loses nor tears a commit (whole, strace)")
    final void whole_failed() throws Exception {
        requireWhole();
        loseAfterFailure(STORES_OF_WHOLE, statesOfWhole());
    }

    private void loseAfterCreation(int stores, int states) throws Exception {
        PowerLossRun run = run();
        report("power loss after creation and reopening", run.create(stores, states), run.seed());
    }

    private void loseAfterKill(int stores, int states) throws Exception {
        PowerLossRun run = run();
        report("power loss after a kill and a recovery", run.killAndRecover(stores, states), run.seed());
    }

    private void loseAfterFailure(int stores, int states) throws Exception {
        PowerLossRun run = run();
        report("power loss after a failed fsync", run.fail(stores, states), run.seed());
    }

    private PowerLossRun run() throws Exception {
        Optional<String> obstacle = DiskRecorder.obstacle(folder);
        Assumptions.assumeTrue(obstacle.isEmpty(), () -> "changes to files cannot be recorded: " + obstacle.get());
        return new PowerLossRun(this, folder, commits(), seed());
    }
}
