package dev.keystore.bench;

/** What a variant measures. */
public enum Workload {
    /** A cached read of one id. */
    READ_ONE("read.ReadBenchmark.one", "reads per µs of CPU", Bound.CPU),
    /** A cached read of five ids as a map. */
    READ_FIVE("read.ReadBenchmark.five", "reads per µs of CPU", Bound.CPU),
    /** A read of one id that is not cached, by wall-clock time. */
    READ_COLD("commit.ColdReadBenchmark.one", "reads/ms", Bound.NOTHING),
    /** A read of one of 200 ids that are read at once and not cached, by wall-clock time. */
    READ_COLD_SEVERAL("commit.ColdReadBenchmark.several", "reads/ms", Bound.NOTHING),
    /** The 99th percentile of the latency of a cached read while another thread makes slow commits. */
    READ_DURING_COMMITS("read.ReadWhileCommittingBenchmark.read", "p99, ns", Bound.NOTHING),
    /** A durable transaction. */
    COMMIT("commit.CommitBenchmark.commit", "commits/s", Bound.STORAGE),
    /** A transaction on a file system in memory, where each fsync takes a fixed time. */
    COMMIT_DELAYED("commit.CommitBenchmark.commit", "commits/s", Bound.NOTHING),
    /** A message encrypted and decrypted, by CPU time. */
    MESSAGE("message.MessageBenchmark.message", "messages per ms of CPU", Bound.CPU),
    /** A message encrypted and decrypted, by wall-clock time. */
    MESSAGE_BY_CLOCK("message.MessageBenchmark.message", "messages/s", Bound.NOTHING),
    /** The heap of a cached entry without its value. */
    HEAP_ENTRY("read.HeapBenchmark.entry", "bytes", Bound.NOTHING),
    /** The heap of an idle context. */
    HEAP_CONTEXT("read.HeapBenchmark.context", "bytes", Bound.NOTHING);

    private final String method;
    private final String unit;
    private final Bound bound;

    Workload(String method, String unit, Bound bound) {
        this.method = method;
        this.unit = unit;
        this.bound = bound;
    }

    /** What limits the speed of a workload. */
    private enum Bound {
        STORAGE,
        CPU,
        NOTHING
    }

    /** Returns the name of its JMH class. */
    String benchmark() {
        return method.substring(0, method.lastIndexOf('.'));
    }

    /** Returns the regular expression that selects its JMH method. */
    String pattern() {
        return "^" + (Workload.class.getPackageName() + "." + method).replace(".", "\\.") + "$";
    }

    /** Returns the unit of its score. */
    public String unit() {
        return unit;
    }

    /** Returns whether it waits for fsyncs. */
    public boolean isDurable() {
        return bound == Bound.STORAGE;
    }

    /** Returns whether the fsync rate is measured before and after it. */
    boolean needsFsyncRate() {
        return isDurable() || this == MESSAGE_BY_CLOCK;
    }

    /** Returns whether it involves a whole store, not only a cache. */
    boolean isOfAStore() {
        return hasCommitPeers() || this == MESSAGE || this == MESSAGE_BY_CLOCK;
    }

    /** Returns whether its peers are stores on disk, the {@link dev.keystore.bench.commit.CommitPeers}. */
    boolean hasCommitPeers() {
        return this == COMMIT || this == COMMIT_DELAYED || this == READ_COLD || this == READ_COLD_SEVERAL;
    }

    /** Returns whether it is a count, which never varies. */
    boolean isCount() {
        return this == HEAP_ENTRY || this == HEAP_CONTEXT;
    }

    /** Returns whether its variants can take turns, iteration by iteration. */
    boolean canAlternate() {
        return !isCount() && this != READ_DURING_COMMITS && this != COMMIT_DELAYED;
    }

    /**
     * Returns whether it is measured by CPU time: it waits for nothing, and the clock would also measure other
     * processes.
     */
    boolean isMeasuredByCpu() {
        return bound == Bound.CPU;
    }

    /** Returns the score of a workload that is measured by CPU time, in its unit. */
    double operationsPerCpu(double operations, double processCpuMicros) {
        return operations / processCpuMicros * (this == MESSAGE ? 1_000 : 1);
    }
}
