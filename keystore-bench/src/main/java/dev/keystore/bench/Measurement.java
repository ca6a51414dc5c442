package dev.keystore.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonInclude.Include;
import java.util.Map;

/**
 * What came of a variant in a round.
 *
 * @param before whether the build that is compared with was measured, and not this one
 * @param round the round, from 1
 * @param score in the unit of the work
 * @param fsyncRate how often 4 KiB could be appended and forced in a second, just before and just after; 0 for work that
 *     is not durable
 * @param counts what else was counted, over all iterations
 */
@JsonInclude(Include.NON_DEFAULT)
public record Measurement(
        Variant variant, boolean before, int round, double score, double fsyncRate, Map<String, Double> counts) {

    /** Returns the score as a multiple of the fsync rate, or as it is for work that is not durable. */
    public double relative() {
        return variant.work().isDurable() ? score / fsyncRate : score;
    }

    /** Returns how often a commit waited for the medium; NaN where that is not counted. */
    public double fsyncsPerCommit() {
        double fsyncs = counts.getOrDefault("fsyncs", 0.0);
        return fsyncs == 0 ? Double.NaN : fsyncs / counts.getOrDefault("operations", 0.0);
    }

    /** Returns how much CPU time of the thread that did it an operation took. */
    public double cpuMicrosPerOperation() {
        return counts.getOrDefault("ownCpuMicros", Double.NaN) / counts.getOrDefault("operations", Double.NaN);
    }
}
