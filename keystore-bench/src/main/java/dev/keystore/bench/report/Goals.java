package dev.keystore.bench.report;

import static dev.keystore.bench.BenchPlan.COLD_ENTRIES;
import static dev.keystore.bench.BenchPlan.ENTRIES;
import static dev.keystore.bench.BenchPlan.MANY_ENTRIES;
import static dev.keystore.bench.commit.CommitPeers.APPEND_GROUPS;
import static dev.keystore.bench.commit.CommitPeers.BY_HAND;
import static dev.keystore.bench.commit.CommitPeers.JDBC_POSTGRES;
import static dev.keystore.bench.commit.CommitPeers.JDBC_POSTGRES_ONE_TUNED;
import static dev.keystore.bench.commit.CommitPeers.JDBC_POSTGRES_TUNED;
import static dev.keystore.bench.commit.CommitPeers.JDBC_SQLITE;
import static dev.keystore.bench.commit.CommitPeers.JDBC_SQLITE_FENCED;
import static dev.keystore.bench.commit.CommitPeers.JDBC_SQLITE_GROUPS;
import static dev.keystore.bench.commit.CommitPeers.JDBC_SQLITE_GROUPS_FENCED;
import static dev.keystore.bench.commit.CommitPeers.JDBC_SQLITE_GROUPS_TUNED;
import static dev.keystore.bench.commit.CommitPeers.JDBC_SQLITE_MINIMAL;
import static dev.keystore.bench.commit.CommitPeers.JDBC_SQLITE_MINIMAL_FENCED;
import static dev.keystore.bench.commit.CommitPeers.JDBC_SQLITE_TUNED;
import static dev.keystore.bench.commit.CommitPeers.KEYSTORE_MAPDB;
import static dev.keystore.bench.commit.CommitPeers.KEYSTORE_POSTGRES;
import static dev.keystore.bench.commit.CommitPeers.KEYSTORE_SQLITE;
import static dev.keystore.bench.commit.CommitPeers.KEYSTORE_SQLITE_ENCRYPTED;
import static dev.keystore.bench.commit.CommitPeers.KEYSTORE_SQLITE_METERED;
import static dev.keystore.bench.commit.CommitPeers.ROCKSDB;
import static dev.keystore.bench.read.ReadPeers.CAFFEINE;
import static dev.keystore.bench.read.ReadPeers.CAFFEINE_COPY;
import static dev.keystore.bench.read.ReadPeers.KEYSTORE;
import static dev.keystore.bench.read.ReadPeers.KEYSTORE_ENCRYPTED;
import static dev.keystore.bench.read.ReadPeers.KEYSTORE_IMMUTABLE;
import static dev.keystore.bench.read.ReadPeers.KEYSTORE_METERED;
import static dev.keystore.bench.read.ReadPeers.MAP_COPY;

import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import dev.keystore.bench.Workload;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import dev.keystore.bench.read.ReadPeers;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/** The performance goals, and the table that compares them with the measured figures. */
public final class Goals {

    private static final String NO_RATIO = "–";
    private static final String SIGNAL_STORE = Keys.IN_MEMORY.title();
    private static final String SIGNAL_STORES = SIGNAL_STORE + ", 16 threads";
    private static final String AND_FSYNCS = ", plus one fsync for each commit";
    private static final String RAW_SQLITE_READ = "a prepared statement, one id, raw JDBC on SQLite";
    private static final String RAW_POSTGRES_READ = "a prepared statement, one id, raw JDBC on PostgreSQL";

    private static final String NO_LISTENER = "the same without a listener";

    /** Each encryption and each decryption is one. */
    private static final int COMMITS_PER_MESSAGE = 2;

