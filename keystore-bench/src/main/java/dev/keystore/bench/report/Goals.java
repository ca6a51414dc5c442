package dev.keystore.bench.report;

import static dev.keystore.bench.BenchPlan.ENTRIES;
import static dev.keystore.bench.BenchPlan.MANY_ENTRIES;
import static dev.keystore.bench.commit.CommitPeers.BY_HAND;
import static dev.keystore.bench.commit.CommitPeers.JDBC_POSTGRES;
import static dev.keystore.bench.commit.CommitPeers.JDBC_SQLITE;
import static dev.keystore.bench.commit.CommitPeers.KEYSTORE_MAPDB;
import static dev.keystore.bench.commit.CommitPeers.KEYSTORE_POSTGRES;
import static dev.keystore.bench.commit.CommitPeers.KEYSTORE_SQLITE;
import static dev.keystore.bench.commit.CommitPeers.MAPDB;
import static dev.keystore.bench.read.ReadPeers.CAFFEINE;
import static dev.keystore.bench.read.ReadPeers.CAFFEINE_COPY;
import static dev.keystore.bench.read.ReadPeers.KEYSTORE;
import static dev.keystore.bench.read.ReadPeers.KEYSTORE_IMMUTABLE;

import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import dev.keystore.bench.Workload;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import dev.keystore.bench.read.ReadPeers;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** The performance goals, and the table that compares them with the measured figures. */
public final class Goals {

    /** The commits per second of the Elixir module with 1,000 stored entries, as a multiple of the fsync rate. */
    private static final double ELIXIR = 0.03;

    private static final List<Goal> ALL = List.of(
            goal("P1", "read, one id, room: Caffeine by weight with copies")
                    .atLeast(1.0, ratio(one(KEYSTORE, Room.PLENTY), one(CAFFEINE_COPY, Room.PLENTY))),
            goal("P1", "the same, cache at its limit")
                    .atLeast(1.5, ratio(one(KEYSTORE, Room.LIMIT), one(CAFFEINE_COPY, Room.LIMIT))),
            goal("P2", "read, one id, immutable value: bare Caffeine")
                    .atLeast(0.9, ratio(one(KEYSTORE_IMMUTABLE, Room.PLENTY), one(CAFFEINE, Room.PLENTY))),
            goal("P3", "read, five ids: Caffeine's getAllPresent with copies")
                    .atLeast(1.2, ratio(five(KEYSTORE), five(CAFFEINE_COPY))),
            goal("P4", "commit, 1 thread, SQLite: raw JDBC")
                    .atLeast(0.9, ratio(commit(KEYSTORE_SQLITE, 1), commit(JDBC_SQLITE, 1))),
            goal("P4", "fsyncs of a commit").atMost(1, fsyncs(commit(KEYSTORE_SQLITE, 1))),
            goal("P4", "CPU of a commit on top of raw JDBC's, µs")
                    .atMost(25, cpuOnTop(commit(KEYSTORE_SQLITE, 1), commit(JDBC_SQLITE, 1))),
            goal("P5", "commit, 16 threads, SQLite: the fsync rate").atLeast(4, relative(commit(KEYSTORE_SQLITE, 16))),
            goal("P5", "the same, 64 threads").atLeast(6, relative(commit(KEYSTORE_SQLITE, 64))),
            goal("P5", "commit, 16 threads, SQLite: Caffeine + JDBI by hand")
                    .atLeast(4.5, ratio(commit(KEYSTORE_SQLITE, 16), commit(BY_HAND, 16))),
            goal("P5", "fsyncs of a commit, 16 threads").atMost(0.1, fsyncs(commit(KEYSTORE_SQLITE, 16))),
            goal("P6", "commit, 16 threads, MapDB: the fsync rate").atLeast(6, relative(commit(KEYSTORE_MAPDB, 16))),
            goal("P6", "commit, 16 threads, MapDB: its own transactions")
                    .atLeast(25, ratio(commit(KEYSTORE_MAPDB, 16), commit(MAPDB, 16))),
            goal("P7", "commit, 16 threads, PostgreSQL: raw JDBC, 16 connections")
                    .atLeast(1.0, ratio(commit(KEYSTORE_POSTGRES, 16), commit(JDBC_POSTGRES, 16))),
            goal("P7", "fsyncs of a commit, 16 threads").atMost(0.1, fsyncs(commit(KEYSTORE_POSTGRES, 16))),
            goal("P8", "commit, 1 thread, SQLite, 1,000,000 entries stored: 10,000")
                    .atLeast(0.9, growth(KEYSTORE_SQLITE, 1)),
            goal("P8", "the same, 16 threads").atLeast(0.8, growth(KEYSTORE_SQLITE, 16)),
            goal("P8", "commit, 1 thread, MapDB, 1,000,000 entries stored: 10,000")
                    .atLeast(0.9, growth(KEYSTORE_MAPDB, 1)),
            goal("P8", "the same, 16 threads").atLeast(0.8, growth(KEYSTORE_MAPDB, 16)),
            goal("P8", "commit, 1 thread, PostgreSQL, 1,000,000 entries stored: 10,000")
                    .atLeast(0.9, growth(KEYSTORE_POSTGRES, 1)),
            goal("P8", "the same, 16 threads").atLeast(0.8, growth(KEYSTORE_POSTGRES, 16)),
            goal("P9", "commit, 16 threads, SQLite: the Elixir module, measured before")
                    .atLeast(100, figure(commit(KEYSTORE_SQLITE, 16), one -> one.relative() / ELIXIR)),
            goal("P10", "message by CPU time, backend in memory: libsignal's store in memory")
                    .atLeast(
                            0.9,
                            ratio(
                                    Variant.message(Workload.MESSAGE, Keys.KEYSTORE),
                                    Variant.message(Workload.MESSAGE, Keys.IN_MEMORY))),
            goal("P10", "the same by wall-clock time, durable on SQLite, 1 thread")
                    .withoutBound(ratio(
                            Variant.message(Workload.MESSAGE_BY_CLOCK, Keys.KEYSTORE_SQLITE),
                            Variant.message(Workload.MESSAGE_BY_CLOCK, Keys.IN_MEMORY))),
            goal("P11", "heap of a cached entry over its value, bytes")
                    .atMost(200, figure(Variant.heap(Workload.HEAP_ENTRY), Measurement::score)),
            goal("P12", "heap of an idle context, bytes")
                    .atMost(1_024, figure(Variant.heap(Workload.HEAP_CONTEXT), Measurement::score)),
            goal("P13", "p99 of a cached read during commits of 100 ms: without them")
                    .atMost(1.1, ratio(Variant.duringCommits(true), Variant.duringCommits(false))));

