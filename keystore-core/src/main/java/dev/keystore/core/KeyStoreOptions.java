package dev.keystore.core;

import java.time.Duration;
import java.util.Objects;

/**
 * The options of a {@link SignalKeyDatabase}, as {@link SignalKeyDatabase.Builder} made them. The defaults are those of
 * {@link #DEFAULTS}. Durations are more than zero and at most a year.
 *
 * @param maximumCacheBytes how much of the heap the cache takes at most, over all contexts together, in bytes, keys and
 *     an estimate of each entry's overhead included; 64 MiB
 * @param lockTimeout how long a transaction waits for its locks at most; 30 s
 * @param loadTimeout how long a read waits at most for a load or a write that another thread has begun; 30 s
 * @param commitTimeout how long a commit takes at most, its wait in the queue and its retries included, and for how long
 *     the takeover of a context is tried again; 30 s
 * @param commitAttempts how often a write of a commit or a takeover of a context that fails transiently is tried at most,
 *     the first time included; a read that fails is not tried again; 5
 * @param retryDelay how long the first retry waits; each further one waits twice as long, each up to a half more or less
 *     by chance; 20 ms
 * @param maximumGroupSize how many commits the pipeline writes at most as one; 1,024
 */
public record KeyStoreOptions(
        long maximumCacheBytes,
        Duration lockTimeout,
        Duration loadTimeout,
        Duration commitTimeout,
        int commitAttempts,
        Duration retryDelay,
        int maximumGroupSize) {

    private static final Duration LONGEST = Duration.ofDays(365);

    /** The defaults. */
    public static final KeyStoreOptions DEFAULTS = new KeyStoreOptions(
            64L * 1024 * 1024,
            Duration.ofSeconds(30),
            Duration.ofSeconds(30),
            Duration.ofSeconds(30),
            5,
            Duration.ofMillis(20),
            1_024);

    /**
     * Checks the options.
     *
     * @throws IllegalArgumentException if one is out of range; the message names it
     */
    public KeyStoreOptions {
        atLeast(0, "maximumCacheBytes", maximumCacheBytes);
        inRange("lockTimeout", lockTimeout);
        inRange("loadTimeout", loadTimeout);
        inRange("commitTimeout", commitTimeout);
        atLeast(1, "commitAttempts", commitAttempts);
        inRange("retryDelay", retryDelay);
        atLeast(1, "maximumGroupSize", maximumGroupSize);
    }

    KeyStoreOptions withMaximumCacheBytes(long maximumCacheBytes) {
        return new KeyStoreOptions(
                maximumCacheBytes,
                lockTimeout,
                loadTimeout,
                commitTimeout,
                commitAttempts,
                retryDelay,
                maximumGroupSize);
    }

    KeyStoreOptions withLockTimeout(Duration lockTimeout) {
        return new KeyStoreOptions(
                maximumCacheBytes,
                lockTimeout,
                loadTimeout,
                commitTimeout,
                commitAttempts,
                retryDelay,
                maximumGroupSize);
    }

    KeyStoreOptions withLoadTimeout(Duration loadTimeout) {
        return new KeyStoreOptions(
                maximumCacheBytes,
                lockTimeout,
                loadTimeout,
                commitTimeout,
                commitAttempts,
                retryDelay,
                maximumGroupSize);
    }

    KeyStoreOptions withCommitTimeout(Duration commitTimeout) {
        return new KeyStoreOptions(
                maximumCacheBytes,
                lockTimeout,
                loadTimeout,
                commitTimeout,
                commitAttempts,
                retryDelay,
                maximumGroupSize);
    }

    KeyStoreOptions withMaximumGroupSize(int maximumGroupSize) {
        return new KeyStoreOptions(
                maximumCacheBytes,
                lockTimeout,
                loadTimeout,
                commitTimeout,
                commitAttempts,
                retryDelay,
                maximumGroupSize);
    }

    KeyStoreOptions withRetry(int commitAttempts, Duration retryDelay) {
        return new KeyStoreOptions(
                maximumCacheBytes,
                lockTimeout,
                loadTimeout,
                commitTimeout,
                commitAttempts,
                retryDelay,
                maximumGroupSize);
    }

    private static void inRange(String name, Duration duration) {
        Objects.requireNonNull(duration, name);
        if (duration.isNegative() || duration.isZero() || duration.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(name + " must be more than zero and at most a year, was " + duration);
        }
    }

    private static void atLeast(long least, String name, long value) {
        if (value < least) {
            throw new IllegalArgumentException(name + " must be at least " + least + ", was " + value);
        }
    }
}