    private static final List<Goal> ALL = List.of(
            goal("P1", "reads of one id, room for all", CAFFEINE_COPY.title())
                    .atLeast(1.2, ratio(hot(KEYSTORE, 1), hot(CAFFEINE_COPY, 1))),
            goal("P1", "reads of one id, cache at its limit", CAFFEINE_COPY.title())
                    .atLeast(2.0, ratio(atLimit(KEYSTORE), atLimit(CAFFEINE_COPY))),
            goal("P2", "reads of one id, immutable value", CAFFEINE.title())
                    .atLeast(1.0, ratio(hot(KEYSTORE_IMMUTABLE, 1), hot(CAFFEINE, 1))),
            goal("P3", "reads of five ids", CAFFEINE_COPY.title() + ", `getAllPresent`")
                    .atLeast(1.5, ratio(five(KEYSTORE), five(CAFFEINE_COPY))),
            goal("P3", "the same, but from a `ConcurrentHashMap` without a bound, copies", CAFFEINE_COPY.title())
                    .withoutBound(ratio(five(MAP_COPY), five(CAFFEINE_COPY))),
            goal("P4", "commits, SQLite, 1 thread", JDBC_SQLITE_TUNED.title())
                    .atLeast(1.0, ratio(commit(KEYSTORE_SQLITE, 1), commit(JDBC_SQLITE_TUNED, 1))),
            goal("P4", "commits, SQLite, 1 thread", JDBC_SQLITE.title())
                    .withoutBound(ratio(commit(KEYSTORE_SQLITE, 1), commit(JDBC_SQLITE, 1))),
            goal("P4", "commits, SQLite, 1 thread", JDBC_SQLITE_FENCED.title())
                    .withoutBound(ratio(commit(KEYSTORE_SQLITE, 1), commit(JDBC_SQLITE_FENCED, 1))),
            goal("P4", "fsyncs of a commit, SQLite, 1 thread", NO_RATIO).atMost(1, fsyncs(commit(KEYSTORE_SQLITE, 1))),
            goal("P4", "CPU of a commit, SQLite, 1 thread, minus that of the peer, µs", JDBC_SQLITE_TUNED.title())
                    .atMost(10, cpuOnTop(commit(KEYSTORE_SQLITE, 1), commit(JDBC_SQLITE_TUNED, 1))),
            goal("P4", "CPU of a commit, SQLite, 1 thread, minus that of the peer, µs", JDBC_SQLITE_FENCED.title())
                    .withoutBound(cpuOnTop(commit(KEYSTORE_SQLITE, 1), commit(JDBC_SQLITE_FENCED, 1))),
            goal("P5", "commits, SQLite, 16 threads", JDBC_SQLITE_GROUPS_TUNED.title())
                    .atLeast(1.5, ratio(commit(KEYSTORE_SQLITE, 16), commit(JDBC_SQLITE_GROUPS_TUNED, 16))),
            goal("P5", "commits, SQLite, 16 threads", JDBC_SQLITE_GROUPS.title())
                    .withoutBound(ratio(commit(KEYSTORE_SQLITE, 16), commit(JDBC_SQLITE_GROUPS, 16))),
            goal("P5", "commits, SQLite, 16 threads", JDBC_SQLITE_GROUPS_FENCED.title())
                    .withoutBound(ratio(commit(KEYSTORE_SQLITE, 16), commit(JDBC_SQLITE_GROUPS_FENCED, 16))),
            goal("P5", "commits, SQLite, 16 threads", JDBC_SQLITE_MINIMAL.title())
                    .withoutBound(ratio(commit(KEYSTORE_SQLITE, 16), commit(JDBC_SQLITE_MINIMAL, 16))),
            goal("P5", "commits, SQLite, 16 threads", JDBC_SQLITE_MINIMAL_FENCED.title())
                    .withoutBound(ratio(commit(KEYSTORE_SQLITE, 16), commit(JDBC_SQLITE_MINIMAL_FENCED, 16))),
            goal("P5", "commits, SQLite, 16 threads", ROCKSDB.title())
                    .atLeast(1.5, ratio(commit(KEYSTORE_SQLITE, 16), commit(ROCKSDB, 16))),
            goal("P5", "commits, SQLite, 16 threads", BY_HAND.title())
                    .atLeast(6.0, ratio(commit(KEYSTORE_SQLITE, 16), commit(BY_HAND, 16))),
            goal("P5b", "commits, SQLite, 64 threads", "the same, 16 threads")
                    .atLeast(1.5, ratio(commit(KEYSTORE_SQLITE, 64), commit(KEYSTORE_SQLITE, 16))),
            goal("P5b", "commits, " + JDBC_SQLITE_MINIMAL_FENCED.title() + ", 64 threads", "the same, 16 threads")
                    .withoutBound(
                            ratio(commit(JDBC_SQLITE_MINIMAL_FENCED, 64), commit(JDBC_SQLITE_MINIMAL_FENCED, 16))),
            goal("P6", "commits, MapDB, 16 threads", APPEND_GROUPS.title())
                    .atLeast(1.0, ratio(commit(KEYSTORE_MAPDB, 16), commit(APPEND_GROUPS, 16))),
            goal("P6", "commits, MapDB, 16 threads", ROCKSDB.title())
                    .atLeast(1.5, ratio(commit(KEYSTORE_MAPDB, 16), commit(ROCKSDB, 16))),
            goal("P7", "commits, PostgreSQL, 1 thread", JDBC_POSTGRES_ONE_TUNED.title())
                    .atLeast(1.0, ratio(commit(KEYSTORE_POSTGRES, 1), commit(JDBC_POSTGRES_ONE_TUNED, 1))),
            goal("P7", "commits, PostgreSQL, 1 thread", JDBC_POSTGRES.title() + ", one in use")
                    .withoutBound(ratio(commit(KEYSTORE_POSTGRES, 1), commit(JDBC_POSTGRES, 1))),
            goal("P7", "commits, PostgreSQL, 16 threads", JDBC_POSTGRES_TUNED.title())
                    .atLeast(2.5, ratio(commit(KEYSTORE_POSTGRES, 16), commit(JDBC_POSTGRES_TUNED, 16))),
            goal("P7", "commits, PostgreSQL, 16 threads", JDBC_POSTGRES.title())
                    .withoutBound(ratio(commit(KEYSTORE_POSTGRES, 16), commit(JDBC_POSTGRES, 16))),
            goal("P8", "commits, 1,000,000 entries, 16 threads, SQLite or MapDB, the faster", ROCKSDB.title())
                    .atLeast(
                            1.5,
                            greater(
                                    ratio(many(KEYSTORE_SQLITE), many(ROCKSDB)),
                                    ratio(many(KEYSTORE_MAPDB), many(ROCKSDB)))),
            goal("P8", "commits, 1,000,000 entries, 16 threads, SQLite", JDBC_SQLITE_GROUPS_TUNED.title())
                    .atLeast(1.5, ratio(many(KEYSTORE_SQLITE), many(JDBC_SQLITE_GROUPS_TUNED))),
            goal("P10", "messages by CPU time, backend in memory, 1 thread", SIGNAL_STORE)
                    .atLeast(
                            1.0,
                            ratio(
                                    message(Workload.MESSAGE, Keys.KEYSTORE, 1),
                                    message(Workload.MESSAGE, Keys.IN_MEMORY, 1))),
            goal("P11", "heap of a cached entry over its value, bytes", NO_RATIO)
                    .atMost(128, figure(Variant.heap(Workload.HEAP_ENTRY), Measurement::score)),
            goal("P12", "heap of an idle context, bytes", NO_RATIO)
                    .atMost(200, figure(Variant.heap(Workload.HEAP_CONTEXT), Measurement::score)),
            goal(
                            "P13",
                            "p99 of a cached read during commits of 100 ms, at least seven rounds",
                            "the same without commits")
                    .atMost(1.05, ratio(Variant.duringCommits(true), Variant.duringCommits(false))),
            goal("P14", "time of a message, durable on SQLite, 1 thread", SIGNAL_STORE + AND_FSYNCS)
                    .atMost(
                            1.1,
                            timeOverMemoryAndFsyncs(
                                    message(Workload.MESSAGE_BY_CLOCK, Keys.KEYSTORE_SQLITE, 1),
                                    message(Workload.MESSAGE_BY_CLOCK, Keys.IN_MEMORY, 1))),
            goal("P14", "the same, but sessions are only written to SQLite by raw JDBC", SIGNAL_STORE + AND_FSYNCS)
                    .withoutBound(timeOverMemoryAndFsyncs(
                            message(Workload.MESSAGE_BY_CLOCK, Keys.JDBC_SQLITE_GROUPS_TUNED, 1),
                            message(Workload.MESSAGE_BY_CLOCK, Keys.IN_MEMORY, 1))),
            goal("P14", "the same, but sessions are only appended to a file", SIGNAL_STORE + AND_FSYNCS)
                    .withoutBound(timeOverMemoryAndFsyncs(
                            message(Workload.MESSAGE_BY_CLOCK, Keys.APPEND_GROUPS, 1),
                            message(Workload.MESSAGE_BY_CLOCK, Keys.IN_MEMORY, 1))),
            goal("P15", "messages by the clock, durable on SQLite, 16 threads", SIGNAL_STORES)
                    .atLeast(
                            0.75,
                            ratio(
                                    message(Workload.MESSAGE_BY_CLOCK, Keys.KEYSTORE_SQLITE, 16),
                                    message(Workload.MESSAGE_BY_CLOCK, Keys.IN_MEMORY, 16))),
            goal("P15", "the same, but sessions are only written to SQLite by raw JDBC, in groups", SIGNAL_STORES)
                    .withoutBound(ratio(
                            message(Workload.MESSAGE_BY_CLOCK, Keys.JDBC_SQLITE_GROUPS_TUNED, 16),
                            message(Workload.MESSAGE_BY_CLOCK, Keys.IN_MEMORY, 16))),
            goal("P15", "the same, but sessions are only appended to a file, in groups", SIGNAL_STORES)
                    .withoutBound(ratio(
                            message(Workload.MESSAGE_BY_CLOCK, Keys.APPEND_GROUPS, 16),
                            message(Workload.MESSAGE_BY_CLOCK, Keys.IN_MEMORY, 16))),
            goal("P18", "commits, SQLite, encrypted, 16 threads", KEYSTORE_SQLITE.title())
                    .atLeast(0.95, ratio(commit(KEYSTORE_SQLITE_ENCRYPTED, 16), commit(KEYSTORE_SQLITE, 16))),
            goal(
                            "P18",
                            "CPU of a commit, SQLite, encrypted, 1 thread, minus that of the peer, µs",
                            KEYSTORE_SQLITE.title())
                    .atMost(12, cpuOnTop(commit(KEYSTORE_SQLITE_ENCRYPTED, 1), commit(KEYSTORE_SQLITE, 1))),
            goal("P18", "reads of one id, encrypted, 1 thread", KEYSTORE.title())
                    .atLeast(0.98, ratio(hot(KEYSTORE_ENCRYPTED, 1), hot(KEYSTORE, 1))),
            goal("P21", "reads of one id, with Micrometer, 1 thread", NO_LISTENER)
                    .atLeast(0.98, ratio(hot(KEYSTORE_METERED, 1), hot(KEYSTORE, 1))),
            goal("P21", "reads of one id, with Micrometer, 16 threads", NO_LISTENER)
                    .atLeast(0.98, ratio(hot(KEYSTORE_METERED, 16), hot(KEYSTORE, 16))),
            goal("P21", "commits, SQLite, with Micrometer, 1 thread", NO_LISTENER)
                    .atLeast(0.98, ratio(commit(KEYSTORE_SQLITE_METERED, 1), commit(KEYSTORE_SQLITE, 1))),
            goal("P21", "commits, SQLite, with Micrometer, 16 threads", NO_LISTENER)
                    .atLeast(0.98, ratio(commit(KEYSTORE_SQLITE_METERED, 16), commit(KEYSTORE_SQLITE, 16))),
            goal("P23", "cold reads of one id, SQLite", RAW_SQLITE_READ)
                    .atLeast(0.8, ratio(cold(KEYSTORE_SQLITE), cold(JDBC_SQLITE_TUNED))),
            goal("P23", "cold reads of one id, PostgreSQL", RAW_POSTGRES_READ)
                    .atLeast(0.9, ratio(cold(KEYSTORE_POSTGRES), cold(JDBC_POSTGRES_ONE_TUNED))),
            goal("P23", "cold reads of one id, MapDB", RAW_SQLITE_READ)
                    .withoutBound(ratio(cold(KEYSTORE_MAPDB), cold(JDBC_SQLITE_TUNED))),
            goal("P23", "cold reads of 200 ids at once, per id, SQLite", RAW_SQLITE_READ)
                    .atLeast(1.0, ratio(coldSeveral(KEYSTORE_SQLITE), cold(JDBC_SQLITE_TUNED))),
            goal("P23", "cold reads of 200 ids at once, per id, PostgreSQL", RAW_POSTGRES_READ)
                    .atLeast(1.0, ratio(coldSeveral(KEYSTORE_POSTGRES), cold(JDBC_POSTGRES_ONE_TUNED))),
            goal("P23", "cold reads of 200 ids at once, per id, MapDB", RAW_SQLITE_READ)
                    .withoutBound(ratio(coldSeveral(KEYSTORE_MAPDB), cold(JDBC_SQLITE_TUNED))));

