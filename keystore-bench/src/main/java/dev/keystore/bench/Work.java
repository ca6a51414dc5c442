package dev.keystore.bench;

/** What is measured. */
public enum Work {
    /** A cached read of one id. */
    READ_ONE("read.ReadBenchmark.one", "reads per µs of CPU", Bound.CPU),
    /** A cached read of five ids as a map. */
    READ_FIVE("read.ReadBenchmark.five", "reads per µs of CPU", Bound.CPU),
    /** The 99th percentile of a cached read beside slow commits. */
    READ_BESIDE_COMMITS("read.ReadWhileCommittingBenchmark.read", "p99, ns", Bound.NOTHING),
    /** A durable transaction. */
    COMMIT("commit.CommitBenchmark.commit", "commits/s", Bound.MEDIUM),
    /** A message encrypted and decrypted. */
    MESSAGE("message.MessageBenchmark.message", "messages per ms of CPU", Bound.CPU),
    /** The heap of a cached entry, less its value. */
    HEAP_ENTRY("read.HeapBenchmark.entry", "bytes", Bound.NOTHING),
    /** The heap of an idle context. */
    HEAP_CONTEXT("read.HeapBenchmark.context", "bytes", Bound.NOTHING);

    private final String method;
    private final String unit;
    private final Bound bound;

    Work(String method, String unit, Bound bound) {
        this.method = method;
        this.unit = unit;
        this.bound = bound;
    }

    /** What the speed of a work depends on. */
    private enum Bound {
        MEDIUM,
        CPU,
        NOTHING
    }

    /** Returns the regular expression by which JMH finds it. */
    String pattern() {
        return "^" + (Work.class.getPackageName() + "." + method).replace(".", "\\.") + "$";
    }

    /** Returns the unit of its score. */
    public String unit() {
        return unit;
    }

    /** Returns whether it waits for the medium. */
    public boolean isDurable() {
        return bound == Bound.MEDIUM;
    }

    /** Returns whether it is the work of a whole store, and not of a cache alone. */
    boolean isOfAStore() {
        return this == COMMIT || this == MESSAGE;
    }

    /** Returns whether it is a count that is the same at each try. */
    boolean isCount() {
        return this == HEAP_ENTRY || this == HEAP_CONTEXT;
    }

    /** Returns whether it waits for nothing, and is measured by CPU time: the clock would measure those who share it. */
    boolean isMeasuredByCpu() {
        return bound == Bound.CPU;
    }

    /** Returns the score of work that is measured by CPU time, in its unit. */
    double operationsPerCpu(double operations, double cpuMicros) {
        return operations / cpuMicros * (this == MESSAGE ? 1_000 : 1);
    }
}
