package dev.keystore.bench;

/** What is measured. */
public enum Work {
    /** A cached read of one id. */
    READ_ONE("read.ReadBenchmark.one", "reads/µs", false),
    /** A cached read of five ids as a map. */
    READ_FIVE("read.ReadBenchmark.five", "reads/µs", false),
    /** The 99th percentile of a cached read beside slow commits. */
    READ_BESIDE_COMMITS("read.ReadWhileCommittingBenchmark.read", "p99, ns", false),
    /** A durable transaction. */
    COMMIT("commit.CommitBenchmark.commit", "commits/s", true),
    /** A message encrypted and decrypted. */
    MESSAGE("message.MessageBenchmark.message", "messages/s", false),
    /** The heap of a cached entry, less its value. */
    HEAP_ENTRY("read.HeapFigures", "bytes", false),
    /** The heap of an idle context. */
    HEAP_CONTEXT("read.HeapFigures", "bytes", false);

    private final String method;
    private final String unit;
    private final boolean durable;

    Work(String method, String unit, boolean durable) {
        this.method = method;
        this.unit = unit;
        this.durable = durable;
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
        return durable;
    }

    /** Returns whether it is measured by JMH, in a JVM of its own, and not counted in this one. */
    boolean forks() {
        return this != HEAP_ENTRY && this != HEAP_CONTEXT;
    }

    /** Returns whether less is better. */
    public boolean isCost() {
        return this == READ_BESIDE_COMMITS || this == HEAP_ENTRY || this == HEAP_CONTEXT;
    }
}