    /** A figure, and the variants that it is computed from. */
    private record Figure(List<Variant> variants, Function<Results, Optional<Spread>> of) {}

    private record GoalTitle(String number, String what, String ratioTo) {

        private Goal atLeast(double bound, Figure figure) {
            return new Goal(this, Sense.AT_LEAST, bound, figure);
        }

        private Goal atMost(double bound, Figure figure) {
            return new Goal(this, Sense.AT_MOST, bound, figure);
        }

        private Goal withoutBound(Figure figure) {
            return new Goal(this, Sense.NO_BOUND, 0, figure);
        }
    }

    private enum Sense {
        AT_LEAST,
        AT_MOST,
        /** The figure is only reported. */
        NO_BOUND
    }

    private record Goal(GoalTitle title, Sense sense, double bound, Figure figure) {

        private String row(Results results) {
            Optional<Spread> found = figure.of.apply(results);
            return "| %s | %s | %s | %s | %s | %s |"
                    .formatted(
                            title.number,
                            title.what,
                            title.ratioTo,
                            boundText(),
                            found.map(Spread::toString).orElse("not measured"),
                            found.map(this::met).orElse(""));
        }

        private String boundText() {
            return switch (sense) {
                case AT_LEAST -> "≥ " + Spread.figure(bound);
                case AT_MOST -> "≤ " + Spread.figure(bound);
                case NO_BOUND -> "–";
            };
        }

