package dev.keystore.bench.timeline;

import dev.keystore.bench.BenchPlan;
import dev.keystore.bench.Machine;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.commit.CommittingThreads;
import dev.keystore.bench.report.Document;
import dev.keystore.bench.report.Spread;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Traces commits of 1, 16 and 64 threads on each of Keystore's backends. */
public final class Timelines {

    private static final List<CommitPeers> BACKENDS =
            List.of(CommitPeers.KEYSTORE_SQLITE, CommitPeers.KEYSTORE_MAPDB, CommitPeers.KEYSTORE_POSTGRES);
    private static final List<Integer> THREADS = List.of(1, 16, 64);
    private static final Duration WARM_UP = Duration.ofSeconds(8);
    private static final Duration TRACED = Duration.ofSeconds(4);

    private final Machine machine;
    private final Path folder;

    /** Creates a run with its stores in {@code folder}. */
    public Timelines(Machine machine, Path folder) {
        this.machine = machine;
        this.folder = folder;
    }

    /** Returns why this JVM can't trace methods; empty if it can. */
    public static Optional<String> obstacle() {
        return GroupTrace.obstacle();
    }

    /**
     * Measures, writes a picture for each backend, and replaces the table in {@code docs/performance.md}.
     *
     * @return the table, as Markdown
     */
    public String writeDocuments(Path project) throws Exception {
        StringBuilder table = new StringBuilder("""
                %s, commit %s: %s, %d cores, %s, %s; %s. Traced for %d s after a warm-up of %d s.

                | commits to | threads | commits in a group | commits/s | the same, traced | \
                from write to write, µs: p50, p99, most | a commit, µs: p50, p99, most |
                |---|---|---|---|---|---|---|
                """.formatted(
                        machine.date(),
                        machine.commit(),
                        machine.processor(),
                        machine.cores(),
                        machine.system(),
                        machine.fileSystem(),
                        machine.jdk(),
                        TRACED.toSeconds(),
                        WARM_UP.toSeconds()));
        StringBuilder pictures = new StringBuilder();
        for (CommitPeers peer : BACKENDS) {
            Map<String, GroupTimeline> timelines = new LinkedHashMap<>();
            for (int threads : THREADS) {
                timelines.put(threads + (threads == 1 ? " thread" : " threads"), trace(peer, threads, table));
            }
            String title = "A group of commits, " + peer.title();
            String picture = "performance/group-" + peer.name().toLowerCase(Locale.ROOT) + ".svg";
            Files.writeString(project.resolve("docs").resolve(picture), new TimelineChart(title, timelines).svg());
            pictures.append("%n![%s](%s)%n".formatted(title, picture));
        }
        Document.replace(project.resolve("docs/performance.md"), "timeline", table.toString() + pictures);
        return table.toString();
    }

    private GroupTimeline trace(CommitPeers peer, int count, StringBuilder table) throws Exception {
        try (CommittingThreads threads = CommittingThreads.open(peer, count, BenchPlan.ENTRIES, folder)) {
            threads.run(WARM_UP);
            long untraced = threads.run(TRACED);
            GroupTimeline timeline = GroupTimeline.of(GroupTrace.record(threads, TRACED));
            table.append("| %s | %d | %s | %s | %s | %s | %s |%n"
                    .formatted(
                            peer.title(),
                            count,
                            Spread.figure(timeline.commitsOfAGroup()),
                            perSecond(untraced),
                            perSecond(timeline.commits()),
                            timeline.cycle(),
                            timeline.commit()));
            return timeline;
        }
    }

    private static String perSecond(long commits) {
        return Spread.figure((double) commits / TRACED.toSeconds());
    }
}
