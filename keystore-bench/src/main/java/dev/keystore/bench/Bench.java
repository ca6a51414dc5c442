package dev.keystore.bench;

import dev.keystore.bench.commit.BenchPostgres;
import dev.keystore.bench.report.Goals;
import dev.keystore.bench.report.Report;
import dev.keystore.bench.report.Results;
import dev.keystore.bench.timeline.Timelines;
import dev.keystore.bench.transfer.Transfers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The benchmark's command line: measures Keystore and its peers, and writes the results.
 *
 * <p>Without options, it runs the short form. A run of all variants writes {@code docs/performance/results.json}, the
 * charts next to it, and the tables of {@code docs/performance.md}. A run of some variants prints tables only. The run
 * with {@code --fsync-delay} writes {@code docs/performance/fsync-delay.json}, and a separate chart and table; the run
 * with {@code --timeline} writes the pictures of groups, and a table.
 */
@Command(name = "bench", mixinStandardHelpOptions = true, sortOptions = false)
public final class Bench implements Callable<Integer> {

    static final int SHORT_ROUNDS = 2;
    private static final int WHOLE_ROUNDS = 5;
    private static final int ENTRIES_OF_CONTEXT = BenchPlan.MANY_ENTRIES / BenchPlan.MANY_CONTEXTS;

    private static final String RESULTS = "results.json";
    private static final String DELAYED = "fsync-delay.json";

    @Option(names = "--project", required = true, hidden = true)
    Path project = Path.of(".");

    @Option(names = "--whole", description = "Measure everything, which takes hours. Without it: what the goals need.")
    boolean whole;

    @Option(names = "--rounds", description = "How often each variant is measured; default: 2, or 5 with --whole.")
    int rounds;

    @Option(
            names = "--only",
            description = "Measure only variants whose description contains a match of this regular expression.")
    @Nullable
    Pattern only;

    @Option(names = "--goal", description = "Measure only the variants that a goal needs, for example P21.")
    @Nullable
    String goal;

    @Option(
            names = "--before",
            description = "Another checkout, already compiled: measure only Keystore, with its classes and with these,"
                    + " in the same rounds.")
    @Nullable
    Path before;

    @Option(
            names = "--turns",
            description = "How many measured iterations of variants that are compared alternate, for example 20. Each"
                    + " variant has a JVM with a heap of 1 GiB meanwhile. With it, tables are only printed. Default: 0,"
                    + " each variant is measured as a whole.")
    int turns;

    @Option(
            names = "--millis",
            description =
                    "Duration of an iteration; default: 400, or 1000 with --whole. With it, tables are only printed.")
    long millis;

    @Option(
            names = "--fsync-delay",
            split = ",",
            paramLabel = "<micros>",
            description = "Measure only commits of 16 threads to files in /dev/shm, with each fsync delayed by these"
                    + " microseconds, for example 30,100,300,1000,2000. Needs Linux and a C compiler.")
    @Nullable
    List<Integer> fsyncDelays;

    @Option(
            names = "--timeline",
            description =
                    "Trace the methods of the commit path, and draw where the time of a group goes. Needs JDK 25.")
    boolean timeline;

    @Option(
            names = "--transfers",
            description = "Measure only backups, verifications and copies of a large store, and print a table.")
    boolean transfers;

    @Option(names = "--contexts", description = "The contexts of that store, of 100 entries each; default: 10000.")
    int contexts = BenchPlan.MANY_CONTEXTS;

    @Option(names = "--list", description = "List the variants and their approximate duration, and measure none.")
    boolean list;

    @Option(names = "--redraw", description = "Measure nothing; write the documents from the stored results.")
    boolean redraw;

    @Option(names = "--seed", description = "Seed of the random order of the variants.")
    long seed = System.nanoTime();

    private Bench() {}