        private String met(Spread spread) {
            return switch (sense) {
                case AT_LEAST -> yesOrNo(spread.median() >= bound);
                case AT_MOST -> yesOrNo(spread.median() <= bound);
                case NO_BOUND -> "–";
            };
        }

        private static String yesOrNo(boolean met) {
            return met ? "yes" : "**no**";
        }
    }

    private Goals() {}

    /** Returns the variants that the goals need. */
    public static Set<Variant> variants() {
        return variants(goal -> true);
    }

    /** Returns the variants that the goals with a bound need. Figures without a bound are only reported. */
    public static Set<Variant> variantsWithBound() {
        return variants(goal -> goal.sense != Sense.NO_BOUND);
    }

    /** Returns the variants that the goal of a number needs, such as {@code P21}; none if there is no such goal. */
    public static Set<Variant> variants(String number) {
        return variants(goal -> goal.title.number.equals(number));
    }

    private static Set<Variant> variants(Predicate<Goal> wanted) {
        Set<Variant> variants = new LinkedHashSet<>();
        ALL.stream().filter(wanted).forEach(goal -> variants.addAll(goal.figure.variants));
        return variants;
    }

    /** Returns the goals and their figures, as a Markdown table. Figures without a bound are left out if missing. */
    static String table(Results results) {
        StringBuilder table = new StringBuilder("""
                | | Keystore | as a ratio to | goal | median (least–most of the rounds) | met |
                |---|---|---|---|---|---|
                """);
        ALL.stream()
                .filter(goal -> goal.sense != Sense.NO_BOUND
                        || goal.figure.of.apply(results).isPresent())
                .forEach(goal -> table.append(goal.row(results)).append('\n'));
        return table.toString();
    }