    /** A figure, and the variants that it is computed from. */
    private record Figure(List<Variant> variants, Function<Results, Optional<Spread>> of) {}

    private record GoalTitle(String number, String what) {

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
            return "| %s | %s | %s | %s | %s |"
                    .formatted(
                            title.number,
                            title.what,
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
        Set<Variant> variants = new LinkedHashSet<>();
        ALL.forEach(goal -> variants.addAll(goal.figure.variants));
        return variants;
    }

    /** Returns the goals and their figures, as a Markdown table. */
    static String table(Results results) {
        StringBuilder table = new StringBuilder("""
                | | Keystore against | goal | median (least–most of the rounds) | met |
                |---|---|---|---|---|
                """);
        ALL.forEach(goal -> table.append(goal.row(results)).append('\n'));
        return table.toString();
    }

    private static GoalTitle goal(String number, String what) {
        return new GoalTitle(number, what);
    }

    private static Variant one(ReadPeers peer, Room room) {
        return Variant.read(Workload.READ_ONE, peer, room, Distribution.ZIPF, 1);
    }

    private static Variant five(ReadPeers peer) {
        return Variant.read(Workload.READ_FIVE, peer, Room.PLENTY, Distribution.ZIPF, 1);
    }

    private static Variant commit(CommitPeers peer, int threads) {
        return Variant.commit(peer, threads, ENTRIES);
    }

    private static Figure growth(CommitPeers peer, int threads) {
        return ratio(Variant.commit(peer, threads, MANY_ENTRIES), commit(peer, threads));
    }

    private static Figure ratio(Variant one, Variant other) {
        return new Figure(List.of(one, other), results -> results.ratio(one, other));
    }

    private static Figure relative(Variant variant) {
        return figure(variant, Measurement::relative);
    }

    private static Figure fsyncs(Variant variant) {
        return figure(variant, Measurement::fsyncsPerCommit);
    }

    private static Figure cpuOnTop(Variant one, Variant other) {
        return new Figure(
                List.of(one, other),
                results -> results.compare(one, other, Measurement::cpuMicrosPerOperation, (a, b) -> a - b));
    }

    private static Figure figure(Variant variant, ToDoubleFunction<Measurement> figure) {
        return new Figure(List.of(variant), results -> results.spread(variant, figure));
    }
}
