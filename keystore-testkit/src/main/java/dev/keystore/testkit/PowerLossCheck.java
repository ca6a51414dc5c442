package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.List;

/** Opens a store in a state that power loss may have left, and compares it with the acknowledged commits. */
final class PowerLossCheck {

    private final DurabilityTest test;
    private final long seed;

    PowerLossCheck(DurabilityTest test, long seed) {
        this.test = test;
        this.seed = seed;
    }

    /**
     * Checks a folder, makes one more commit from each thread, closes and reopens the backend, and checks again.
     *
     * @param acknowledged the number of the last commit that each thread had acknowledged
     * @throws AssertionError if an entry is lost, torn or foreign; the message names it
     */
    void check(Path folder, long[] acknowledged) {
        long[] committed = checkAndCommit(folder, acknowledged);
        try (Backend backend = test.open(folder)) {
            found(backend, committed);
        } catch (Exception e) {
            throw new AssertionError("the backend cannot be opened again: " + e, e);
        }
    }

    /** Returns the number of the last commit that each thread has acknowledged now. */
    private long[] checkAndCommit(Path folder, long[] acknowledged) {
        try (Backend backend = test.open(folder)) {
            long[] committed = found(backend, acknowledged).stream()
                    .mapToLong(state -> state.number() + 1)
                    .toArray();
            CrashWriter writer = new CrashWriter(backend, seed);
            for (int thread = 0; thread < committed.length; thread++) {
                writer.commit(thread, committed[thread]);
            }
            return committed;
        } catch (Exception e) {
            throw new AssertionError("the backend cannot be opened, read and written: " + e, e);
        }
    }

    private List<CrashState> found(Backend backend, long[] acknowledged) {
        CrashScript script = CrashScript.of(seed, backend);
        return new CrashCheck(new BackendUnderTest(backend), script).check(CrashState.after(acknowledged, script));
    }
}
