package dev.keystore.bench;

import java.time.Duration;

/**
 * How long each variant is measured in a round, in a JVM of its own.
 *
 * @param warmups how many iterations come before those that count; three times as many where a whole store is to be compiled
 * @param iterations how many iterations count
 * @param millis how long each of them takes
 */
record Effort(int warmups, int iterations, long millis) {

    static final Effort SHORT = new Effort(3, 2, 400);
    static final Effort WHOLE = new Effort(3, 3, 1_000);

    int warmups(Work work) {
        return work.isOfAStore() ? 3 * warmups : warmups;
    }

    /** Returns the same number of iterations, each as long as that. */
    Effort withMillis(long each) {
        return new Effort(warmups, iterations, each);
    }

    /** Returns how long all iterations of a work take. */
    Duration duration(Work work) {
        return Duration.ofMillis((warmups(work) + iterations) * millis);
    }
}
