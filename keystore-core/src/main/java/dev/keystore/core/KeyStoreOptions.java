package dev.keystore.core;

import java.time.Duration;
import java.util.Objects;

/**
 * Sizes, timeouts and retries of a {@link SignalKeyDatabase}. Immutable; {@link SignalKeyDatabase#options()} returns
 * the options in force.
 *
 * <table class="striped">
 * <caption>Options</caption>
 * <thead><tr><th>option</th><th>default</th><th>range</th></tr></thead>
 * <tbody>
 * <tr><td>{@link Builder#maximumCacheBytes maximumCacheBytes}</td><td>64 MiB</td><td>0 or more</td></tr>
 * <tr><td>{@link Builder#lockTimeout lockTimeout}</td><td>30 s</td><td>1 ns to 365 days</td></tr>
 * <tr><td>{@link Builder#loadTimeout loadTimeout}</td><td>30 s</td><td>1 ns to 365 days</td></tr>
 * <tr><td>{@link Builder#commitTimeout commitTimeout}</td><td>30 s</td><td>1 ns to 365 days</td></tr>
 * <tr><td>{@link Builder#commitAttempts commitAttempts}</td><td>5</td><td>1 or more</td></tr>
 * <tr><td>{@link Builder#retryDelay retryDelay}</td><td>20 ms</td><td>1 ns to 365 days</td></tr>
 * <tr><td>{@link Builder#maximumGroupSize maximumGroupSize}</td><td>1,024</td><td>1 or more</td></tr>
 * </tbody>
 * </table>
 */
public final class KeyStoreOptions {

    private static final Duration MAXIMUM_DURATION = Duration.ofDays(365);

    private final Options options;

    /** The values; its name is a part of what {@link #toString} returns. */
    private record Options(
            long maximumCacheBytes,
            Duration lockTimeout,
            Duration loadTimeout,
            Duration commitTimeout,
            int commitAttempts,
            Duration retryDelay,
            int maximumGroupSize) {}

    private KeyStoreOptions(Options options) {
        this.options = options;
    }

    /** {@return a builder that holds the defaults} */
    public static Builder builder() {
        return new Builder();
    }

    /** {@return a builder that holds these options} */
    public Builder toBuilder() {
        return new Builder()
                .maximumCacheBytes(options.maximumCacheBytes)
                .lockTimeout(options.lockTimeout)
                .loadTimeout(options.loadTimeout)
                .commitTimeout(options.commitTimeout)
                .commitAttempts(options.commitAttempts)
                .retryDelay(options.retryDelay)
                .maximumGroupSize(options.maximumGroupSize);
    }

    /** {@return the maximum size of the cache that all contexts share, in bytes} */
    public long maximumCacheBytes() {
        return options.maximumCacheBytes;
    }

    /** {@return the maximum time that a transaction waits for its locks} */
    public Duration lockTimeout() {
        return options.lockTimeout;
    }

    /** {@return the maximum time that a read waits for another thread's load or write} */
    public Duration loadTimeout() {
        return options.loadTimeout;
    }

    /** {@return the maximum time that a commit waits, and for which the takeover of a context is retried} */
    public Duration commitTimeout() {
        return options.commitTimeout;
    }

    /** {@return the maximum number of attempts of a commit or a takeover, including the first} */
    public int commitAttempts() {
        return options.commitAttempts;
    }

    /** {@return the base delay before the first retry} */
    public Duration retryDelay() {
        return options.retryDelay;
    }

    /** {@return the maximum number of commits in one group} */
    public int maximumGroupSize() {
        return options.maximumGroupSize;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KeyStoreOptions that && options.equals(that.options);
    }

    @Override
    public int hashCode() {
        return options.hashCode();
    }

    @Override
    public String toString() {
        return "KeyStore" + options;
    }

    /**
     * Builds {@link KeyStoreOptions}. Not thread-safe.
     *
     * <p>Every setter throws {@link IllegalArgumentException} if its value is out of range, and
     * {@link NullPointerException} if it is null; the message names the option.
     */
    public static final class Builder {

