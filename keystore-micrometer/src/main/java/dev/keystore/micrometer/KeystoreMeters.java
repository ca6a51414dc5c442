package dev.keystore.micrometer;

import dev.keystore.spi.KeyStoreListener.CommitResult;
import dev.keystore.spi.KeyStoreListener.GroupResult;
import dev.keystore.spi.KeyStoreListener.WaitResult;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * The timers and the summary of one registry. All are registered at once, so that each is reported as zero at first.
 */
final class KeystoreMeters {

    /** What a histogram resolves: from a wait that is hardly one to a timeout of 30 s and what comes after it. */
    private static final Duration SHORTEST = Duration.ofNanos(20_000);

    private static final Duration LONGEST = Duration.ofSeconds(60);
    private static final double MOST_COMMITS = 1_024; // the default of the option maximumGroupSize

    final MeterRegistry registry;
    final Timer fsync;
    private final DistributionSummary groupCommits;
    private final Timer succeeded;
    private final Timer failed;

    private final Map<WaitResult, Timer> loads = new EnumMap<>(WaitResult.class);
    private final Map<WaitResult, Timer> lockWaits = new EnumMap<>(WaitResult.class);
    private final Map<CommitResult, Timer> commits = new EnumMap<>(CommitResult.class);
    private final Map<GroupResult, Timer> groups = new EnumMap<>(GroupResult.class);

    KeystoreMeters(MeterRegistry registry, Tags tags) {
        this.registry = registry;
        for (WaitResult result : WaitResult.values()) {
            Tags tagged = result(tags, result);
            loads.put(result, timer(registry, "keystore.load", "Reads from the backend", tagged));
            String lockWait = "Waits of transactions for their locks";
            lockWaits.put(result, timer(registry, "keystore.lock.wait", lockWait, tagged));
        }
        for (CommitResult result : CommitResult.values()) {
            Tags tagged = result(tags, result);
            commits.put(result, timer(registry, "keystore.commit", "Commits, until they are durable", tagged));
        }
        for (GroupResult result : GroupResult.values()) {
            Tags tagged = result(tags, result);
            groups.put(result, timer(registry, "keystore.group", "Writes of groups of commits, with fsync", tagged));
        }
        fsync = timer(registry, "keystore.fsync", "Waits of writes for the disk", tags);
        groupCommits = DistributionSummary.builder("keystore.group.commits")
                .description("Commits in one group")
                .baseUnit("commits")
                .minimumExpectedValue(1.0)
                .maximumExpectedValue(MOST_COMMITS)
                .tags(tags)
                .register(registry);
        String transaction = "Transactions, from the call until the end";
        succeeded = timer(registry, "keystore.transaction", transaction, tags.and("result", "success"));
        failed = timer(registry, "keystore.transaction", transaction, tags.and("result", "failure"));
    }

    private static Tags result(Tags tags, Enum<?> result) {
        return tags.and("result", result.name().toLowerCase(Locale.ROOT));
    }

    private static <R> Timer timer(Map<R, Timer> timers, R result) {
        return Objects.requireNonNull(timers.get(result));
    }

    private static Timer timer(MeterRegistry registry, String name, String description, Tags tags) {
        return Timer.builder(name)
                .description(description)
                .minimumExpectedValue(SHORTEST)
                .maximumExpectedValue(LONGEST)
                .tags(tags)
                .register(registry);
    }

    void load(long nanos, WaitResult result) {
        timer(loads, result).record(nanos, TimeUnit.NANOSECONDS);
    }

    void lockWait(long nanos, WaitResult result) {
        timer(lockWaits, result).record(nanos, TimeUnit.NANOSECONDS);
    }

    void commit(long nanos, CommitResult result) {
        timer(commits, result).record(nanos, TimeUnit.NANOSECONDS);
    }

    void group(int size, long nanos, GroupResult result) {
        timer(groups, result).record(nanos, TimeUnit.NANOSECONDS);
        groupCommits.record(size);
    }

    void transaction(long nanos, boolean returned) {
        (returned ? succeeded : failed).record(nanos, TimeUnit.NANOSECONDS);
    }
}
