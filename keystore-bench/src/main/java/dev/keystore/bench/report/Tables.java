package dev.keystore.bench.report;

import dev.keystore.bench.BenchPlan;
import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import dev.keystore.bench.Workload;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import dev.keystore.bench.read.ReadPeers;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * The tables of a run, as Markdown. A row or column without figures is left out; other missing figures are empty cells.
 */
final class Tables {

    private static final double MICROS_PER_SECOND = 1_000_000;

    /** What Keystore's commits are compared with while fsyncs are delayed. */
    static final List<Ratio> DELAYED_RATIOS = List.of(
            new Ratio(
                    "on SQLite, to raw JDBC in groups, tuned",
                    CommitPeers.KEYSTORE_SQLITE,
                    CommitPeers.JDBC_SQLITE_GROUPS_TUNED),
            new Ratio(
                    "on SQLite, to minimal groups, fenced",
                    CommitPeers.KEYSTORE_SQLITE,
                    CommitPeers.JDBC_SQLITE_MINIMAL_FENCED),
            new Ratio("on SQLite, to RocksDB", CommitPeers.KEYSTORE_SQLITE, CommitPeers.ROCKSDB),
            new Ratio("on MapDB, to appending in groups", CommitPeers.KEYSTORE_MAPDB, CommitPeers.APPEND_GROUPS),
            new Ratio("on MapDB, to RocksDB", CommitPeers.KEYSTORE_MAPDB, CommitPeers.ROCKSDB));

    /** A ratio of two peers. */
    record Ratio(String title, CommitPeers one, CommitPeers other) {}

    private record Column<K>(String title, Function<K, Optional<Spread>> cell) {}

    private final Results results;

    Tables(Results results) {
        this.results = results;
    }

    /** Returns the reads of each peer, as multiples of those of Caffeine with copies. */
    String reads() {
        List<Column<ReadPeers>> columns = new ArrayList<>();
        for (Workload workload : List.of(Workload.READ_ONE, Workload.READ_FIVE)) {
            for (Distribution distribution : Distribution.values()) {
                for (Room room : Room.values()) {
                    for (int threads : List.of(1, 2)) {
                        columns.add(reads(workload, room, distribution, threads));
                    }
                }
            }
        }
        return table("read from", List.of(ReadPeers.values()), ReadPeers::title, columns);
    }

    private Column<ReadPeers> reads(Workload workload, Room room, Distribution distribution, int threads) {
        String title = "%s, %s, %s, %s"
                .formatted(
                        workload == Workload.READ_ONE ? "one id" : "five ids",
                        room == Room.PLENTY ? "room" : "at the limit",
                        distribution == Distribution.ZIPF ? "Zipf" : "uniform",
                        number(threads));
        Variant careful = Variant.read(workload, ReadPeers.CAFFEINE_COPY, room, distribution, threads);
        return new Column<>(
                title, peer -> results.ratio(Variant.read(workload, peer, room, distribution, threads), careful));
    }

    private static String number(int threads) {
        return threads == 1 ? "1 thread" : threads + " threads";
    }

