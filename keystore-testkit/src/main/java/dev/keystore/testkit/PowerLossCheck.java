package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/** Opens what power loss has left of a store, and compares it with what was acknowledged. */
final class PowerLossCheck {

    private final DurabilityTest test;
    private final long seed;

    PowerLossCheck(DurabilityTest test, long seed) {
        this.test = test;
        this.seed = seed;
    }

    /**
     * Checks a folder, commits once more from each thread, closes and opens the backend, and checks again.
     *
     * @param acknowledged the number of the last commit that each thread had acknowledged
     * @throws AssertionError that says what is wrong
     */
    void check(Path folder, long[] acknowledged) {
        List<CrashState> states = open(folder, acknowledged, true);
        long[] further = states.stream().mapToLong(state -> state.number() + 1).toArray();
        open(folder, further, false);
    }

    private List<CrashState> open(Path folder, long[] acknowledged, boolean commits) {
        try (Backend backend = test.open(folder)) {
            CrashScript script = CrashScript.of(seed, backend);
            List<CrashState> expected = IntStream.range(0, acknowledged.length)
                    .mapToObj(thread -> {
                        CrashState state = new CrashState(script, thread);
                        state.advanceTo(acknowledged[thread]);
                        return state;
                    })
                    .toList();
            List<CrashState> found = new CrashCheck(new BackendUnderTest(backend), script).states(expected);
            if (commits) {
                CrashWriter writer = new CrashWriter(backend, seed);
                for (int thread = 0; thread < acknowledged.length; thread++) {
                    writer.commit(thread, found.get(thread).number() + 1);
                }
            }
            return found;
        } catch (Exception e) {
            throw new AssertionError(
                    (commits
                                    ? "the backend can't be opened, read and written: "
                                    : "the backend can't be opened again: ")
                            + e,
                    e);
        }
    }
}
