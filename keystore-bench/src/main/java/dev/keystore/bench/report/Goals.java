package dev.keystore.bench.report;

import static dev.keystore.bench.Plan.ENTRIES;
import static dev.keystore.bench.Plan.MANY_ENTRIES;

import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import dev.keystore.bench.Work;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import dev.keystore.bench.read.Hot.Frequency;
import dev.keystore.bench.read.Hot.Room;
import dev.keystore.bench.read.ReadPeers;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** How far we want to be, and how far we are. */
final class Goals {

    /** The commits a second of the Elixir module at 1,000 stored entries, as a multiple of the fsync rate. */
    private static final double ELIXIR = 0.03;

    private static final List<Goal> ALL = List.of(
            atLeast(
                    1.0,
                    "P1",
                    "read, one id, room: Caffeine by weight with copies",
                    results -> results.ratio(
                            read(Work.READ_ONE, ReadPeers.KEYSTORE, Room.PLENTY),
                            read(Work.READ_ONE, ReadPeers.CAFFEINE_COPY, Room.PLENTY))),
            atLeast(
                    1.5,
                    "P1",
                    "the same, cache at its limit",
                    results -> results.ratio(
                            read(Work.READ_ONE, ReadPeers.KEYSTORE, Room.LIMIT),
                            read(Work.READ_ONE, ReadPeers.CAFFEINE_COPY, Room.LIMIT))),
            atLeast(
                    0.9,
                    "P2",
                    "read, one id, immutable value: bare Caffeine",
                    results -> results.ratio(
                            read(Work.READ_ONE, ReadPeers.KEYSTORE_IMMUTABLE, Room.PLENTY),
                            read(Work.READ_ONE, ReadPeers.CAFFEINE, Room.PLENTY))),
            atLeast(
                    1.2,
                    "P3",
                    "read, five ids: Caffeine's getAllPresent with copies",
                    results -> results.ratio(
                            read(Work.READ_FIVE, ReadPeers.KEYSTORE, Room.PLENTY),
                            read(Work.READ_FIVE, ReadPeers.CAFFEINE_COPY, Room.PLENTY))),
            atLeast(
                    0.9,
                    "P4",
                    "commit, 1 thread, SQLite: raw JDBC",
                    results ->
                            results.ratio(commit(CommitPeers.KEYSTORE_SQLITE, 1), commit(CommitPeers.JDBC_SQLITE, 1))),
            atMost(
                    1,
                    "P4",
                    "fsyncs of a commit",
                    results -> results.spread(commit(CommitPeers.KEYSTORE_SQLITE, 1), Measurement::fsyncsPerCommit)),
            atMost(
                    25,
                    "P4",
                    "CPU of a commit on top of raw JDBC's, µs",
                    results -> results.compare(
                            commit(CommitPeers.KEYSTORE_SQLITE, 1),
                            commit(CommitPeers.JDBC_SQLITE, 1),
                            Measurement::cpuMicrosPerOperation,
                            (keystore, jdbc) -> keystore - jdbc)),
            atLeast(
                    4,
                    "P5",
                    "commit, 16 threads, SQLite: the fsync rate",
                    results -> results.spread(commit(CommitPeers.KEYSTORE_SQLITE, 16), Measurement::relative)),
            atLeast(
                    6,
                    "P5",
                    "the same, 64 threads",
                    results -> results.spread(commit(CommitPeers.KEYSTORE_SQLITE, 64), Measurement::relative)),
            atLeast(
                    4.5,
                    "P5",
                    "commit, 16 threads, SQLite: Caffeine + JDBI by hand",
                    results -> results.ratio(commit(CommitPeers.KEYSTORE_SQLITE, 16), commit(CommitPeers.BY_HAND, 16))),
            atMost(
                    0.1,
                    "P5",
                    "fsyncs of a commit, 16 threads",
                    results -> results.spread(commit(CommitPeers.KEYSTORE_SQLITE, 16), Measurement::fsyncsPerCommit)),
            atLeast(
                    6,
                    "P6",
                    "commit, 16 threads, MapDB: the fsync rate",
                    results -> results.spread(commit(CommitPeers.KEYSTORE_MAPDB, 16), Measurement::relative)),
            atLeast(
                    25,
                    "P6",
                    "commit, 16 threads, MapDB: its own transactions",
                    results -> results.ratio(commit(CommitPeers.KEYSTORE_MAPDB, 16), commit(CommitPeers.MAPDB, 16))),
            atLeast(
                    0.9,
                    "P8",
                    "commit, 1 thread, SQLite, 1,000,000 entries stored: 10,000",
                    results -> results.ratio(
                            Variant.commit(CommitPeers.KEYSTORE_SQLITE, 1, MANY_ENTRIES),
                            commit(CommitPeers.KEYSTORE_SQLITE, 1))),
            atLeast(
                    0.8,
                    "P8",
                    "the same, 16 threads",
                    results -> results.ratio(
                            Variant.commit(CommitPeers.KEYSTORE_SQLITE, 16, MANY_ENTRIES),
                            commit(CommitPeers.KEYSTORE_SQLITE, 16))),
            atLeast(
                    0.9,
                    "P8",
                    "commit, 1 thread, MapDB, 1,000,000 entries stored: 10,000",
                    results -> results.ratio(
                            Variant.commit(CommitPeers.KEYSTORE_MAPDB, 1, MANY_ENTRIES),
                            commit(CommitPeers.KEYSTORE_MAPDB, 1))),
            atLeast(
                    0.8,
                    "P8",
                    "the same, 16 threads",
                    results -> results.ratio(
                            Variant.commit(CommitPeers.KEYSTORE_MAPDB, 16, MANY_ENTRIES),
                            commit(CommitPeers.KEYSTORE_MAPDB, 16))),
            atLeast(
                    100,
                    "P9",
                    "commit, 16 threads, SQLite: the Elixir module, measured before",
                    results -> results.spread(commit(CommitPeers.KEYSTORE_SQLITE, 16), one -> one.relative() / ELIXIR)),
            atLeast(
                    0.9,
                    "P10",
                    "message: libsignal's store in memory",
                    results -> results.ratio(Variant.message(Keys.KEYSTORE), Variant.message(Keys.IN_MEMORY))),
            atMost(
                    200,
                    "P11",
                    "heap of a cached entry over its value, bytes",
                    results -> results.spread(Variant.heap(Work.HEAP_ENTRY), Measurement::score)),
            atMost(
                    1_024,
                    "P12",
                    "heap of an idle context, bytes",
                    results -> results.spread(Variant.heap(Work.HEAP_CONTEXT), Measurement::score)),
            atMost(
                    1.1,
                    "P13",
                    "p99 of a cached read beside commits of 100 ms: without them",
                    results -> results.ratio(Variant.besideCommits(true), Variant.besideCommits(false))));

