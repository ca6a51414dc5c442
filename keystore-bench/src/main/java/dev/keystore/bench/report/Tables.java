package dev.keystore.bench.report;

import dev.keystore.bench.BenchPlan;
import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import dev.keystore.bench.Workload;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import dev.keystore.bench.read.ReadPeers;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The tables of a run, as Markdown. A row or column without figures is left out; other missing figures are empty cells.
 */
final class Tables {

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
                        threads == 1 ? "1 thread" : threads + " threads");
        Variant careful = Variant.read(workload, ReadPeers.CAFFEINE_COPY, room, distribution, threads);
        return new Column<>(
                title, peer -> results.ratio(Variant.read(workload, peer, room, distribution, threads), careful));
    }

    /** Returns the commits of each peer by threads, as multiples of the fsync rate. */
    String commits() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int threads : threads()) {
            columns.add(new Column<>(
                    threads == 1 ? "1 thread" : threads + " threads",
                    peer -> relative(Variant.commit(peer, threads, BenchPlan.ENTRIES))));
        }
        return table("committed to", List.of(CommitPeers.values()), CommitPeers::title, columns);
    }

    /** Returns the CPU time and the fsyncs of a commit. */
    String costs() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int threads : List.of(1, 16)) {
            String suffix = threads == 1 ? ", 1 thread" : ", " + threads + " threads";
            columns.add(new Column<>(
                    "CPU µs" + suffix,
                    peer -> results.spread(
                            Variant.commit(peer, threads, BenchPlan.ENTRIES), Measurement::cpuMicrosPerOperation)));
            columns.add(new Column<>(
                    "fsyncs" + suffix,
                    peer -> results.spread(
                            Variant.commit(peer, threads, BenchPlan.ENTRIES), Measurement::fsyncsPerCommit)));
        }
        return table("a commit to", List.of(CommitPeers.values()), CommitPeers::title, columns);
    }

    /** Returns the commits of each peer by the number of stored entries, as multiples of the fsync rate. */
    String growth() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int threads : List.of(1, 16)) {
            for (int entries : entries()) {
                columns.add(new Column<>(
                        "%s, %,d".formatted(threads == 1 ? "1 thread" : threads + " threads", entries),
                        peer -> relative(Variant.commit(peer, threads, entries))));
            }
        }
        int contexts = BenchPlan.MANY_CONTEXTS;
        columns.add(new Column<>(
                "16 threads, 1,000,000 in %,d contexts".formatted(contexts),
                peer -> relative(Variant.commit(peer, 16, BenchPlan.MANY_ENTRIES, contexts))));
        return table("committed to", List.of(CommitPeers.values()), CommitPeers::title, columns);
    }

    /**
     * Returns the reads of each peer without a cache, as multiples of those of raw JDBC; empty if none was measured.
     */
    Optional<String> coldReads() {
        if (results.variants().stream().noneMatch(variant -> variant.workload() == Workload.READ_COLD)) {
            return Optional.empty();
        }
        Column<CommitPeers> column = new Column<>("as a multiple of raw JDBC on SQLite, or on PostgreSQL", peer -> {
            CommitPeers raw = peer.isOnPostgres() ? CommitPeers.JDBC_POSTGRES : CommitPeers.JDBC_SQLITE;
            return results.ratio(
                    Variant.coldRead(peer, BenchPlan.COLD_ENTRIES), Variant.coldRead(raw, BenchPlan.COLD_ENTRIES));
        });
        return Optional.of(
                table("one id, read from", List.of(CommitPeers.values()), CommitPeers::title, List.of(column)));
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
                    results.ratioToBefore(variant, Measurement::relative)
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

    private List<Integer> commits(Function<Variant, Integer> number) {
        return results.variants().stream()
                .filter(variant -> variant.workload() == Workload.COMMIT)
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