    private static GoalTitle goal(String number, String what, String ratioTo) {
        return new GoalTitle(number, what, ratioTo);
    }

    private static Variant hot(ReadPeers peer, int threads) {
        return Variant.read(Workload.READ_ONE, peer, Room.PLENTY, Distribution.ZIPF, threads);
    }

    private static Variant atLimit(ReadPeers peer) {
        return Variant.read(Workload.READ_ONE, peer, Room.LIMIT, Distribution.ZIPF, 1);
    }

    private static Variant five(ReadPeers peer) {
        return Variant.read(Workload.READ_FIVE, peer, Room.PLENTY, Distribution.ZIPF, 1);
    }

    private static Variant commit(CommitPeers peer, int threads) {
        return Variant.commit(peer, threads, ENTRIES);
    }

    private static Variant many(CommitPeers peer) {
        return Variant.commit(peer, 16, MANY_ENTRIES);
    }

    private static Variant cold(CommitPeers peer) {
        return Variant.coldRead(Workload.READ_COLD, peer, COLD_ENTRIES);
    }

    private static Variant coldSeveral(CommitPeers peer) {
        return Variant.coldRead(Workload.READ_COLD_SEVERAL, peer, COLD_ENTRIES);
    }

    private static Variant message(Workload workload, Keys keys, int threads) {
        return Variant.message(workload, keys, threads);
    }