    private record Goal(
            double bound, boolean atLeast, String number, String what, Function<Results, Optional<Spread>> figure) {

        private String row(Results results) {
            Optional<Spread> found = figure.apply(results);
            String met = found.map(spread -> isMet(spread) ? "yes" : "**no**").orElse("");
            return "| %s | %s | %s %s | %s | %s |"
                    .formatted(
                            number,
                            what,
                            atLeast ? "≥" : "≤",
                            Spread.figure(bound),
                            found.map(Spread::toString).orElse("not measured"),
                            met);
        }

        private boolean isMet(Spread spread) {
            return atLeast ? spread.median() >= bound : spread.median() <= bound;
        }
    }

    private Goals() {}

    /** Returns the table of the goals, as Markdown. */
    static String table(Results results) {
        StringBuilder table = new StringBuilder("""
                | | Keystore against | goal | median (least–most of the rounds) | met |
                |---|---|---|---|---|
                """);
        ALL.forEach(goal -> table.append(goal.row(results)).append('\n'));
        return table.toString();
    }

    private static Variant read(Work work, ReadPeers peer, Room room) {
        return Variant.read(work, peer, room, Frequency.ZIPF, 1);
    }

    private static Variant commit(CommitPeers peer, int threads) {
        return Variant.commit(peer, threads, ENTRIES);
    }

    private static Goal atLeast(double bound, String number, String what, Function<Results, Optional<Spread>> figure) {
        return new Goal(bound, true, number, what, figure);
    }

    private static Goal atMost(double bound, String number, String what, Function<Results, Optional<Spread>> figure) {
        return new Goal(bound, false, number, what, figure);
    }
}
