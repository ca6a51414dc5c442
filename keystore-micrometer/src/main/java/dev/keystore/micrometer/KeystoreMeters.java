package dev.keystore.micrometer;

import dev.keystore.spi.KeyStoreListener.CommitResult;
import dev.keystore.spi.KeyStoreListener.GroupResult;
import dev.keystore.spi.KeyStoreListener.WaitResult;
import io.micrometer.core.instrument.Counter;
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

/** The meters of one registry. All are registered at once, so that each is reported from the beginning, as zero. */
final class KeystoreMeters {

    /** The description of the hits and of the misses; a registry wants one for both. */
    static final String CACHE_GETS = "Reads of entries, by whether they were cached";

    /** What a histogram resolves: from a wait that is hardly one to a timeout of 30 s and what comes after it. */
    private static final Duration SHORTEST = Duration.ofNanos(20_000);

    private static final Duration LONGEST = Duration.ofSeconds(60);
    private static final double MOST_COMMITS = 1_024; // the default of the option maximumGroupSize

    final MeterRegistry registry;
    final Counter unreadable;
    final Counter conflicts;
    final Counter contextsOpened;
    final Counter ownershipLost;
    final Timer fsync;
    private final Counter misses;
    private final Counter retries;
    private final DistributionSummary groupCommits;
    private final Timer succeeded;
    private final Timer failed;

    private final Map<WaitResult, Timer> loads = new EnumMap<>(WaitResult.class);
    private final Map<WaitResult, Timer> lockWaits = new EnumMap<>(WaitResult.class);
    private final Map<CommitResult, Timer> commits = new EnumMap<>(CommitResult.class);
    private final Map<GroupResult, Timer> groups = new EnumMap<>(GroupResult.class);

    KeystoreMeters(MeterRegistry registry, Tags tags) {
        this.registry = registry;
        misses = Counter.builder("keystore.cache.gets")
                .description(CACHE_GETS)
                .tags(tags.and("result", "miss"))
                .register(registry);
        unreadable = counter(registry, "keystore.unreadable", "Entries found that cannot be read", tags);
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
        retries = counter(registry, "keystore.retries", "Writes that were sent again", tags);
        conflicts = counter(registry, "keystore.conflicts", "Attempts that ended in a conflict", tags);
        String transaction = "Transactions, from the call until the end";
        succeeded = timer(registry, "keystore.transaction", transaction, tags.and("result", "success"));
        failed = timer(registry, "keystore.transaction", transaction, tags.and("result", "failure"));
        contextsOpened = counter(registry, "keystore.contexts.opened", "Contexts opened or taken over", tags);
        ownershipLost = counter(registry, "keystore.ownership.lost", "Contexts lost to another owner", tags);
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

    private static Counter counter(MeterRegistry registry, String name, String description, Tags tags) {
        return Counter.builder(name).description(description).tags(tags).register(registry);
    }

    void load(int entries, long nanos, WaitResult result) {
        misses.increment(entries);
        timer(loads, result).record(nanos, TimeUnit.NANOSECONDS);
    }

    void lockWait(long nanos, WaitResult result) {
        timer(lockWaits, result).record(nanos, TimeUnit.NANOSECONDS);
    }

    void commit(long nanos, CommitResult result) {
        timer(commits, result).record(nanos, TimeUnit.NANOSECONDS);
    }

    void group(int size, int sendings, long nanos, GroupResult result) {
        timer(groups, result).record(nanos, TimeUnit.NANOSECONDS);
        groupCommits.record(size);
        int again = sendings - 1 + (result == GroupResult.RETRIED ? 1 : 0);
        if (again > 0) {
            retries.increment(again);
        }
    }

    void transaction(long nanos, boolean returned) {
        (returned ? succeeded : failed).record(nanos, TimeUnit.NANOSECONDS);
    }
}
