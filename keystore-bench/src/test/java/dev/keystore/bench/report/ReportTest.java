package dev.keystore.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.bench.BenchPlan;
import dev.keystore.bench.Machine;
import dev.keystore.bench.Measurement;
import dev.keystore.bench.Variant;
import dev.keystore.bench.commit.CommitPeers;
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
                .contains("Caffeine + JDBI by hand | ≥ 4.50 | 4.00 (3.00–7.00) | **no** |")
                .contains("fsyncs of a commit, 16 threads | ≤ 0.10 | 0.080 | yes |");
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
        BenchPlan.ofShortRun(Goals.variants())
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
                old
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
                .contains("| – | 1.00 | – |", CommitPeers.ROCKSDB.title(), "a processor")
                .contains("<!-- /bench:goals -->\nb\n<!-- bench:figures -->\n")
                .doesNotContain("old")
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
