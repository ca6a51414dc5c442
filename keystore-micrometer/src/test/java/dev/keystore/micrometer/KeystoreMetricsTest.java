package dev.keystore.micrometer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.keystore.CommitFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spi.KeyStoreListener.CommitResult;
import dev.keystore.spi.KeyStoreListener.GroupResult;
import dev.keystore.spi.KeyStoreListener.WaitResult;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.tracer.common.SpanContext;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.yaml.snakeyaml.Yaml;

/** What the registry of Prometheus puts out. */
class KeystoreMetricsTest {

    private static final Path DOCS = Path.of("..", "docs");
    private static final Pattern SELECTOR = Pattern.compile("\\b([a-z]+_[a-z_]+)\\b(?:[{]([^}]*)[}])?");
    private static final Pattern LABEL = Pattern.compile("([a-z_]+)=~?\"([^\"]*)\"");

    /** Turns histograms on. */
    private static final class Histograms implements MeterFilter {

        @Override
        public DistributionStatisticConfig configure(Meter.Id id, DistributionStatisticConfig config) {
            return DistributionStatisticConfig.builder()
                    .percentilesHistogram(true)
                    .build()
                    .merge(config);
        }
    }

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final KeystoreMetrics metrics = new KeystoreMetrics();
    private final Faults faults = new Faults();

    @AfterEach
    void close() {
        registry.close();
    }

