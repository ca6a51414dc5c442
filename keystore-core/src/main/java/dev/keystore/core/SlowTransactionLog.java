package dev.keystore.core;

import dev.keystore.spi.KeyStoreListener;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs each transaction that takes longer than a threshold, with how long it waited for its locks, worked and
 * committed.
 *
 * <pre>{@code
 * SignalKeyDatabase.builder().url(url).listener(SlowTransactionLog.over(Duration.ofSeconds(1))).open();
 * }</pre>
 *
 * <p>A line is logged at level {@code WARN} by the {@link Logger} named {@value #NAME}, on the thread of the
 * transaction, after that has released its locks. It contains no value, id or context; it contains the lock keys, which
 * often contain ids, only with {@link #withLockKeys()} (R101).
 */
public final class SlowTransactionLog implements KeyStoreListener {

    /** The name of the logger. */
    public static final String NAME = "dev.keystore.slow-transactions";

    private static final Logger LOG = LoggerFactory.getLogger(NAME);

    private static final Duration LONGEST = Duration.ofNanos(Long.MAX_VALUE);

    private final long thresholdNanos;
    private final boolean withLockKeys;

    private SlowTransactionLog(long thresholdNanos, boolean withLockKeys) {
        this.thresholdNanos = thresholdNanos;
        this.withLockKeys = withLockKeys;
    }

    /**
     * Returns a log of the transactions that take longer than a threshold.
     *
     * @param threshold the time from the call of the transaction until its end; not negative
     * @return a listener for {@link SignalKeyDatabase.Builder#listener}
     * @throws IllegalArgumentException if the threshold is negative
     */
    public static SlowTransactionLog over(Duration threshold) {
        if (Objects.requireNonNull(threshold, "threshold").isNegative()) {
            throw new IllegalArgumentException("threshold must not be negative, was " + threshold);
        }
        boolean fits = threshold.compareTo(LONGEST) < 0;
        return new SlowTransactionLog(fits ? threshold.toNanos() : Long.MAX_VALUE, false);
    }

    /**
     * Returns a log that also names the lock keys. They often contain ids of entries, such as the address of a contact.
     *
     * @return a new listener
     */
    public SlowTransactionLog withLockKeys() {
        return new SlowTransactionLog(thresholdNanos, true);
    }

    @Override
    public void onTransaction(
            Set<String> lockKeys, long waitNanos, long workNanos, long commitNanos, boolean succeeded) {
        if (waitNanos + workNanos + commitNanos > thresholdNanos) {
            LOG.warn(
                    "A transaction{} {}: it waited {} ms for its locks, worked {} ms and committed {} ms",
                    withLockKeys ? " with lock keys " + new TreeSet<>(lockKeys) : "",
                    succeeded ? "was slow" : "was slow and failed",
                    TimeUnit.NANOSECONDS.toMillis(waitNanos),
                    TimeUnit.NANOSECONDS.toMillis(workNanos),
                    TimeUnit.NANOSECONDS.toMillis(commitNanos));
        }
    }
}
