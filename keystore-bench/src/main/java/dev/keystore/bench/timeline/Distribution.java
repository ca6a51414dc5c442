package dev.keystore.bench.timeline;

import dev.keystore.bench.report.Spread;
import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * How long something took, or when it happened.
 *
 * @param medianMicros the median
 * @param p99Micros the 99th percentile
 * @param mostMicros the most
 */
record Distribution(double medianMicros, double p99Micros, double mostMicros) {

    private static final double NANOS_PER_MICRO = 1_000;

    static Distribution of(LongStream nanos) {
        long[] sorted = nanos.toArray();
        if (sorted.length == 0) {
            throw new IllegalArgumentException("nanos is empty");
        }
        Arrays.sort(sorted);
        return new Distribution(
                sorted[sorted.length / 2] / NANOS_PER_MICRO,
                sorted[(int) (sorted.length * 0.99)] / NANOS_PER_MICRO,
                sorted[sorted.length - 1] / NANOS_PER_MICRO);
    }

    /** Returns the three figures. */
    @Override
    public String toString() {
        return Spread.figure(medianMicros) + ", " + Spread.figure(p99Micros) + ", " + Spread.figure(mostMicros);
    }
}
