package dev.keystore.core;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** How long to wait before trying again: each time twice as long, up to a half more or less by chance. */
final class Backoff {

    private static final long CONFLICT_NANOS = TimeUnit.MICROSECONDS.toNanos(100);
    private static final int CONFLICT_DOUBLINGS = 7;
    private static final int DOUBLINGS = 20;

    private Backoff() {}

    /** Returns the wait after the {@code attempt}-th failed attempt, counted from 1. */
    static long nanos(long firstNanos, int attempt) {
        int doublings = Math.max(0, Math.min(attempt - 1, DOUBLINGS));
        long base = Math.min(firstNanos, Long.MAX_VALUE >> (doublings + 2)) << doublings;
        return base / 2 + ThreadLocalRandom.current().nextLong(base + 1);
    }

    /** Returns the wait before work that met a conflict runs again: about 0.1 ms at first, 13 ms at most. */
    static long afterConflictNanos(int attempt) {
        return nanos(CONFLICT_NANOS, Math.min(attempt, CONFLICT_DOUBLINGS + 1));
    }
}
