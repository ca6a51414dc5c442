package dev.keystore.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonInclude.Include;
import java.util.Map;

/**
 * The result of a variant in a round.
 *
 * @param before whether the earlier build was measured instead of this one
 * @param round the round, from 1
 * @param score the score, in the workload's unit
 * @param fsyncRate fsyncs per second, the average of a probe just before and one just after, or of one in the measured
 *     JVM if it delays fsyncs; 0 if the workload does not need it
 * @param counts further counts by name, over all iterations
 */
@JsonInclude(Include.NON_DEFAULT)
public record Measurement(
        Variant variant, boolean before, int round, double score, double fsyncRate, Map<String, Double> counts) {

    /**
     * Returns the score as a multiple of the fsync rate, or the score itself if the workload is not bound by fsyncs.
     */
    public double relative() {
        return variant.workload().isDurable() ? score / fsyncRate : score;
    }

    /** Returns the fsyncs per commit; NaN if they were not counted. */
    public double fsyncsPerCommit() {
        double fsyncs = counts.getOrDefault("fsyncs", 0.0);
        return fsyncs == 0 ? Double.NaN : fsyncs / counts.getOrDefault("operations", 0.0);
    }

    /** Returns the CPU time that an operation took of its thread. */
    public double cpuMicrosPerOperation() {
        return perOperation("threadCpuMicros");
    }

    /** Returns the CPU time that an operation took of the process, with its threads in the background. */
    public double processCpuMicrosPerOperation() {
        return perOperation("processCpuMicros");
    }

    private double perOperation(String count) {
        return counts.getOrDefault(count, Double.NaN) / counts.getOrDefault("operations", Double.NaN);
    }
}
