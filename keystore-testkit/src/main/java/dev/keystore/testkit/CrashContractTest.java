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
 * Crash torture for a backend: extend it, and you know what is left when the process dies.
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
 * <p>A child process makes an object of the same class, opens the backend of a folder with it, and commits from four
 * threads: groups of batches over two contexts where the backend has {@link dev.keystore.spi.GroupCommit}, else batches
 * where it has {@link dev.keystore.spi.AtomicCommit}, else single saves and deletes; deletes and clears among them. The
 * types are those of {@link dev.keystore.KeyTypes#all}. Each value says which key, thread and commit it is of, and has a
 * checksum. A commit counts as acknowledged when the child has told the parent of it, which it does once the backend's method has returned. The child is killed with SIGKILL, the
 * parent opens the folder, compares, and starts the next child on it, so that damage adds up. After a quarter of the
 * kills, the next child comes first, so that recovery is cut short, too.
 *
 * <p>What is checked (R11, R12): no acknowledged commit is missing, in whole or in part; a commit that was not
 * acknowledged is there whole or not at all; no key holds another key's bytes, older bytes, or bytes that nobody wrote;
 * listings and prefix scans agree with loads; the backend can be opened, and commits go on.
 *
 * <p>Children are killed in two ways: at random moments, and when a thread is about to make the <i>n</i>th of one of
 * {@link #systemCalls}. For the latter {@code strace} is needed; where it can't be run, those tests are skipped and say
 * why.
 *
 * <p><b>Not proven</b> is that anything survives power loss: what was written reaches the operating system's cache, which
 * outlives the process, so a backend that never calls {@code fsync} passes. {@link PowerLossContractTest} tests that.
 *
 * <p>Each test prints its figures in one line, and the seed. {@code -Dcrash.seed=} with that seed makes the same commits
 * and chooses the kills in the same way; when threads run, and so where exactly a kill hits, is up to the machine. A
 * failure says which kill it was.
 *
 * <p>The tests are skipped unless they are asked for: {@code -Dcrash.tests=sample} runs the two samples, some seconds each,
 * and {@code -Dcrash.tests=whole} all of them. The tests of the whole have the tag {@code long}. The class must not be an inner
 * or local one, and needs a constructor without parameters, of any visibility. The child runs on the class path, with
 * the class path and module path of this process; nothing but {@link #open} is called in it, no method of JUnit's
 * life cycle.
 */
public abstract class CrashContractTest extends DurabilityTest {

    /** Makes a test. JUnit does, and so does the child. */
    protected CrashContractTest() {}

    /**
     * Opens the backend of a folder: empty if the folder has not been given before, else with what was there when it was
     * closed, or when the process that had it open was killed. Called in this process and in children, never while
     * another has the folder's backend open.
     *
     * <p>A backend that does not keep its data in folders takes the names of the folder and its parent as that of a
     * schema, a table or the like.
     *
     * @param folder an existing folder; deleted after the test
     * @throws Exception if it can't be opened: the test fails
     */
    @Override
    protected abstract Backend open(Path folder) throws Exception;

    /**
     * Returns at which system calls children are killed, taken in turns. An entry may be several names, separated by
     * commas: they count as one, and those that the machine doesn't have are left out.
     *
     * <p>Unless overridden, those by which files are changed at a position, made durable, cut, renamed and deleted. Not
     * among them is {@code write}, by which files are appended to: the JVM and the child's acknowledgements use it as well,
     * so some kills are spent on these. A backend that appends should add it.
     */
    protected List<String> systemCalls() {
        return List.of(
                "pwrite64,pwritev",
                "fsync,fdatasync,msync",
                "ftruncate",
                "rename,renameat,renameat2",
                "unlink,unlinkat");
    }

    /** Returns how many children each test of the sample kills; unless overridden, 4. */
    protected int killsOfSample() {
        return 4;
    }

    /** Returns how many children each test of the whole kills; unless overridden, 60. */
    protected int killsOfWhole() {
        return 60;
    }

    @Test
    @Timeout(180)
    @DisplayName("R11 R12 killed at random moments, a sample")
    final void sample_killedAtRandomMoments() throws Exception {
        requireSample();
        killAtRandomMoments(killsOfSample());
    }

    @Test
    @Timeout(180)
    @DisplayName("R11 R12 killed at system calls, a sample (strace)")
    final void sample_killedAtSystemCalls() throws Exception {
        requireSample();
        killAtSystemCalls(killsOfSample());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 killed at random moments, the whole")
    final void whole_killedAtRandomMoments() throws Exception {
        requireWhole();
        killAtRandomMoments(killsOfWhole());
    }

    @Test
    @Tag("long")
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    @DisplayName("R11 R12 killed at system calls, the whole (strace)")
    final void whole_killedAtSystemCalls() throws Exception {
        requireWhole();
        killAtSystemCalls(killsOfWhole());
    }

    private void killAtRandomMoments(int kills) throws Exception {
        long seed = seed();
        report("at random moments", new CrashRun(this, folder, seed).killAtRandomMoments(kills), seed);
    }

    private void killAtSystemCalls(int kills) throws Exception {
        Optional<String> obstacle = CrashTracer.obstacle(folder);
        Assumptions.assumeTrue(obstacle.isEmpty(), () -> "children can't be killed at system calls: " + obstacle.get());
        long seed = seed();
        report("at system calls", new CrashRun(this, folder, seed).killAtSystemCalls(kills, systemCalls()), seed);
    }

    private void report(String where, CrashFigures figures, long seed) {
        System.out.printf(
                "%s %s: %s, nothing lost, torn or mixed up; crash.seed=%d%n",
                getClass().getSimpleName(), where, figures, seed);
    }
}
