package dev.keystore.core;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongBinaryOperator;

/** Counts what the commit pipeline of a database has done. Thread-safe. */
final class CommitCounters {

    private static final LongBinaryOperator LARGER = Math::max;

    private final LongAdder commits = new LongAdder();
    private final LongAdder writes = new LongAdder();
    private final LongAdder retries = new LongAdder();
    private final LongAdder conflicts = new LongAdder();
    private final AtomicLong largestGroup = new AtomicLong();

    /** Counts one write of the backend that carried {@code batches} commits. */
    void written(int batches) {
        writes.increment();
        commits.add(batches);
        largestGroup.accumulateAndGet(batches, LARGER);
    }

    /** Counts a write that is sent again. */
    void retried() {
        retries.increment();
    }

    /** Counts an attempt of a transaction or of a single write that ended in a conflict. */
    void conflicted() {
        conflicts.increment();
    }

    KeyStoreStats stats(EntryCache cache) {
        return new KeyStoreStats(
                commits.sum(),
                writes.sum(),
                largestGroup.get(),
                retries.sum(),
                conflicts.sum(),
                cache.loads(),
                cache.cachedBytes());
    }
}
