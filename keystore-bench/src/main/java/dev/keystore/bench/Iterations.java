package dev.keystore.bench;

import java.time.Duration;
import java.util.stream.Stream;

/**
 * How long each variant is measured in a round, in a separate JVM.
 *
 * @param warmups number of warm-up iterations
 * @param warmupsOfAStore the same where a whole store has to be compiled, or many threads leave the JVM's compiler
 *     little time: with 3 s instead of 10 s, a commit of one thread takes a third more CPU time while it is measured
 * @param measured number of measured iterations
 * @param millis duration of each iteration
 */
record Iterations(int warmups, int warmupsOfAStore, int measured, long millis) {

    private static final int MANY_THREADS = 16;

    static final Iterations SHORT = new Iterations(3, 23, 4, 400);
    static final Iterations WHOLE = new Iterations(3, 10, 3, 1_000);

    int warmups(Variant variant) {
        return variant.workload().isOfAStore() || variant.threads() >= MANY_THREADS ? warmupsOfAStore : warmups;
    }

    /** Returns the same numbers of iterations of another duration. */
    Iterations withMillis(long each) {
        return new Iterations(warmups, warmupsOfAStore, measured, each);
    }

    /**
     * Returns iterations of which {@code turns} are measured, with the warm-up that the slowest of the variants needs.
     */
    Iterations ofTurns(int turns, Stream<Variant> variants) {
        int longest = variants.mapToInt(this::warmups).max().orElse(warmups);
        return new Iterations(longest, longest, turns, millis);
    }

    /** Returns the duration of all iterations of a variant. */
    Duration duration(Variant variant) {
        return Duration.ofMillis((warmups(variant) + measured) * millis);
    }
}
