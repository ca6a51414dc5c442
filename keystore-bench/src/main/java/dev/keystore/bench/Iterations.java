package dev.keystore.bench;

import java.time.Duration;

/**
 * How long each variant is measured in a round, in a separate JVM.
 *
 * @param warmups number of warm-up iterations; three times as many where a whole store has to be compiled
 * @param measured number of measured iterations
 * @param millis duration of each iteration
 */
record Iterations(int warmups, int measured, long millis) {

    static final Iterations SHORT = new Iterations(3, 2, 400);
    static final Iterations WHOLE = new Iterations(3, 3, 1_000);

    int warmups(Workload workload) {
        return workload.isOfAStore() ? 3 * warmups : warmups;
    }

    /** Returns the same numbers of iterations of another duration. */
    Iterations withMillis(long each) {
        return new Iterations(warmups, measured, each);
    }

    /** Returns the duration of all iterations of a workload. */
    Duration duration(Workload workload) {
        return Duration.ofMillis((warmups(workload) + measured) * millis);
    }
}
