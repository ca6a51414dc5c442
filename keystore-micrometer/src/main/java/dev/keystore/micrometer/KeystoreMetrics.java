package dev.keystore.micrometer;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.micrometer.AccountPreKeys.Counts;
import dev.keystore.spi.KeyStoreListener;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The metrics of one database: a listener that the database calls, and a binder that registers the meters.
 *
 * <pre>{@code
 * KeystoreMetrics metrics = new KeystoreMetrics();
 * metrics.bindTo(registry);
 * SignalKeyDatabase database = metrics.watch(
 *         SignalKeyDatabase.builder().url("jdbc:sqlite:keys.db").listener(metrics).open());
 * }</pre>
 *
 * <p>{@code docs/metrics.md} lists the meters. They are recorded on the thread that did the work, so that a registry
 * can attach exemplars of that thread's span. Bound to several registries, it records to each of them. Counters include
 * what happened before it was bound; timers and the summary do not. No tag contains a value, an id or a context (R101).
 *
 * <p>Thread-safe.
 */
public final class KeystoreMetrics implements KeyStoreListener, MeterBinder {

    private static final Logger LOG = LoggerFactory.getLogger(KeystoreMetrics.class);

    private final Tags tags;
    private final List<LongSupplier> cachedReads = new CopyOnWriteArrayList<>();
    private final LongAdder misses = new LongAdder();
    private final LongAdder unreadable = new LongAdder();
    private final LongAdder retries = new LongAdder();
    private final LongAdder conflicts = new LongAdder();
    private final LongAdder contextsOpened = new LongAdder();
    private final LongAdder ownershipLost = new LongAdder();

    /** The meters of each registry. Replaced when one is added, never changed. */
    private volatile KeystoreMeters[] bound = {};

    private volatile @Nullable SignalKeyDatabase database;

    /** The pre-keys that are reported to this listener itself. */
    private final AccountPreKeys preKeys = new AccountPreKeys();

    /** The listeners of accounts. References are weak, so that an account that is no longer used does not count. */
    private final Set<AccountPreKeys> accounts =
            Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

    /** Creates metrics without tags of the caller. */
    public KeystoreMetrics() {
        this(List.of());
    }

    /**
     * Creates metrics whose meters have additional tags, for example to tell databases apart. Two databases that are
     * measured in one registry need different tags: with equal ones they share timers, and the gauges and the counters
     * show only the one that was bound first.
     *
     * @param tags the tags, which must not contain ids or contexts
     */
    public KeystoreMetrics(Iterable<Tag> tags) {
        this.tags = Tags.of(Objects.requireNonNull(tags, "tags"));
    }

    /**
     * Sets the database whose cache the gauges show. Until then, and for a database that is not watched, they are
     * {@code NaN}. If no database was opened with this listener, nothing can be measured: a warning is logged, and the
     * gauges stay {@code NaN}.
     *
     * @param database the database, which was opened with this listener
     * @return the database
     */
    public SignalKeyDatabase watch(SignalKeyDatabase database) {
        Objects.requireNonNull(database, "database");
        if (cachedReads.isEmpty()) {
            LOG.warn("The database is not measured, since it was opened without its KeystoreMetrics: pass them to its"
                    + " builder, with listener(metrics)");
        } else {
            this.database = database;
        }
        return database;
    }

    /**
     * Returns a listener to which one account of {@code keystore-libsignal} reports its pre-keys. If there are several
     * accounts, each needs a separate one: the gauges then show the fewest pre-keys of any account. Once the account is
     * garbage, it no longer counts.
     *
     * @return a new listener for the options of the account, which receives nothing else
     */
    public KeyStoreListener forAccount() {
        AccountPreKeys account = new AccountPreKeys();
        accounts.add(account);
        return account;
    }

