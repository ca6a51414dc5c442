package dev.keystore.bench;

import dev.keystore.bench.commit.BenchPostgres;
import dev.keystore.bench.report.Goals;
import dev.keystore.bench.report.Report;
import dev.keystore.bench.report.Results;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The benchmark's command line: measures Keystore and its peers, and writes the results.
 *
 * <p>Without options, it runs the short form. A run of all variants writes {@code docs/performance/results.json}, the
 * charts next to it, and the tables of {@code docs/performance.md}. A run of some variants prints tables only.
 */
@Command(name = "bench", mixinStandardHelpOptions = true, sortOptions = false)
public final class Bench implements Callable<Integer> {

    static final int SHORT_ROUNDS = 2;
    private static final int WHOLE_ROUNDS = 5;

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

    @Option(
            names = "--before",
            description = "Another checkout, already compiled: measure only Keystore, with its classes and with these,"
                    + " in the same rounds.")
    @Nullable
    Path before;

    @Option(
            names = "--millis",
            description =
                    "Duration of an iteration; default: 400, or 1000 with --whole. With it, tables are only printed.")
    long millis;

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
        BenchPlan everything = whole ? BenchPlan.ofWholeRun(Goals.variants()) : BenchPlan.ofShortRun(Goals.variants());
        boolean complete = only == null && before == null && millis == 0;
        BenchPlan plan = only == null && before == null ? everything : everything.only(this::isWanted);
        if (list) {
            list(plan);
        } else if (redraw) {
            new Report(Report.read(results())).writeDocuments(project);
        } else {
            Report report = new Report(measure(plan));
            report.writeFigures(complete ? results() : project.resolve("keystore-bench/target/results.json"));
            if (complete) {
                report.writeDocuments(project);
            }
            System.out.println(before == null ? report.figures() : report.comparison());
        }
        return 0;
    }

    private boolean isWanted(Variant variant) {
        return (only == null || only.matcher(variant.toString()).find()) && (before == null || variant.isKeystore());
    }

    private void list(BenchPlan plan) {
        plan.ofRound(1)
                .forEach(variant ->
                        System.out.println(variant + (plan.ofRound(2).contains(variant) ? "" : ", first round only")));
        System.out.printf(
                "%d variants, %d rounds: about %d minutes on two idle cores%n",
                plan.ofRound(1).size(),
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

    private Path results() {
        return project.resolve("docs/performance/results.json");
    }

    private Results measure(BenchPlan plan) throws Exception {
        try (TemporaryFolder temporary = TemporaryFolder.create("bench-data")) {
            Path folder = temporary.path();
            System.out.printf(
                    "%d variants, %d rounds, seed %d, stores in %s%n",
                    plan.ofRound(1).size(), rounds(), seed, folder);
            if (plan.ofRound(1).stream().noneMatch(Variant::isOnPostgres)) {
                return measure(plan, folder, List.of());
            }
            try (BenchPostgres server = BenchPostgres.start(folder)) {
                return measure(plan, folder, List.of(server.jvmArgument()));
            }
        }
    }

    private Results measure(BenchPlan plan, Path folder, List<String> jvmArguments) throws Exception {
        ClassPaths classPaths = ClassPaths.of(ClassPaths.ofThisJvm(), project, before);
        Rounds measuring = new Rounds(iterations(), folder, classPaths, seed, jvmArguments);
        Machine machine = Machine.of(project, folder);
        return new Results(machine, command(), rounds(), seed, measuring.run(plan, rounds()));
    }

    private String command() {
        List<String> options = new ArrayList<>();
        if (whole) {
            options.add("--whole");
        }
        if (rounds > 0) {
            options.add("--rounds=" + rounds);
        }
        return "mvn -q compile -Pbench"
                + (options.isEmpty() ? "" : " -Dbench.options=\"" + String.join(" ", options) + "\"");
    }
}