    private SignalKeyDatabase open() {
        return metrics.watch(SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(new MemoryBackend(), faults))
                .listener(metrics)
                .open());
    }

    /** Returns the value of a line of what the registry puts out. */
    private double scraped(String metric) {
        return registry.scrape()
                .lines()
                .filter(line -> line.startsWith(metric + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(metric.length() + 1)))
                .findFirst()
                .orElseThrow(() -> new AssertionError(metric + " is not in\n" + registry.scrape()));
    }

    @Test
    @DisplayName("R100 reads, commits and transactions of a database appear in what Prometheus scrapes")
    void database_used_isScraped() {
        metrics.bindTo(registry);
        try (SignalKeyDatabase database = open()) {
            SignalKeyStore alice = database.forContext("alice");
            alice.find(KeyTypes.SESSION, "a");
            alice.find(KeyTypes.SESSION, "a");
            alice.useTransaction("k", tx -> tx.put(KeyTypes.SESSION, "a", new byte[9]));
            faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
            alice.put(KeyTypes.SESSION, "b", new byte[9]);
            faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "c", new byte[9]))
                    .isInstanceOf(CommitFailedException.class);

            assertThat(scraped("keystore_cache_gets_total{result=\"miss\"}")).isEqualTo(1);
            assertThat(scraped("keystore_cache_gets_total{result=\"hit\"}")).isEqualTo(1);
            assertThat(scraped("keystore_load_seconds_count{result=\"success\"}"))
                    .isEqualTo(1);
            assertThat(scraped("keystore_lock_wait_seconds_count{result=\"success\"}"))
                    .isEqualTo(1);
            assertThat(scraped("keystore_transaction_seconds_count{result=\"success\"}"))
                    .isEqualTo(1);
            assertThat(scraped("keystore_commit_seconds_count{result=\"written\"}"))
                    .isEqualTo(2);
            assertThat(scraped("keystore_commit_seconds_sum{result=\"written\"}"))
                    .isPositive();
            assertThat(scraped("keystore_commit_seconds_count{result=\"not_written\"}"))
                    .isEqualTo(1);
            assertThat(scraped("keystore_contexts_opened_total")).isEqualTo(1);
            assertThat(scraped("keystore_cache_size_bytes")).isPositive();
            assertThat(scraped("keystore_cache_max_bytes")).isEqualTo(64 << 20);
        }
    }

    @Test
    @DisplayName("R100 each event is counted by its result")
    void events_areCountedByResult() {
        metrics.bindTo(registry);
        for (CommitResult result : CommitResult.values()) {
            metrics.onCommit(TimeUnit.SECONDS.toNanos(seconds(result)), result);
        }
        for (GroupResult result : GroupResult.values()) {
            metrics.onGroup(3, 2, TimeUnit.SECONDS.toNanos(seconds(result)), result);
        }
        for (WaitResult result : WaitResult.values()) {
            metrics.onLoad(5, TimeUnit.SECONDS.toNanos(seconds(result)), result);
            metrics.onLockWait(TimeUnit.SECONDS.toNanos(10 + seconds(result)), result);
        }
        metrics.onTransaction(Set.of("k"), 1_000_000_000, 2_000_000_000, 3_000_000_000L, false);
        metrics.onConflict();
        metrics.onUnreadable(4);
        metrics.onOwnershipLost();
        metrics.onOpened(() -> 6);
        metrics.onOpened(() -> 7);

        for (CommitResult result : CommitResult.values()) {
            assertThat(scraped("keystore_commit_seconds_sum" + tag(result))).isEqualTo(seconds(result));
        }
        for (GroupResult result : GroupResult.values()) {
            assertThat(scraped("keystore_group_seconds_sum" + tag(result))).isEqualTo(seconds(result));
        }
        for (WaitResult result : WaitResult.values()) {
            assertThat(scraped("keystore_load_seconds_sum" + tag(result))).isEqualTo(seconds(result));
            assertThat(scraped("keystore_lock_wait_seconds_sum" + tag(result))).isEqualTo(10 + seconds(result));
        }
        assertThat(scraped("keystore_group_commits_sum")).isEqualTo(15);
        assertThat(scraped("keystore_retries_total")).isEqualTo(6);
        assertThat(scraped("keystore_cache_gets_total{result=\"miss\"}")).isEqualTo(15);
        assertThat(scraped("keystore_cache_gets_total{result=\"hit\"}")).isEqualTo(13);
        assertThat(scraped("keystore_transaction_seconds_sum{result=\"failure\"}"))
                .isEqualTo(6);
        assertThat(scraped("keystore_conflicts_total")).isEqualTo(1);
        assertThat(scraped("keystore_unreadable_total")).isEqualTo(4);
        assertThat(scraped("keystore_ownership_lost_total")).isEqualTo(1);
    }

    @Test
    @DisplayName("R100 counters contain what has happened before the metrics are bound")
    void counters_ofEventsBeforeBindTo_areScraped() {
        metrics.onContextOpened();
        metrics.onUnreadable(2);
        metrics.onOwnershipLost();
        metrics.onConflict();
        metrics.onLoad(3, 1, WaitResult.SUCCESS);
        metrics.onGroup(1, 1, 1, GroupResult.RETRIED);
        metrics.bindTo(registry);

        assertThat(scraped("keystore_contexts_opened_total")).isEqualTo(1);
        assertThat(scraped("keystore_unreadable_total")).isEqualTo(2);
        assertThat(scraped("keystore_ownership_lost_total")).isEqualTo(1);
        assertThat(scraped("keystore_conflicts_total")).isEqualTo(1);
        assertThat(scraped("keystore_cache_gets_total{result=\"miss\"}")).isEqualTo(3);
        assertThat(scraped("keystore_retries_total")).isEqualTo(1);
    }

    @Test
    @DisplayName("R100 an alert for any increase also fires for a counter that is not zero when it is first scraped")
    void alerts_ofAnyIncrease_includeTheFirstSample() throws Exception {
        List<String> increases = expressions("keystore-alerts.yml").stream()
                .filter(text -> text.startsWith("increase("))
                .toList();

        assertThat(increases).hasSize(5).allSatisfy(text -> {
            String series = text.substring("increase(".length(), text.indexOf('['));
            assertThat(text)
                    .isEqualTo("increase(%1$s[15m]) > 0 or (%1$s > 0 unless %1$s offset 15m)".formatted(series));
        });
    }

    @Test
    @DisplayName("R100 recording what a transaction reports allocates nothing, for two registries")
    void events_ofATransaction_allocateNothing() {
        metrics.bindTo(registry);
        metrics.bindTo(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        Set<String> lockKeys = Set.of("k");
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (int n = 0; n < 10; n++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            metrics.onLoad(1, 1, WaitResult.SUCCESS);
            metrics.onLockWait(1, WaitResult.SUCCESS);
            metrics.onGroup(1, 1, 1, GroupResult.WRITTEN);
            metrics.onCommit(1, CommitResult.WRITTEN);
            metrics.onTransaction(lockKeys, 1, 1, 1, true);
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }

        assertThat(least).isZero();
    }

    @Test
    @DisplayName("R100 the pre-keys left are gauges by kind, once they have been counted")
    void preKeys_counted_areGauges() {
        metrics.bindTo(registry);
        assertThat(scraped("keystore_prekeys{kind=\"one_time\"}")).isNaN();

        metrics.onPreKeysCounted(4, 1, 3, 2);

        assertThat(scraped("keystore_prekeys{kind=\"one_time\"}")).isEqualTo(4);
        assertThat(scraped("keystore_prekeys{kind=\"signed\"}")).isEqualTo(1);
        assertThat(scraped("keystore_prekeys{kind=\"one_time_kyber\"}")).isEqualTo(3);
        assertThat(scraped("keystore_prekeys{kind=\"last_resort_kyber\"}")).isEqualTo(2);
    }

    @Test
    @DisplayName("R100 with several accounts, the gauges show the fewest pre-keys of any account")
    void preKeys_ofSeveralAccounts_showTheFewest() {
        metrics.bindTo(registry);
        KeyStoreListener alice = metrics.forAccount();
        KeyStoreListener bob = metrics.forAccount();
        metrics.forAccount();
        bob.onPreKeysCounted(0, 2, 7, 1);
        alice.onPreKeysCounted(100, 1, 8, 3);

        assertThat(scraped("keystore_prekeys{kind=\"one_time\"}")).isZero();
        assertThat(scraped("keystore_prekeys{kind=\"signed\"}")).isEqualTo(1);
        assertThat(scraped("keystore_prekeys{kind=\"one_time_kyber\"}")).isEqualTo(7);
        assertThat(scraped("keystore_prekeys{kind=\"last_resort_kyber\"}")).isEqualTo(1);

        bob.onPreKeysCounted(100, 2, 7, 1);
        assertThat(scraped("keystore_prekeys{kind=\"one_time\"}")).isEqualTo(100);
    }

    @Test
    @DisplayName("R100 an account that has no one-time Kyber pre-keys needs none, one that has used them up does")
    void preKeys_withoutOneTimeKyber_haveNoNumber() {
        metrics.bindTo(registry);
        KeyStoreListener alice = metrics.forAccount();
        alice.onPreKeysCounted(100, 1, 0, 1);
        assertThat(scraped("keystore_prekeys{kind=\"one_time_kyber\"}")).isNaN();

        KeyStoreListener bob = metrics.forAccount();
        bob.onPreKeysCounted(100, 1, 1, 1);
        assertThat(scraped("keystore_prekeys{kind=\"one_time_kyber\"}")).isEqualTo(1);
        bob.onPreKeysCounted(100, 1, 0, 1);
        assertThat(scraped("keystore_prekeys{kind=\"one_time_kyber\"}")).isZero();
    }

    @Test
    @DisplayName("R100 an account that is garbage no longer counts")
    void preKeys_ofGarbage_doNotCount() {
        metrics.bindTo(registry);
        KeyStoreListener alice = metrics.forAccount();
        alice.onPreKeysCounted(100, 1, 8, 3);
        try {
            WeakReference<KeyStoreListener> bob = accountWithFivePreKeys();
            long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (bob.get() != null && System.nanoTime() < deadlineNanos) {
                System.gc();
            }

            assertThat(scraped("keystore_prekeys{kind=\"one_time\"}")).isEqualTo(100);
        } finally {
            Reference.reachabilityFence(alice);
        }
    }

    private WeakReference<KeyStoreListener> accountWithFivePreKeys() {
        KeyStoreListener account = metrics.forAccount();
        account.onPreKeysCounted(5, 1, 8, 3);
        return new WeakReference<>(account);
    }

    /** Returns another number for each result of a kind. */
    private static int seconds(Enum<?> result) {
        return 1 + List.of(result.getDeclaringClass().getEnumConstants()).indexOf(result);
    }

    private static String tag(Enum<?> result) {
        return "{result=\"" + result.name().toLowerCase(Locale.ROOT) + "\"}";
    }

    @Test
    @DisplayName("R101 no name and no tag contains a value, an id, a lock key or a context")
    void scrape_containsNoKeys() {
        metrics.bindTo(registry);
        try (SignalKeyDatabase database = open()) {
            SignalKeyStore store = database.forContext("secret-context");
            store.useTransaction("secret-lock", tx -> {
                tx.find(KeyTypes.LID_MAPPING, "secret-id");
                tx.put(KeyTypes.LID_MAPPING, "secret-id", "secret-value");
            });
        }

        assertThat(registry.scrape()).contains("keystore_commit_seconds_count").doesNotContain("secret");
        for (Meter meter : registry.getMeters()) {
            assertThat(meter.getId().getTags())
                    .allMatch(tag -> Set.of("result", "kind").contains(tag.getKey()));
        }
    }

    @Test
    @DisplayName("timers publish buckets if a filter turns histograms on")
    void timers_histogramsOn_publishBuckets() {
        registry.config().meterFilter(new Histograms());
        metrics.bindTo(registry);
        metrics.onCommit(1_000_000, CommitResult.WRITTEN);

        assertThat(registry.scrape()).contains("keystore_commit_seconds_bucket{result=\"written\",le=\"+Inf\"} 1");
    }

    @Test
    @DisplayName("histograms resolve times below 1 ms and those of timeouts, in a bounded number of buckets")
    void histograms_on_resolveTheTimes() {
        registry.config().meterFilter(new Histograms());
        metrics.bindTo(registry);
        for (int micros : new int[] {30, 200, 900, 30_010_000}) {
            metrics.onCommit(TimeUnit.MICROSECONDS.toNanos(micros), CommitResult.WRITTEN);
        }
        metrics.onGroup(3, 1, 1, GroupResult.WRITTEN);

        List<String> commits = buckets("keystore_commit_seconds_bucket{result=\"written\",le=");
        assertThat(commits).hasSizeBetween(90, 120);
        assertThat(commits.stream().map(line -> line.replaceFirst(".* ", "")).distinct())
                .as("each time has a bucket of its size, and only the first ones are empty")
                .containsExactly("0", "1", "2", "3", "4");
        assertThat(commits.get(commits.size() - 2)).as("the last before +Inf").endsWith(" 4");
        assertThat(buckets("keystore_group_commits_bucket{le=")).hasSizeBetween(20, 60);
    }

    private List<String> buckets(String metric) {
        return registry.scrape().lines().filter(line -> line.startsWith(metric)).toList();
    }

    @Test
    @DisplayName("R100 each timer carries the caller's span as exemplar, with histograms on")
    void timers_withSpan_carryExemplars() {
        SpanContext span = new SpanContext() {
            @Override
            public String getCurrentTraceId() {
                return "4bf92f3577b34da6a3ce929d0e0e4736";
            }

            @Override
            public String getCurrentSpanId() {
                return "00f067aa0ba902b7";
            }

            @Override
            public boolean isCurrentSpanSampled() {
                return true;
            }

            @Override
            public void markCurrentSpanAsExemplar() {}
        };
        PrometheusMeterRegistry traced =
                new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, new PrometheusRegistry(), Clock.SYSTEM, span);
        traced.config().meterFilter(new Histograms());
        metrics.bindTo(traced);
        try (SignalKeyDatabase database = open()) {
            database.forContext("alice").useTransaction("k", tx -> {
                tx.find(KeyTypes.SESSION, "a");
                tx.put(KeyTypes.SESSION, "a", new byte[9]);
            });
        }

        Set<String> withExemplar = traced.scrape("application/openmetrics-text; version=1.0.0; charset=utf-8")
                .lines()
                .filter(line -> line.contains("trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\""))
                .map(line -> line.replaceFirst("[{].*", ""))
                .collect(Collectors.toSet());
        Set<String> timers = traced.getMeters().stream()
                .filter(Timer.class::isInstance)
                .map(timer -> timer.getId().getName().replace('.', '_') + "_seconds_bucket")
                .collect(Collectors.toSet());
        assertThat(timers).hasSize(6);
        assertThat(withExemplar).containsAll(timers);
        traced.close();
    }

    @Test
    @DisplayName("the meters coexist with those of Boot's caches, which have other tags")
    void bindTo_registryHasCaches_isScraped() {
        FunctionCounter.builder("cache.gets", this, test -> 5)
                .tags("cache", "users", "name", "users", "cache.manager", "manager", "result", "hit")
                .register(registry);
        metrics.bindTo(registry);
        metrics.onLoad(1, 1, WaitResult.SUCCESS);

        assertThat(scraped("keystore_cache_gets_total{result=\"miss\"}")).isEqualTo(1);
        assertThat(registry.scrape()).contains("cache_gets_total{cache=\"users\"");
    }

    @Test
    @DisplayName("R100 binding again to the same registry does not count events twice")
    void bindTo_twice_countsOnce() {
        metrics.bindTo(registry);
        metrics.bindTo(registry);
        metrics.onCommit(1, CommitResult.WRITTEN);
        metrics.onConflict();

        assertThat(scraped("keystore_commit_seconds_count{result=\"written\"}")).isEqualTo(1);
        assertThat(scraped("keystore_conflicts_total")).isEqualTo(1);
    }

    @Test
    @DisplayName("two databases with different tags, and two registries, do not mix")
    void metrics_ofTwoDatabases_areSeparate() {
        KeystoreMetrics tagged = new KeystoreMetrics(Tags.of("store", "other"));
        KeystoreMetrics main = new KeystoreMetrics(Tags.of("store", "main"));
        SimpleMeterRegistry second = new SimpleMeterRegistry();
        main.bindTo(registry);
        main.bindTo(second);
        tagged.bindTo(registry);
        main.onConflict();

        assertThat(scraped("keystore_conflicts_total{store=\"main\"}")).isEqualTo(1);
        assertThat(scraped("keystore_conflicts_total{store=\"other\"}")).isZero();
        assertThat(second.get("keystore.conflicts").functionCounter().count()).isEqualTo(1);
        assertThat(scraped("keystore_cache_size_bytes{store=\"main\"}")).isNaN();
    }

    @ParameterizedTest
    @ValueSource(strings = {"keystore-dashboard.json", "keystore-alerts.yml"})
    @DisplayName("R100 each expression of the dashboard and the alert rules selects series that exist")
    void expressions_selectExistingSeries(String file) throws Exception {
        metrics.bindTo(registry);
        List<String> series = registry.scrape()
                .lines()
                .filter(line -> !line.startsWith("#"))
                .map(line -> line.replaceFirst("[}]? [^ ]+$", ","))
                .toList();
        List<String> expressions = expressions(file);

        assertThat(expressions).hasSizeGreaterThan(8);
        for (String expression : expressions) {
            List<MatchResult> selectors = SELECTOR.matcher(expression).results().toList();
            assertThat(selectors).as(expression).isNotEmpty();
            assertThat(selectors)
                    .as(expression)
                    .allSatisfy(selector -> assertThat(series).anySatisfy(each -> assertSelected(selector, each)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"keystore-dashboard.json", "keystore-alerts.yml"})
    @DisplayName("R100 each expression of the dashboard and the alert rules has the grammar and the types of PromQL")
    void expressions_areWellFormed(String file) throws Exception {
        assertThat(expressions(file)).isNotEmpty().allSatisfy(PromQl::check);
        assertThat(values(file, "for"))
                .hasSize(file.endsWith(".yml") ? expressions(file).size() : 0);
        assertThat(values(file, "for")).allSatisfy(PromQl::checkDuration);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rate(x_total[5m]) >> 0",
                "rate(x_total[5m] > 0",
                "rate(x_total[5m])) > 0",
                "sum by result (x_total)",
                "sum by () (x_total)",
                "rate(x_total) > 0",
                "x_total[5m] > 0",
                "x_total[5 m]",
                "x_total[5m",
                "x_total[5q]",
                "increase(x_bytes[5m])",
                "rates(x_total[5m])",
                "x_total / ",
                "/ x_total",
                "x_total x_total",
                "x_total > 0 or",
                "x_total or 1",
                "x_total unless x_total offset",
                "x_total{result=written}",
                "x_total{result\"written\"}",
                "x_total{result=\"written}",
                "1 > 0",
                "1 + 1",
                "",
            })
    @DisplayName("what checks the expressions refuses wrong ones")
    void expression_wrong_isRefused(String wrong) {
        assertThatThrownBy(() -> PromQl.check(wrong)).isInstanceOf(IllegalArgumentException.class);
    }

    private static List<String> expressions(String file) throws IOException {
        return values(file, "expr");
    }

    private static List<String> values(String file, String key) throws IOException {
        Object parsed = new Yaml().load(Files.readString(DOCS.resolve("metrics").resolve(file))); // JSON is YAML, too
        List<String> values = new ArrayList<>();
        collect(parsed, key, values);
        return values;
    }

    @ParameterizedTest
    @ValueSource(strings = {"keystore-dashboard.json", "keystore-alerts.yml"})
    @DisplayName("R100 one gauge without a number spoils no sum, and no quotient is infinite")
    void expressions_withoutNumbers_areDefined(String file) throws Exception {
        metrics.bindTo(registry);
        List<String> unknown = registry.scrape()
                .lines()
                .filter(line -> line.endsWith(" NaN"))
                .map(line -> line.replaceFirst("[{ ].*", ""))
                .toList();
        assertThat(unknown).contains("keystore_cache_size_bytes", "keystore_prekeys");

        for (String expression : expressions(file)) {
            SELECTOR.matcher(expression)
                    .results()
                    .filter(selector -> unknown.contains(selector.group(1)))
                    .forEach(selector -> assertThat(expression)
                            .satisfiesAnyOf(
                                    text -> assertThat(text).startsWith("min by"), // ignores what is not a number
                                    text -> assertThat(text.substring(selector.end()))
                                            .matches(" (>=|<) .*")));
            Matcher quotient = Pattern.compile("\\((keystore_[a-z_]+)_(?:sum|total)\\b.* / (.*)")
                    .matcher(expression);
            assertThat(quotient.find()).as(expression).isEqualTo(expression.contains(" / "));
            assertThat(quotient.reset().results())
                    .as(expression)
                    .allMatch(parts -> parts.group(2).contains(parts.group(1)));
        }
    }

    /** Collects the values of a key, at any depth. */
    private static void collect(Object parsed, String wanted, List<String> values) {
        if (parsed instanceof Map<?, ?> map) {
            map.forEach((key, value) -> {
                if (key.equals(wanted)) {
                    values.add((String) value);
                } else {
                    collect(value, wanted, values);
                }
            });
        } else if (parsed instanceof List<?> list) {
            list.forEach(each -> collect(each, wanted, values));
        }
    }

    /** Each alternative of each label, except the job that the server adds, must be a tag of a series. */
    private void assertSelected(MatchResult selector, String series) {
        assertThat(series).matches(Pattern.quote(selector.group(1)) + "[{,].*");
        if (selector.group(2) == null) {
            return;
        }
        for (MatchResult label : LABEL.matcher(selector.group(2)).results().toList()) {
            if (!label.group(1).equals("job")) {
                assertThat(List.of(label.group(2).split("[|]", -1)))
                        .allSatisfy(value -> assertThat(registry.scrape())
                                .containsPattern(Pattern.quote(selector.group(1)) + "[{][^}]*\\b" + label.group(1)
                                        + "=\"" + Pattern.quote(value) + "\""));
            }
        }
    }

    @Test
    @DisplayName("R100 the page lists each meter, and no other")
    void page_listsEachMeter() throws Exception {
        metrics.bindTo(registry);
        Set<String> registered = registry.getMeters().stream()
                .map(meter -> meter.getId().getName())
                .collect(Collectors.toSet());
        String page = Files.readString(DOCS.resolve("metrics.md"));
        Set<String> listed = page.lines()
                .filter(line -> line.startsWith("| `"))
                .map(line -> line.split("\\|", -1)[1])
                .flatMap(cell -> Pattern.compile("`([a-z]+\\.[a-z.]+)`")
                        .matcher(cell)
                        .results()
                        .map(match -> match.group(1)))
                .collect(Collectors.toSet());

        assertThat(listed).containsExactlyInAnyOrderElementsOf(registered);
        for (Enum<?> result : results().toList()) {
            assertThat(page).contains("`" + result.name().toLowerCase(Locale.ROOT) + "`");
        }
    }

    private static Stream<Enum<?>> results() {
        return Stream.<Enum<?>[]>of(CommitResult.values(), GroupResult.values(), WaitResult.values())
                .flatMap(Arrays::stream);
    }
}
