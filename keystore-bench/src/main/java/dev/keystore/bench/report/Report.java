package dev.keystore.bench.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.keystore.bench.BenchPlan;
import dev.keystore.bench.Machine;
import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.read.ReadPeers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The report of a run: figures as JSON, charts as SVG, and tables between the markers of {@code docs/performance.md}.
 */
public final class Report {

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private static final String BY_THREADS = "commits-by-threads.svg";
    private static final String BY_ENTRIES = "commits-by-entries.svg";
    private static final String BY_DELAY = "commits-by-fsync-time.svg";
    private static final String RATIOS_BY_DELAY = "ratios-by-fsync-time.svg";

    private static final String RELATIVE = "commits, as a multiple of the fsync rate";

    /** Links to the charts, relative to {@code docs}. */
    private static final String CHARTS = """
            ![Durable commits by threads](performance/%s)

            ![Durable commits by stored entries](performance/%s)
            """.formatted(BY_THREADS, BY_ENTRIES);

    private static final String DELAY_CHARTS = """

            ![Durable commits by the time of an fsync](performance/%s)

            ![Ratios of durable commits by the time of an fsync](performance/%s)
            """.formatted(BY_DELAY, RATIOS_BY_DELAY);

    private final Results results;
    private final Tables tables;

    /** Creates the report of a run. */
    public Report(Results results) {
        this.results = results;
        this.tables = new Tables(results);
    }

    /** Reads the figures that an earlier run wrote. */
    public static Results read(Path file) throws IOException {
        return JSON.readValue(file.toFile(), Results.class);
    }

    /** Writes the figures. */
    public void writeFigures(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        JSON.writeValue(file.toFile(), results);
    }

    /** Writes the charts, and replaces the tables in {@code docs/performance.md}. */
    public void writeDocuments(Path project) throws IOException {
        Path folder = Files.createDirectories(project.resolve("docs/performance"));
        Files.writeString(folder.resolve(BY_THREADS), byThreads().svg());
        Files.writeString(folder.resolve(BY_ENTRIES), byEntries().svg());
        Path page = project.resolve("docs/performance.md");
        Document.replace(page, "goals", machine() + "\n" + Goals.table(results));
        Document.replace(page, "figures", machine() + "\n" + tables() + "\n" + CHARTS);
    }

    /** Writes the charts of commits, and of their ratios, by the time of an fsync. */
    public void writeFsyncDelayCharts(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve(BY_DELAY), byDelay().svg());
        Files.writeString(folder.resolve(RATIOS_BY_DELAY), ratiosByDelay().svg());
    }

    /** Writes the same charts, and replaces their tables in {@code docs/performance.md}. */
    public void writeFsyncDelays(Path project) throws IOException {
        writeFsyncDelayCharts(project.resolve("docs/performance"));
        Document.replace(project.resolve("docs/performance.md"), "fsync-time", fsyncDelays() + DELAY_CHARTS);
    }

    /** Returns the tables of commits by the time of an fsync, as Markdown. */
    public String fsyncDelays() {
        return machine() + "\n" + tables.fsyncDelays() + "\n" + tables.fsyncDelayRatios() + "\n"
                + tables.fsyncDelayCores();
    }

    /** Returns all tables, as Markdown. */
    public String figures() {
        return machine() + "\n### Goals\n\n" + Goals.table(results) + "\n" + tables();
    }

    private String tables() {
        return """
                ### Reads, as multiples of "%s"

                %s
                ### Commits, as multiples of the fsync rate

                %s
                %s
                ### CPU time and fsyncs of a commit

                %s
                ### Commits by stored entries, as multiples of the fsync rate

                %s""".formatted(
                                ReadPeers.CAFFEINE_COPY.title(),
                                tables.reads(),
                                tables.commits(),
                                tables.durability(),
                                tables.costs(),
                                tables.growth())
                + tables.coldReads()
                        .map("\n### Reads that are not cached, as multiples of raw JDBC's of one id\n\n%s"::formatted)
                        .orElse("")
                + tables.messages()
                        .map(
                                "\n### Messages by the clock, as multiples of libsignal's store in memory\n\n%s"
                                        ::formatted)
                        .orElse("");
    }

    /** Returns the comparison with the earlier build, as Markdown. */
    public String comparison() {
        return tables.before();
    }

    private String machine() {
        Machine machine = results.machine();
        String libraries = machine.libraries().entrySet().stream()
                .map(library -> library.getKey() + " " + library.getValue())
                .collect(Collectors.joining(", "));
        String fsyncRate = results.fsyncRate()
                .map(rate -> "; " + rate + " fsyncs per second")
                .orElse("");
        return """
                %s, commit %s: %s, %d cores, %d GiB, %s, %s%s; %s. %d rounds of `%s`, seed %d. %s.
                """.formatted(
                        machine.date(),
                        machine.commit(),
                        machine.processor(),
                        machine.cores(),
                        machine.memoryGib(),
                        machine.system(),
                        machine.fileSystem(),
                        fsyncRate,
                        machine.jdk(),
                        results.rounds(),
                        results.command(),
                        results.seed(),
                        libraries);
    }

    private LineChart byThreads() {
        List<Integer> threads = tables.threads();
        return chart(
                "Durable commits by threads, %,d stored entries".formatted(BenchPlan.ENTRIES),
                "committing threads",
                RELATIVE,
                threads.stream().map(String::valueOf).toList(),
                (peer, step) -> relative(Variant.commit(peer, threads.get(step), BenchPlan.ENTRIES)));
    }

    private LineChart byEntries() {
        List<Integer> entries = tables.entries();
        return chart(
                "Durable commits by stored entries, 16 threads",
                "stored entries",
                RELATIVE,
                entries.stream().map("%,d"::formatted).toList(),
                (peer, step) -> relative(Variant.commit(peer, 16, entries.get(step))));
    }

    private LineChart byDelay() {
        List<Integer> micros = tables.delaysMicros();
        return chart(
                "Durable commits by the time of an fsync, %d threads".formatted(BenchPlan.DELAYED_THREADS),
                "delay of each fsync",
                "commits in the time of one fsync",
                micros.stream().map("%,d µs"::formatted).toList(),
                (peer, step) -> tables.delayed(peer, micros.get(step)));
    }

    private LineChart ratiosByDelay() {
        List<Integer> micros = tables.delaysMicros();
        LineChart chart = new LineChart(
                "Ratios of durable commits by the time of an fsync, %d threads".formatted(BenchPlan.DELAYED_THREADS),
                "delay of each fsync",
                "Keystore's commits, as a ratio to the peer's",
                micros.stream().map("%,d µs"::formatted).toList());
        for (Tables.Ratio ratio : Tables.DELAYED_RATIOS) {
            chart.add(
                    ratio.title(),
                    micros.stream().map(delay -> tables.delayed(ratio, delay)).toList());
        }
        return chart;
    }

    private Optional<Spread> relative(Variant variant) {
        return results.spread(variant, Measurement::relative);
    }

    private static LineChart chart(
            String title,
            String xTitle,
            String yTitle,
            List<String> steps,
            BiFunction<CommitPeers, Integer, Optional<Spread>> figure) {
        LineChart chart = new LineChart(title, xTitle, yTitle, steps);
        for (CommitPeers peer : CommitPeers.values()) {
            List<Optional<Spread>> figures = IntStream.range(0, steps.size())
                    .mapToObj(step -> figure.apply(peer, step))
                    .toList();
            chart.add(peer.title(), figures);
        }
        return chart;
    }
}
