package dev.keystore.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.bench.BenchPlan;
import dev.keystore.bench.Machine;
import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import dev.keystore.bench.Workload;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import dev.keystore.bench.read.ReadPeers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class ReportTest {

    private static final Machine MACHINE =
            new Machine("2026-11-23", "abc", "a processor", 2, 23, "a system", "ext4", "a JDK", Map.of("guava", "1"));
    private static final Variant KEYSTORE = Variant.commit(CommitPeers.KEYSTORE_SQLITE, 16, BenchPlan.ENTRIES);
    private static final Variant BY_HAND = Variant.commit(CommitPeers.BY_HAND, 16, BenchPlan.ENTRIES);

    @TempDir
    private Path folder;

    private static Measurement measured(Variant variant, boolean before, int round, double score) {
        Map<String, Double> counts = Map.of("operations", 100.0, "fsyncs", 8.0, "threadCpuMicros", 900.0);
        return new Measurement(variant, before, round, score, 1_024, counts);
    }

    private static Results results(Measurement... measurements) {
        return new Results(MACHINE, "a command", 3, 7, List.of(measurements));
    }

    @Test
    void ratio_ofThreeRounds_isTakenWithinEach() {
        Results results = results(
                measured(KEYSTORE, false, 1, 4_096),
                measured(BY_HAND, false, 1, 1_024),
                measured(KEYSTORE, false, 2, 384),
                measured(BY_HAND, false, 2, 128),
                measured(KEYSTORE, false, 3, 56),
                measured(BY_HAND, false, 3, 8));

        assertThat(results.ratio(KEYSTORE, BY_HAND)).hasValue(new Spread(4, 3, 7));
        assertThat(new Spread(4, 3, 7)).hasToString("4.00 (3.00–7.00)");
        assertThat(Goals.table(results))
                .contains("| Caffeine + JDBI + SQLite by hand | ≥ 6.00 | 4.00 (3.00–7.00) | **no** |");
    }

    @Test
    void goals_ofMadeUpFigures_compareWithTheNamedPeers() {
        Variant durable = Variant.message(Workload.MESSAGE_BY_CLOCK, Keys.KEYSTORE_SQLITE, 1);
        Variant inMemory = Variant.message(Workload.MESSAGE_BY_CLOCK, Keys.IN_MEMORY, 1);
        Variant rocks = many(CommitPeers.ROCKSDB);
        Variant several =
                Variant.coldRead(Workload.READ_COLD_SEVERAL, CommitPeers.KEYSTORE_SQLITE, BenchPlan.COLD_ENTRIES);
        Variant one = Variant.coldRead(Workload.READ_COLD, CommitPeers.JDBC_SQLITE_TUNED, BenchPlan.COLD_ENTRIES);
        Results results = results(
                measured(durable, false, 1, 256), // 1/256 s; the peer's 1/1,024 s and two fsyncs are 3/1,024 s
                measured(inMemory, false, 1, 1_024),
                measured(many(CommitPeers.KEYSTORE_SQLITE), false, 1, 1_000),
                measured(many(CommitPeers.KEYSTORE_MAPDB), false, 1, 2_000),
                measured(rocks, false, 1, 1_000),
                measured(several, false, 1, 300),
                measured(one, false, 1, 200),
                measured(Variant.heap(Workload.HEAP_ENTRY), false, 1, 128));

        assertThat(Goals.table(results))
                .contains("in memory, plus one fsync for each commit | ≤ 1.10 | 1.33 | **no** |")
                .contains("SQLite or MapDB, the faster | RocksDB, WriteBatch | ≥ 1.50 | 2.00 | yes |")
                .contains("per id, SQLite | a prepared statement, one id, raw JDBC on SQLite | ≥ 1.00 | 1.50 | yes |")
                .contains("| – | ≤ 128 | 128 | yes |")
                .contains("| P2 | reads of one id, immutable value | Caffeine, bound by weight, no copy | ≥ 1.00 |"
                        + " not measured |  |")
                .doesNotContain("sessions are only written to SQLite");
    }

    @Test
    void goals_ofEncryption_judgeCommitsPerSecond_whateverTheFsyncRate_andReads() {
        Variant encrypted = Variant.commit(CommitPeers.KEYSTORE_SQLITE_ENCRYPTED, 16, BenchPlan.ENTRIES);
        Variant encryptedRead = read(ReadPeers.KEYSTORE_ENCRYPTED);
        Variant plainRead = read(ReadPeers.KEYSTORE);
        Results results = results(
                new Measurement(encrypted, false, 1, 900, 500, Map.of()),
                new Measurement(KEYSTORE, false, 1, 1_000, 1_000, Map.of()),
                measured(encryptedRead, false, 1, 990),
                measured(plainRead, false, 1, 1_000));

        assertThat(Goals.variants("P18")).contains(encrypted, KEYSTORE, encryptedRead, plainRead);
        assertThat(Goals.table(results))
                .contains("commits, SQLite, encrypted, 16 threads | Keystore on SQLite | ≥ 0.95 | 0.90 | **no** |")
                .contains("reads of one id, encrypted, 1 thread | Keystore | ≥ 0.98 | 0.99 | yes |");
    }

    private static Variant read(ReadPeers peer) {
        return Variant.read(Workload.READ_ONE, peer, Room.PLENTY, Distribution.ZIPF, 1);
    }

    private static Variant many(CommitPeers peer) {
        return Variant.commit(peer, 16, BenchPlan.MANY_ENTRIES);
    }

    @Test
    void delays_ofFsyncs_areDrawnAsCommitsInTheTimeOfOne() throws Exception {
        Results results = results(
                new Measurement(
                        delayed(CommitPeers.KEYSTORE_MAPDB, 30),
                        false,
                        1,
                        60_000,
                        25_000,
                        Map.of("operations", 1_000.0, "processCpuMicros", 30_000.0)),
                new Measurement(delayed(CommitPeers.ROCKSDB, 30), false, 1, 75_000, 25_000, Map.of()),
                new Measurement(delayed(CommitPeers.ROCKSDB, 2_000), false, 1, 5_000, 500, Map.of()));
        Files.createDirectories(folder.resolve("docs"));
        Path page = Files.writeString(
                folder.resolve("docs/performance.md"), "<!-- bench:fsync-time -->\n<!-- /bench:fsync-time -->\n");

        new Report(results).writeFsyncDelays(folder);

        assertThat(page)
                .content()
                .contains(" | 30 µs (40.0) | 2,000 µs (2,000) |", "| RocksDB, WriteBatch | 3.00 | 10.0 |")
                .contains("(performance/commits-by-fsync-time.svg)")
                .contains("with fsyncs delayed by | 30 µs |", "| Keystore on MapDB | 1.80 |")
                .contains("| on MapDB, to RocksDB | 0.80 |", "(performance/ratios-by-fsync-time.svg)");
        assertThat(folder.resolve("docs/performance/ratios-by-fsync-time.svg"))
                .content()
                .contains("2,000 µs", "on MapDB, to RocksDB");
        assertThat(folder.resolve("docs/performance/commits-by-fsync-time.svg"))
                .content()
                .contains("2,000 µs", "RocksDB, WriteBatch");
    }

    private static Variant delayed(CommitPeers peer, int micros) {
        return Variant.delayedCommit(peer, BenchPlan.DELAYED_THREADS, BenchPlan.ENTRIES, micros);
    }

    @Test
    void messages_byTheClock_areComparedWithMemory_andWithTheirCpuTime() {
        Map<String, Double> counts = Map.of("operations", 10.0, "processCpuMicros", 4_000.0);
        Variant memory = Variant.message(Workload.MESSAGE_BY_CLOCK, Keys.IN_MEMORY, 16);
        Variant durable = Variant.message(Workload.MESSAGE_BY_CLOCK, Keys.KEYSTORE_SQLITE, 16);
        Results results = results(
                new Measurement(memory, false, 1, 8_000, 3_000, counts),
                new Measurement(durable, false, 1, 4_000, 2_000, counts));

        assertThat(new Tables(results).messages()).hasValue("""
                        | sessions kept by | messages/s, 16 threads | CPU µs of the process, 16 threads |
                        |---|---|---|
                        | Keystore on SQLite | 0.50 | 400 |
                        | libsignal's store in memory | 1.00 | 400 |
                        """);
    }

    @Test
    void comparison_ofTwoBuilds_isTakenWithinEachRound() {
        Results results = results(
                measured(KEYSTORE, true, 1, 1_024), measured(KEYSTORE, false, 1, 1_536),
                measured(KEYSTORE, true, 2, 128), measured(KEYSTORE, false, 2, 320));

        assertThat(new Report(results).comparison()).contains("| 2.00 (1.50–2.50) |");
    }

    @Test
    void report_ofAShortRun_hasEveryGoal() throws Exception {
        List<Measurement> all = new ArrayList<>();
        BenchPlan.ofShortRun(Goals.variants(), Goals.variantsWithBound())
                .variants()
                .forEach(variant -> all.add(measured(variant, false, 1, 2_000)));
        Results results = results(all.toArray(Measurement[]::new));
        assertThat(Goals.table(results)).doesNotContain("not measured");

        Files.createDirectories(folder.resolve("docs"));
        Files.writeString(folder.resolve("docs/performance.md"), """
                a
                <!-- bench:goals -->
                <!-- /bench:goals -->
                b
                <!-- bench:figures -->
                outdated
                <!-- /bench:figures -->
                c
                """);
        Path figures = folder.resolve("docs/performance/results.json");
        new Report(results).writeFigures(figures);
        new Report(Report.read(figures)).writeDocuments(folder);

        assertThat(folder.resolve("docs/performance.md"))
                .content()
                .startsWith("a\n<!-- bench:goals -->\n")
                .containsOnlyOnce("| P11 |")
                .contains(
                        "| – | 1.00 | – |", "### Reads that are not cached", CommitPeers.ROCKSDB.title(), "a processor")
                .contains("<!-- /bench:goals -->\nb\n<!-- bench:figures -->\n")
                .doesNotContain("outdated")
                .endsWith("<!-- /bench:figures -->\nc\n");
        Element picture = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(folder.resolve("docs/performance/commits-by-threads.svg").toFile())
                .getDocumentElement();
        NodeList lines = picture.getElementsByTagName("polyline");
        assertThat(IntStream.range(0, lines.getLength())
                        .mapToObj(line -> ((Element) lines.item(line)).getAttribute("stroke")))
                .as("a colour for each peer")
                .hasSize(CommitPeers.values().length)
                .doesNotHaveDuplicates();
    }

    @Test
    void page_withoutMarkers_isNotChanged() throws Exception {
        Path file = Files.writeString(folder.resolve("a.md"), "no markers");
        assertThatThrownBy(() -> Document.replace(file, "goals", "new")).hasMessageContaining("bench:goals");
        assertThat(file).hasContent("no markers");
    }
}