    /**
     * Registers the meters. Has no effect if they are bound to this registry already. Binding to a registry and also to
     * a composite that contains it counts everything twice in it.
     *
     * @param registry what they are registered with, for as long as it exists
     */
    @Override
    public synchronized void bindTo(MeterRegistry registry) {
        Objects.requireNonNull(registry, "registry");
        if (Arrays.stream(bound).anyMatch(meters -> meters.registry.equals(registry))) {
            return;
        }
        gauge(
                registry,
                "keystore.cache.size",
                "Estimated size of the cache",
                opened -> opened.stats().cachedBytes());
        gauge(
                registry,
                "keystore.cache.max",
                "Maximum size of the cache",
                opened -> opened.options().maximumCacheBytes());
        String gets = "Reads of entries, by whether they were cached"; // a registry wants one text for both
        FunctionCounter.builder("keystore.cache.gets", this, KeystoreMetrics::cachedReads)
                .description(gets)
                .tags(tags.and("result", "hit"))
                .register(registry);
        counter(registry, "keystore.cache.gets", gets, tags.and("result", "miss"), misses);
        counter(registry, "keystore.unreadable", "Entries found that cannot be read", tags, unreadable);
        counter(registry, "keystore.retries", "Writes that were sent again", tags, retries);
        counter(registry, "keystore.conflicts", "Attempts that ended in a conflict", tags, conflicts);
        counter(registry, "keystore.contexts.opened", "Contexts opened or taken over", tags, contextsOpened);
        counter(registry, "keystore.ownership.lost", "Contexts lost to another owner", tags, ownershipLost);
        preKeyGauge(registry, "one_time", Counts::oneTime);
        preKeyGauge(registry, "signed", Counts::signed);
        preKeyGauge(registry, "one_time_kyber", Counts::oneTimeKyber);
        preKeyGauge(registry, "last_resort_kyber", Counts::lastResortKyber);
        KeystoreMeters[] more = Arrays.copyOf(bound, bound.length + 1);
        more[bound.length] = new KeystoreMeters(registry, tags);
        bound = more;
    }

    private static void counter(MeterRegistry registry, String name, String description, Tags tags, LongAdder counted) {
        FunctionCounter.builder(name, counted, LongAdder::sum)
                .description(description)
                .tags(tags)
                .register(registry);
    }

    private double cachedReads() {
        return cachedReads.stream().mapToDouble(LongSupplier::getAsLong).sum();
    }

    private void preKeyGauge(MeterRegistry registry, String kind, ToDoubleFunction<Counts> left) {
        Gauge.builder("keystore.prekeys", this, metrics -> metrics.fewestPreKeys(left))
                .description("Pre-keys left, as last counted, of the account that has the fewest")
                .tags(tags.and("kind", kind))
                .register(registry);
    }

    private double fewestPreKeys(ToDoubleFunction<Counts> kind) {
        double fewest = preKeys.left(kind);
        synchronized (accounts) {
            for (AccountPreKeys account : accounts) {
                double left = account.left(kind);
                fewest = left < fewest || Double.isNaN(fewest) ? left : fewest;
            }
        }
        return fewest;
    }

    private void gauge(
            MeterRegistry registry, String name, String description, ToDoubleFunction<SignalKeyDatabase> value) {
        Gauge.builder(name, this, metrics -> metrics.ofDatabase(value))
                .description(description)
                .baseUnit("bytes")
                .tags(tags)
                .register(registry);
    }

    private double ofDatabase(ToDoubleFunction<SignalKeyDatabase> value) {
        SignalKeyDatabase watched = database;
        return watched == null ? Double.NaN : value.applyAsDouble(watched);
    }

    @Override
    public void onOpened(LongSupplier cachedReads) {
        this.cachedReads.add(cachedReads);
    }

    @Override
    public void onLoad(int entries, long nanos, WaitResult result) {
        misses.add(entries);
        for (KeystoreMeters meters : bound) {
            meters.load(nanos, result);
        }
    }

    @Override
    public void onUnreadable(int entries) {
        unreadable.add(entries);
    }

    @Override
    public void onLockWait(long nanos, WaitResult result) {
        for (KeystoreMeters meters : bound) {
            meters.lockWait(nanos, result);
        }
    }

    @Override
    public void onCommit(long nanos, CommitResult result) {
        for (KeystoreMeters meters : bound) {
            meters.commit(nanos, result);
        }
    }

    @Override
    public void onGroup(int commits, int sendings, long nanos, GroupResult result) {
        retries.add(sendings - 1 + (result == GroupResult.RETRIED ? 1 : 0));
        for (KeystoreMeters meters : bound) {
            meters.group(commits, nanos, result);
        }
    }

    @Override
    public void onFsync(long nanos) {
        for (KeystoreMeters meters : bound) {
            meters.fsync.record(nanos, TimeUnit.NANOSECONDS);
        }
    }

    @Override
    public void onConflict() {
        conflicts.increment();
    }

    @Override
    public void onTransaction(
            Set<String> lockKeys, long waitNanos, long workNanos, long commitNanos, boolean succeeded) {
        for (KeystoreMeters meters : bound) {
            meters.transaction(waitNanos + workNanos + commitNanos, succeeded);
        }
    }

    @Override
    public void onContextOpened() {
        contextsOpened.increment();
    }

    @Override
    public void onOwnershipLost() {
        ownershipLost.increment();
    }

    @Override
    public void onPreKeysCounted(int oneTime, int signed, int oneTimeKyber, int lastResortKyber) {
        preKeys.onPreKeysCounted(oneTime, signed, oneTimeKyber, lastResortKyber);
    }
}