        private long maximumCacheBytes = 64L * 1024 * 1024;
        private Duration lockTimeout = Duration.ofSeconds(30);
        private Duration loadTimeout = Duration.ofSeconds(30);
        private Duration commitTimeout = Duration.ofSeconds(30);
        private int commitAttempts = 5;
        private Duration retryDelay = Duration.ofMillis(20);
        private int maximumGroupSize = 1_024;

        private Builder() {}

        /**
         * Sets the maximum size of the cache that all contexts share; 64 MiB by default. 0 turns caching off.
         *
         * @param maximumCacheBytes the size in bytes, including keys and an estimate of each entry's overhead
         * @return this builder
         */
        public Builder maximumCacheBytes(long maximumCacheBytes) {
            this.maximumCacheBytes = atLeast(0, "maximumCacheBytes", maximumCacheBytes);
            return this;
        }

        /**
         * Sets the maximum time that a transaction waits for all its locks together; 30 s by default.
         *
         * @param lockTimeout more than zero and at most 365 days
         * @return this builder
         */
        public Builder lockTimeout(Duration lockTimeout) {
            this.lockTimeout = inRange("lockTimeout", lockTimeout);
            return this;
        }

        /**
         * Sets the maximum time that a read waits for a load or a write of another thread; 30 s by default. It does not
         * limit a call of the backend on the reading thread: backends bound their own calls.
         *
         * @param loadTimeout more than zero and at most 365 days
         * @return this builder
         */
        public Builder loadTimeout(Duration loadTimeout) {
            this.loadTimeout = inRange("loadTimeout", loadTimeout);
            return this;
        }

        /**
         * Sets the maximum time that a commit waits, including its time in the queue and its retries; 30 s by default.
         * It does not limit a call of the backend on the committing thread: backends bound their own calls. It also
         * limits how long the opening of a context is retried, and how long {@link SignalKeyDatabase#close()} waits for
         * running commits.
         *
         * @param commitTimeout more than zero and at most 365 days
         * @return this builder
         */
        public Builder commitTimeout(Duration commitTimeout) {
            this.commitTimeout = inRange("commitTimeout", commitTimeout);
            return this;
        }

        /**
         * Sets the maximum number of attempts of a commit, or of the takeover of a context, that fails transiently; 5
         * by default. Failed reads are not retried.
         *
         * @param commitAttempts the number of attempts, including the first; at least 1
         * @return this builder
         */
        public Builder commitAttempts(int commitAttempts) {
            this.commitAttempts = (int) atLeast(1, "commitAttempts", commitAttempts);
            return this;
        }

        /**
         * Sets the base delay before the first retry; 20 ms by default. It doubles with each further retry; each delay
         * is then multiplied by a random factor between 0.5 and 1.5.
         *
         * @param retryDelay more than zero and at most 365 days
         * @return this builder
         */
        public Builder retryDelay(Duration retryDelay) {
            this.retryDelay = inRange("retryDelay", retryDelay);
            return this;
        }

        /**
         * Sets the maximum number of commits in one group; 1,024 by default. A backend without group commit writes each
         * commit by itself.
         *
         * @param maximumGroupSize at least 1
         * @return this builder
         */
        public Builder maximumGroupSize(int maximumGroupSize) {
            this.maximumGroupSize = (int) atLeast(1, "maximumGroupSize", maximumGroupSize);
            return this;
        }

        /**
         * Returns the options.
         *
         * @return immutable options; this builder can be used further
         */
        public KeyStoreOptions build() {
            return new KeyStoreOptions(new Options(
                    maximumCacheBytes,
                    lockTimeout,
                    loadTimeout,
                    commitTimeout,
                    commitAttempts,
                    retryDelay,
                    maximumGroupSize));
        }

        private static Duration inRange(String name, Duration duration) {
            Objects.requireNonNull(duration, name);
            if (duration.isNegative() || duration.isZero() || duration.compareTo(MAXIMUM_DURATION) > 0) {
                throw new IllegalArgumentException(
                        name + " must be more than zero and at most 365 days, was " + duration);
            }
            return duration;
        }

        private static long atLeast(long minimum, String name, long value) {
            if (value < minimum) {
                throw new IllegalArgumentException(name + " must be at least " + minimum + ", was " + value);
            }
            return value;
        }
    }
}
