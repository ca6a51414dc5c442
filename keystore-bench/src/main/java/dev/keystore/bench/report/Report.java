package dev.keystore.bench.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.keystore.bench.Machine;
import dev.keystore.bench.Measurement;
import dev.keystore.bench.Plan;
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

/** What a run leaves: the figures as JSON, pictures as SVG, and the tables between the marks of the documents. */
public final class Report {

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private static final String BY_THREADS = "commits-by-threads.svg";
    private static final String BY_ENTRIES = "commits-by-entries.svg";

    private final Results results;
    private final Tables tables;

    /** Makes the report of a run. */
    public Report(Results results) {
        this.results = results;
        this.tables = new Tables(results);
    }

    /** Reads the figures of a run that was written before. */
    public static Results read(Path file) throws IOException {
        return JSON.readValue(file.toFile(), Results.class);
    }

    /** Writes the figures. */
    public void writeFigures(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        JSON.writeValue(file.toFile(), results);
    }

    /** Writes the pictures, and puts the tables into the documents of a project. */
    public void writeDocuments(Path project) throws IOException {
        Path folder = Files.createDirectories(project.resolve("docs/performance"));
        Files.writeString(folder.resolve(BY_THREADS), byThreads().svg());
        Files.writeString(folder.resolve(BY_ENTRIES), byEntries().svg());
        Document.replace(project.resolve("docs/performance.md"), "figures", figures() + "\n" + pictures("performance"));
        Document.replace(project.resolve("README.md"), "goals", goals() + "\n" + pictures("docs/performance"));
    }

    /** Returns all tables, as Markdown. */
    public String figures() {
        return """
                %s
                ### Goals

                %s
                ### Reads, as multiples of "%s"

                %s
                ### Commits, as multiples of the fsync rate

                %s
                %s
                ### What a commit takes

                %s
                ### Commits by what is stored, as multiples of the fsync rate

                %s""".formatted(
                        machine(),
                        Goals.table(results),
                        ReadPeers.CAFFEINE_COPY.title(),
                        tables.reads(),
                        tables.commits(),
                        tables.durability(),
                        tables.costs(),
                        tables.growth());
    }

    /** Returns what is compared with the build before, as Markdown. */
    public String comparison() {
        return tables.before();
    }

    private static String pictures(String folder) {
        return """
                ![Durable commits by threads](%1$s/%2$s)

                ![Durable commits by what is stored](%1$s/%3$s)
                """.formatted(folder, BY_THREADS, BY_ENTRIES);
    }

    private String goals() {
        return machine() + "\n" + Goals.table(results);
    }

    private String machine() {
        Machine machine = results.machine();
        String libraries = machine.libraries().entrySet().stream()
                .map(library -> library.getKey() + " " + library.getValue())
                .collect(Collectors.joining(", "));
        String fsyncRate = results.fsyncRate()
                .map(rate -> "; " + rate + " fsyncs a second")
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
                "Durable commits by threads, " + "%,d".formatted(Plan.ENTRIES) + " entries stored",
                "threads that commit",
                threads.stream().map(String::valueOf).toList(),
                (peer, step) -> Variant.commit(peer, threads.get(step), Plan.ENTRIES));
    }

    private LineChart byEntries() {
        List<Integer> entries = tables.entries();
        return chart(
                "Durable commits by what is stored, 16 threads",
                "entries stored",
                entries.stream().map("%,d"::formatted).toList(),
                (peer, step) -> Variant.commit(peer, 16, entries.get(step)));
    }

    private LineChart chart(
            String title, String xTitle, List<String> steps, BiFunction<CommitPeers, Integer, Variant> variant) {
        LineChart chart = new LineChart(title, xTitle, "commits, as a multiple of the fsync rate", steps);
        for (CommitPeers peer : CommitPeers.values()) {
            List<Optional<Spread>> figures = IntStream.range(0, steps.size())
                    .mapToObj(step -> results.spread(variant.apply(peer, step), Measurement::relative))
                    .toList();
            chart.add(peer.title(), figures);
        }
        return chart;
    }
}