    /** Runs the benchmark; {@code --help} lists the options. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Bench()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        BenchPlan plan = isOfAllVariants() ? everything() : everything().only(this::isWanted);
        if (timeline) {
            reportTimelines();
        } else if (transfers) {
            reportTransfers();
        } else if (list) {
            list(plan);
        } else if (redraw) {
            redraw();
        } else if (fsyncDelays == null) {
            report(plan);
        } else {
            Optional<String> obstacle = FsyncDelay.obstacle();
            if (obstacle.isPresent()) {
                System.out.println("--fsync-delay is skipped: " + obstacle.get());
            } else {
                reportDelayed(plan, fsyncDelays);
            }
        }
        return 0;
    }

    private BenchPlan everything() {
        if (fsyncDelays != null) {
            return BenchPlan.ofFsyncDelays(fsyncDelays);
        }
        return whole
                ? BenchPlan.ofWholeRun(Goals.variants())
                : BenchPlan.ofShortRun(Goals.variants(), Goals.variantsWithBound());
    }

    private void report(BenchPlan plan) throws Exception {
        Report report = new Report(measure(plan));
        report.writeFigures(isComplete() ? documents().resolve(RESULTS) : target().resolve(RESULTS));
        if (isComplete()) {
            report.writeDocuments(project);
        }
        System.out.println(before == null ? report.figures() : report.comparison());
    }

    private void reportDelayed(BenchPlan plan, List<Integer> delaysMicros) throws Exception {
        Report report = new Report(measureDelayed(plan, delaysMicros));
        report.writeFigures(isComplete() ? documents().resolve(DELAYED) : target().resolve(DELAYED));
        if (isComplete()) {
            report.writeFsyncDelays(project);
        } else {
            report.writeFsyncDelayCharts(target());
        }
        System.out.println(before == null ? report.fsyncDelays() : report.comparison());
    }

    private void reportTimelines() throws Exception {
        Optional<String> obstacle = Timelines.obstacle();
        if (obstacle.isPresent()) {
            System.out.println("--timeline is skipped: " + obstacle.get());
            return;
        }
        try (TemporaryFolder temporary = TemporaryFolder.create("bench-data");
                BenchPostgres server = BenchPostgres.start(temporary.path())) {
            server.announce();
            Machine machine = Machine.of(project, temporary.path());
            System.out.println(new Timelines(machine, temporary.path()).writeDocuments(project));
        }
    }

    private void reportTransfers() throws Exception {
        try (TemporaryFolder temporary = TemporaryFolder.create("bench-data");
                BenchPostgres server = BenchPostgres.start(temporary.path())) {
            server.announce();
            Transfers measured = new Transfers(temporary.path(), server, contexts, ENTRIES_OF_CONTEXT);
            System.out.println(measured.measure(rounds > 0 ? rounds : 1));
        }
    }

    private boolean isComplete() {
        return isOfAllVariants() && millis == 0 && turns == 0;
    }

    private boolean isOfAllVariants() {
        return only == null && goal == null && before == null;
    }

    private void redraw() throws IOException {
        new Report(Report.read(documents().resolve(RESULTS))).writeDocuments(project);
        if (Files.exists(documents().resolve(DELAYED))) {
            new Report(Report.read(documents().resolve(DELAYED))).writeFsyncDelays(project);
        }
    }

    private boolean isWanted(Variant variant) {
        return (only == null || only.matcher(variant.toString()).find())
                && (goal == null || Goals.variants(goal).contains(variant))
                && (before == null || isComparable(variant, before));
    }

    /** Returns whether another checkout can measure a variant, too: some have no metrics yet. */
    static boolean isComparable(Variant variant, Path before) {
        return variant.isKeystore()
                && (!variant.isMetered() || Files.isDirectory(before.resolve("keystore-micrometer")));
    }

    private void list(BenchPlan plan) {
        List<Variant> second = plan.ofRound(2, rounds());
        plan.ofRound(1, rounds())
                .forEach(variant -> System.out.println(variant + (second.contains(variant) ? "" : ", once")));
        System.out.printf(
                "%d variants, %d rounds: about %d minutes on two idle cores%n",
                plan.variants().size(),
                rounds(),
                plan.estimate(iterations(), rounds()).toMinutes() + 1);
    }

    private Iterations iterations() {
        Iterations iterations = whole ? Iterations.WHOLE : Iterations.SHORT;
        return millis > 0 ? iterations.withMillis(millis) : iterations;
    }

    private int rounds() {
        return rounds > 0 ? rounds : whole ? WHOLE_ROUNDS : SHORT_ROUNDS;
    }

    private Path documents() {
        return project.resolve("docs/performance");
    }

    private Path target() {
        return project.resolve("keystore-bench/target");
    }

    private Results measure(BenchPlan plan) throws Exception {
        try (TemporaryFolder temporary = TemporaryFolder.create("bench-data")) {
            Path folder = temporary.path();
            if (plan.variants().stream().noneMatch(Variant::isOnPostgres)) {
                return measure(plan, folder, List.of(), null);
            }
            try (BenchPostgres server = BenchPostgres.start(folder)) {
                return measure(plan, folder, List.of(server.jvmArgument()), null);
            }
        }
    }

    /** Keeps temporary files, such as unpacked libraries, on disk: memory may not be executable. */
    private Results measureDelayed(BenchPlan plan, List<Integer> delaysMicros) throws Exception {
        FsyncDelay delay = FsyncDelay.compile(target().resolve("fsync-delay"), delaysMicros);
        try (TemporaryFolder memory = TemporaryFolder.createIn(FsyncDelay.SHARED_MEMORY, "bench-data")) {
            String temporary = "-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir");
            return measure(plan, memory.path(), List.of(temporary), delay);
        }
    }

    private Results measure(BenchPlan plan, Path folder, List<String> jvmArguments, @Nullable FsyncDelay delay)
            throws Exception {
        System.out.printf(
                "%d variants, %d rounds, seed %d, stores in %s%n",
                plan.variants().size(), rounds(), seed, folder);
        ClassPaths classPaths = ClassPaths.of(ClassPaths.ofThisJvm(), project, before);
        Rounds measuring = new Rounds(iterations(), folder, classPaths, seed, jvmArguments, delay, turns);
        Machine machine = Machine.of(project, folder);
        return new Results(machine, command(), rounds(), seed, measuring.run(plan, rounds()));
    }

    private String command() {
        List<String> options = new ArrayList<>();
        if (fsyncDelays != null) {
            options.add(
                    "--fsync-delay=" + fsyncDelays.stream().map(String::valueOf).collect(Collectors.joining(",")));
        }
        if (whole) {
            options.add("--whole");
        }
        if (rounds > 0) {
            options.add("--rounds=" + rounds);
        }
        if (turns > 0) {
            options.add("--turns=" + turns);
        }
        return "mvn -q compile -Pbench"
                + (options.isEmpty() ? "" : " -Dbench.options=\"" + String.join(" ", options) + "\"");
    }
}