    private static Figure ratio(Variant one, Variant other) {
        return new Figure(List.of(one, other), results -> results.ratio(one, other));
    }

    /** Returns the figure with the greater median. */
    private static Figure greater(Figure one, Figure other) {
        return new Figure(
                Stream.concat(one.variants.stream(), other.variants.stream()).toList(),
                results -> Stream.of(one, other)
                        .flatMap(figure -> figure.of.apply(results).stream())
                        .max(Comparator.comparingDouble(Spread::median)));
    }

    private static Figure timeOverMemoryAndFsyncs(Variant durable, Variant memory) {
        return new Figure(
                List.of(durable, memory),
                results -> results.compare(
                        durable,
                        memory,
                        (a, b) -> 1 / a.score() / (1 / b.score() + COMMITS_PER_MESSAGE / a.fsyncRate())));
    }

    private static Figure fsyncs(Variant variant) {
        return figure(variant, Measurement::fsyncsPerCommit);
    }

    private static Figure cpuOnTop(Variant one, Variant other) {
        return new Figure(
                List.of(one, other),
                results ->
                        results.compare(one, other, (a, b) -> a.cpuMicrosPerOperation() - b.cpuMicrosPerOperation()));
    }

    private static Figure figure(Variant variant, ToDoubleFunction<Measurement> figure) {
        return new Figure(List.of(variant), results -> results.spread(variant, figure));
    }
}
