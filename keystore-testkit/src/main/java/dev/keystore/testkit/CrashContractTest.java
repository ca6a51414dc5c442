package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Crash tests of a backend: they check the data that a backend leaves when its process is killed. A backend's author
 * extends this class:
 *
 * <pre>{@code
 * class FileBackendCrashTest extends CrashContractTest {
 *
 *     @Override
 *     protected Backend open(Path folder) {
 *         return new FileBackend(folder);
 *     }
 * }
 * }</pre>
 *
 * <p>A child process creates an object of the subclass, opens the backend of a folder with it, and commits from four
 * threads. It commits groups of batches in two contexts if the backend has {@link dev.keystore.spi.GroupCommit},
 * otherwise batches if it has {@link dev.keystore.spi.AtomicCommit}, otherwise single saves and deletes; deletes and
 * clears are among them. The types are those of {@link dev.keystore.KeyTypes#all}. Each value contains its key, thread
 * and commit, and a checksum. A commit is acknowledged when the child, after the backend's method has returned, has
 * reported it to the parent. The child is killed with SIGKILL. The parent opens the folder, compares, and starts the
 * next child on the same folder, so that damage accumulates. After a quarter of the kills, the next child opens the
 * folder before the parent does, so that recovery is interrupted, too.
 *
 * <p>The tests check (R11, R12) that no acknowledged commit is missing, in whole or in part; that a commit without an
 * acknowledgement is there as a whole or not at all; that no key holds another key's value, an older value, or bytes
 * that were never written; that listings and prefix scans agree with loads; and that the backend can be opened and
 * written to.
 *
 * <p>Children are killed in two ways: at random moments, and when a thread is about to make the <i>n</i>th of one of
 * the {@link #systemCalls}. The latter needs {@code strace}; without it, those tests are skipped and the reason says
 * so.
 *
 * <p>If the backend has {@link dev.keystore.spi.Compaction}, further tests kill children that also compact it, every
 * four commits of one thread (R74).
 *
 * <p><b>Not tested</b> is power loss: written data is in the cache of the operating system, which survives the process,
 * so a backend that never calls {@code fsync} passes. Use {@link PowerLossContractTest} for that.
 *
 * <p>Each test prints one line with its figures and its seed. {@code -Dcrash.seed=} with that seed repeats the same
 * commits and the same choice of kills; the scheduling of threads, and so the exact point of a kill, varies. A failure
 * names the kill after which it was found.
 *
 * <p>The tests are skipped by default: {@code -Dcrash.tests=sample} runs the samples, some seconds each, and
 * {@code -Dcrash.tests=whole} runs all tests. The tests of the whole run have the tag {@code long}. The subclass must
 * not be an inner or local class, and needs a constructor without parameters, of any visibility. The child runs with
 * the class path and module path of this process as its class path; it calls {@link #open} and no life-cycle method of
 * JUnit.
 */
public abstract class CrashContractTest extends DurabilityTest {

    /** Creates a test; called by JUnit, and by the child process. */
    protected CrashContractTest() {}

    /**
     * Opens the backend of a folder: an empty one if the folder is new, otherwise with the entries it had when it was
     * closed, or when the process that had it open was killed. Called in this process and in children, but never while
     * another process has the backend open.
     *
     * <p>A backend that does not keep its data in folders can use the names of the folder and its parent as the name
     * of, for example, a schema or a table.
     *
     * @param folder an existing folder; deleted after the test
     * @return the opened backend
     * @throws Exception if it cannot be opened; the test fails
     */
    @Override
    protected abstract Backend open(Path folder) throws Exception;

    /**
     * Returns the system calls at which children are killed, in turn. An entry may consist of several names, separated
     * by commas: they count as one, and those that the machine does not have are ignored.
     *
     * <p>The default is the calls that write to files at a position, force, truncate, rename and delete them. It does
     * not include {@code write}, which appends to files: the JVM and the child's acknowledgements use it as well, and
     * some kills would hit these. A backend that appends should add it.
     *
     * @return the names of the calls
     */
    protected List<String> systemCalls() {
        return List.of(
                "pwrite64,pwritev",
                "fsync,fdatasync,msync",
                "ftruncate",
                "rename,renameat,renameat2",
                "unlink,unlinkat");
    }

    /**
     * Returns the number of children that each sample test kills. The default is 4.
     *
     * @return the number of kills
     */
    protected int killsOfSample() {
        return 4;
    }

    /**
     * Returns the number of children that each test of the whole run kills. The default is 60.
     *
     * @return the number of kills
     */
    protected int killsOfWhole() {
        return 60;
    }

    @Test
    @Timeout(180)
    @DisplayName("R11 R12 a kill at a random moment neither loses nor tears a commit (sample)")
    final void sample_killedAtRandomMoments() throws Exception {
        requireSample();
        killAtRandomMoments(killsOfSample());
    }

    @Test
    @Timeout(180)
    @DisplayName("R11 R12 a kill at a system call neither loses nor tears a commit (sample, strace)")
    final void sample_killedAtSystemCalls() throws Exception {
        requireSample();
        killAtSystemCalls(killsOfSample());
    }

    @Test
    @Timeout(180)
    @DisplayName("R11 R12 R74 a kill at a random moment, during compactions, neither loses nor tears a commit (sample)")
    final void sample_killedWhileCompacting() throws Exception {
        requireSample();
        killWhileCompacting(killsOfSample());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 R74 a kill at a random moment, during compactions, neither loses nor tears a commit (whole)")
    final void whole_killedWhileCompacting() throws Exception {
        requireWhole();
        killWhileCompacting(killsOfWhole());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName(
            "R11 R12 R74 a kill at a system call, during compactions, neither loses nor tears a commit (whole, strace)")
    final void whole_killedAtSystemCallsWhileCompacting() throws Exception {
        requireWhole();
        requireTracer();
        long seed = seed();
        CrashRun run = new CrashRun(this, folder, seed).withCompactions();
        report("kills at system calls during compactions", run.killAtSystemCalls(killsOfWhole(), systemCalls()), seed);
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 a kill at a random moment neither loses nor tears a commit (whole)")
    final void whole_killedAtRandomMoments() throws Exception {
        requireWhole();
        killAtRandomMoments(killsOfWhole());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 a kill at a system call neither loses nor tears a commit (whole, strace)")
    final void whole_killedAtSystemCalls() throws Exception {
        requireWhole();
        killAtSystemCalls(killsOfWhole());
    }

    private void killAtRandomMoments(int kills) throws Exception {
        long seed = seed();
        report("kills at random moments", new CrashRun(this, folder, seed).killAtRandomMoments(kills), seed);
    }

    private void killWhileCompacting(int kills) throws Exception {
        long seed = seed();
        CrashRun run = new CrashRun(this, folder, seed).withCompactions();
        report("kills during compactions", run.killAtRandomMoments(kills), seed);
    }

    private void requireTracer() throws Exception {
        Optional<String> obstacle = CrashTracer.obstacle(folder);
        Assumptions.assumeTrue(
                obstacle.isEmpty(), () -> "children cannot be killed at system calls: " + obstacle.get());
    }

    private void killAtSystemCalls(int kills) throws Exception {
        requireTracer();
        long seed = seed();
        report("kills at system calls", new CrashRun(this, folder, seed).killAtSystemCalls(kills, systemCalls()), seed);
    }
}
