package dev.keystore.core;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** Computes delays between attempts: exponential, with random jitter of plus or minus one half. */
final class Backoff {

    private static final long CONFLICT_NANOS = TimeUnit.MICROSECONDS.toNanos(100);
    private static final int CONFLICT_DOUBLINGS = 7;
    private static final int DOUBLINGS = 20;

    private Backoff() {}

    /** Returns the delay after failed attempt number {@code attempt}, counted from 1. */
    static long nanos(long firstNanos, int attempt) {
        int doublings = Math.max(0, Math.min(attempt - 1, DOUBLINGS));
        long base = Math.min(firstNanos, Long.MAX_VALUE >> (doublings + 2)) << doublings;
        return base / 2 + ThreadLocalRandom.current().nextLong(base + 1);
    }

    /**
     * Returns the delay before a transaction is retried after a conflict: about 0.1 ms at first, about 13 ms at most.
     */
    static long afterConflictNanos(int attempt) {
        return nanos(CONFLICT_NANOS, Math.min(attempt, CONFLICT_DOUBLINGS + 1));
    }
}