    /** Returns the commits of each peer by threads, as multiples of the fsync rate. */
    String commits() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int threads : threads()) {
            columns.add(
                    new Column<>(number(threads), peer -> relative(Variant.commit(peer, threads, BenchPlan.ENTRIES))));
        }
        return table("committed to", List.of(CommitPeers.values()), CommitPeers::title, columns);
    }

    /** Returns the CPU time and the fsyncs of a commit. */
    String costs() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int threads : List.of(1, 16)) {
            String suffix = ", " + number(threads);
            columns.add(cost("CPU µs" + suffix, threads, Measurement::cpuMicrosPerOperation));
            columns.add(cost("of the process" + suffix, threads, Measurement::processCpuMicrosPerOperation));
            columns.add(cost("fsyncs" + suffix, threads, Measurement::fsyncsPerCommit));
        }
        return table("a commit to", List.of(CommitPeers.values()), CommitPeers::title, columns);
    }

    private Column<CommitPeers> cost(String title, int threads, ToDoubleFunction<Measurement> figure) {
        return new Column<>(title, peer -> results.spread(Variant.commit(peer, threads, BenchPlan.ENTRIES), figure));
    }

    /**
     * Returns the messages of each key store by the clock, as multiples of those of libsignal's in memory, and their
     * CPU time; empty if none was measured.
     */
    Optional<String> messages() {
        if (results.variants().stream().noneMatch(variant -> variant.workload() == Workload.MESSAGE_BY_CLOCK)) {
            return Optional.empty();
        }
        List<Column<Keys>> columns = new ArrayList<>();
        for (int threads : List.of(1, 16)) {
            String suffix = ", " + number(threads);
            Function<Keys, Variant> message = keys -> Variant.message(Workload.MESSAGE_BY_CLOCK, keys, threads);
            columns.add(new Column<>(
                    "messages/s" + suffix, keys -> results.ratio(message.apply(keys), message.apply(Keys.IN_MEMORY))));
            columns.add(new Column<>(
                    "CPU µs of the process" + suffix,
                    keys -> results.spread(message.apply(keys), Measurement::processCpuMicrosPerOperation)));
        }
        return Optional.of(table("sessions kept by", List.of(Keys.values()), Keys::title, columns));
    }

    /** Returns the commits of each peer by the number of stored entries, as multiples of the fsync rate. */
    String growth() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int threads : List.of(1, 16)) {
            for (int entries : entries()) {
                columns.add(new Column<>(
                        "%s, %,d".formatted(number(threads), entries),
                        peer -> relative(Variant.commit(peer, threads, entries))));
            }
        }
        int contexts = BenchPlan.MANY_CONTEXTS;
        columns.add(new Column<>(
                "16 threads, 1,000,000 in %,d contexts".formatted(contexts),
                peer -> relative(Variant.commit(peer, 16, BenchPlan.MANY_ENTRIES, contexts))));
        return table("committed to", List.of(CommitPeers.values()), CommitPeers::title, columns);
    }

    /** Returns the commits of each peer in the time of a delayed fsync, by the delay. */
    String fsyncDelays() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int micros : delaysMicros()) {
            columns.add(new Column<>(
                    "%,d µs (%s)".formatted(micros, Spread.figure(fsyncMicros(micros))),
                    peer -> delayed(peer, micros)));
        }
        return table(
                "committed to, with fsyncs delayed by (measured)",
                List.of(CommitPeers.values()),
                CommitPeers::title,
                columns);
    }

    /** Returns the ratios of commits whose fsyncs are delayed, by the delay. */
    String fsyncDelayRatios() {
        List<Column<Ratio>> columns = new ArrayList<>();
        for (int micros : delaysMicros()) {
            columns.add(new Column<>("%,d µs".formatted(micros), ratio -> delayed(ratio, micros)));
        }
        return table("Keystore's commits, with fsyncs delayed by", DELAYED_RATIOS, Ratio::title, columns);
    }

    /** Returns how many cores each peer keeps busy while fsyncs are delayed, by the delay. */
    String fsyncDelayCores() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int micros : delaysMicros()) {
            columns.add(new Column<>(
                    "%,d µs".formatted(micros),
                    peer -> results.spread(
                            delayedCommit(peer, micros),
                            one -> one.score() * one.processCpuMicrosPerOperation() / MICROS_PER_SECOND)));
        }
        return table(
                "cores that the process uses, with fsyncs delayed by",
                List.of(CommitPeers.values()),
                CommitPeers::title,
                columns);
    }

    /** Returns the ratio of two peers' commits with a delay. */
    Optional<Spread> delayed(Ratio ratio, int micros) {
        return results.ratio(delayedCommit(ratio.one, micros), delayedCommit(ratio.other, micros));
    }

    private static Variant delayedCommit(CommitPeers peer, int micros) {
        return Variant.delayedCommit(peer, BenchPlan.DELAYED_THREADS, BenchPlan.ENTRIES, micros);
    }

    /** Returns the time of a delayed fsync in microseconds: the median over all variants with the delay. */
    private double fsyncMicros(int delayMicros) {
        return Spread.of(results.measurements().stream()
                        .filter(one -> one.variant().fsyncDelayMicros() == delayMicros)
                        .map(one -> MICROS_PER_SECOND / one.fsyncRate())
                        .toList())
                .median();
    }

    /** Returns the commits of a peer in that time. */
    Optional<Spread> delayed(CommitPeers peer, int micros) {
        return results.spread(
                delayedCommit(peer, micros), one -> one.score() * fsyncMicros(micros) / MICROS_PER_SECOND);
    }

    /**
     * Returns the reads of each peer without a cache, as multiples of raw JDBC's of one id on the same engine, or on
     * SQLite; empty if none was measured.
     */
    Optional<String> coldReads() {
        if (results.variants().stream().noneMatch(variant -> variant.workload() == Workload.READ_COLD)) {
            return Optional.empty();
        }
        List<Column<CommitPeers>> columns = List.of(
                new Column<>("one id", peer -> coldReads(Workload.READ_COLD, peer)),
                new Column<>("200 ids at once, per id", peer -> coldReads(Workload.READ_COLD_SEVERAL, peer)));
        return Optional.of(table("read from", List.of(CommitPeers.values()), CommitPeers::title, columns));
    }

    private Optional<Spread> coldReads(Workload workload, CommitPeers peer) {
        CommitPeers raw = peer.isOnPostgres() ? CommitPeers.JDBC_POSTGRES_ONE_TUNED : CommitPeers.JDBC_SQLITE_TUNED;
        return results.ratio(
                Variant.coldRead(workload, peer, BenchPlan.COLD_ENTRIES),
                Variant.coldRead(Workload.READ_COLD, raw, BenchPlan.COLD_ENTRIES));
    }

    /** Returns what each peer does before a commit returns. */
    String durability() {
        return "| | before a commit returns |\n|---|---|\n"
                + List.of(CommitPeers.values()).stream()
                        .map(peer -> "| " + peer.title() + " | " + peer.durability() + " |\n")
                        .collect(Collectors.joining());
    }

    /** Returns the figures of this build, as multiples of those of the earlier build. */
    String before() {
        StringBuilder table = new StringBuilder("""
                | | now, as a multiple of before |
                |---|---|
                """);
        results.variants().stream()
                .sorted((a, b) -> a.toString().compareTo(b.toString()))
                .forEach(variant -> {
                    results.ratioToBefore(variant, Measurement::score)
                            .ifPresent(ratio -> table.append("| %s | %s |%n".formatted(variant, ratio)));
                    results.ratioToBefore(variant, Measurement::cpuMicrosPerOperation)
                            .ifPresent(ratio -> table.append("| its CPU time per operation | %s |%n".formatted(ratio)));
                });
        return table.toString();
    }

    List<Integer> threads() {
        return commits(Variant::threads);
    }

    List<Integer> entries() {
        return commits(variant -> Integer.valueOf(variant.parameters().getOrDefault("entries", "0")));
    }

    List<Integer> delaysMicros() {
        return numbers(Workload.COMMIT_DELAYED, Variant::fsyncDelayMicros);
    }

    private List<Integer> commits(Function<Variant, Integer> number) {
        return numbers(Workload.COMMIT, number);
    }

    private List<Integer> numbers(Workload workload, Function<Variant, Integer> number) {
        return results.variants().stream()
                .filter(variant -> variant.workload() == workload)
                .map(number)
                .distinct()
                .sorted()
                .toList();
    }

    private Optional<Spread> relative(Variant variant) {
        return results.spread(variant, Measurement::relative);
    }

    private static <K> String table(String corner, List<K> rows, Function<K, String> title, List<Column<K>> columns) {
        List<Column<K>> shown = columns.stream()
                .filter(column ->
                        rows.stream().anyMatch(row -> column.cell.apply(row).isPresent()))
                .toList();
        StringBuilder table = new StringBuilder("| " + corner + " |");
        shown.forEach(column -> table.append(' ').append(column.title).append(" |"));
        table.append("\n|---|").append("---|".repeat(shown.size())).append('\n');
        for (K row : rows) {
            List<Optional<Spread>> cells =
                    shown.stream().map(column -> column.cell.apply(row)).toList();
            if (cells.stream().anyMatch(Optional::isPresent)) {
                table.append("| ").append(title.apply(row)).append(" |");
                cells.forEach(cell -> table.append(' ')
                        .append(cell.map(Spread::toString).orElse(""))
                        .append(" |"));
                table.append('\n');
            }
        }
        return table.toString();
    }
}
