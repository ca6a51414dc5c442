package dev.keystore.bench.report;

import dev.keystore.bench.Measurement;
import dev.keystore.bench.Plan;
import dev.keystore.bench.Variant;
import dev.keystore.bench.Work;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.read.Hot.Frequency;
import dev.keystore.bench.read.Hot.Room;
import dev.keystore.bench.read.ReadPeers;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The tables of a run, as Markdown. What was not measured has no row, no column or an empty cell. */
final class Tables {

    private record Column<K>(String title, Function<K, Optional<Spread>> cell) {}

    private final Results results;

    Tables(Results results) {
        this.results = results;
    }

    /** Reads of each peer, as multiples of those of the cache that a careful user writes. */
    String reads() {
        List<Column<ReadPeers>> columns = new ArrayList<>();
        for (Work work : List.of(Work.READ_ONE, Work.READ_FIVE)) {
            for (Frequency frequency : Frequency.values()) {
                for (Room room : Room.values()) {
                    for (int threads : List.of(1, 2)) {
                        columns.add(reads(work, room, frequency, threads));
                    }
                }
            }
        }
        return table("read from", List.of(ReadPeers.values()), ReadPeers::title, columns);
    }

    private Column<ReadPeers> reads(Work work, Room room, Frequency frequency, int threads) {
        String title = "%s, %s, %s, %s"
                .formatted(
                        work == Work.READ_ONE ? "one id" : "five ids",
                        room == Room.PLENTY ? "room" : "at the limit",
                        frequency == Frequency.ZIPF ? "Zipf" : "uniform",
                        threads == 1 ? "1 thread" : threads + " threads");
        Variant careful = Variant.read(work, ReadPeers.CAFFEINE_COPY, room, frequency, threads);
        return new Column<>(title, peer -> results.ratio(Variant.read(work, peer, room, frequency, threads), careful));
    }

    /** Commits of each peer, as multiples of the fsync rate. */
    String commits() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int threads : threads()) {
            columns.add(new Column<>(
                    threads == 1 ? "1 thread" : threads + " threads",
                    peer -> relative(Variant.commit(peer, threads, Plan.ENTRIES))));
        }
        return table("committed to", List.of(CommitPeers.values()), CommitPeers::title, columns);
    }

    /** What else a commit takes. */
    String costs() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int threads : List.of(1, 16)) {
            String suffix = threads == 1 ? ", 1 thread" : ", " + threads + " threads";
            columns.add(new Column<>(
                    "CPU µs" + suffix,
                    peer -> results.spread(
                            Variant.commit(peer, threads, Plan.ENTRIES), Measurement::cpuMicrosPerOperation)));
            columns.add(new Column<>(
                    "fsyncs" + suffix,
                    peer -> results.spread(Variant.commit(peer, threads, Plan.ENTRIES), Measurement::fsyncsPerCommit)));
        }
        return table("a commit to", List.of(CommitPeers.values()), CommitPeers::title, columns);
    }

    /** Commits of each peer by what is stored, as multiples of the fsync rate. */
    String growth() {
        List<Column<CommitPeers>> columns = new ArrayList<>();
        for (int threads : List.of(1, 16)) {
            for (int entries : entries()) {
                columns.add(new Column<>(
                        "%s, %,d".formatted(threads == 1 ? "1 thread" : threads + " threads", entries),
                        peer -> relative(Variant.commit(peer, threads, entries))));
            }
        }
        int contexts = Plan.MANY_CONTEXTS;
        columns.add(new Column<>(
                "16 threads, 1,000,000 in %,d contexts".formatted(contexts),
                peer -> relative(Variant.commit(peer, 16, Plan.MANY_ENTRIES, contexts))));
        return table("committed to", List.of(CommitPeers.values()), CommitPeers::title, columns);
    }

    /** What each peer does before a commit returns. */
    String durability() {
        return "| | before a commit returns |\n|---|---|\n"
                + List.of(CommitPeers.values()).stream()
                        .map(peer -> "| " + peer.title() + " | " + peer.durability() + " |\n")
                        .collect(Collectors.joining());
    }

    /** What Keystore does now, as multiples of what it did before. */
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
                            .ifPresent(ratio -> table.append("| its CPU time | %s |%n".formatted(ratio)));
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
                .filter(variant -> variant.work() == Work.COMMIT)
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
