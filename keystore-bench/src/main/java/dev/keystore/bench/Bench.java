package dev.keystore.bench;

import dev.keystore.bench.commit.PostgresServer;
import dev.keystore.bench.report.Goals;
import dev.keystore.bench.report.Report;
import dev.keystore.bench.report.Results;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures Keystore and its peers, and writes down what came of it.
 *
 * <p>Without options it is the short form. A run of all variants writes {@code docs/performance/results.json}, the
 * pictures beside it, and the tables of {@code docs/performance.md} and {@code README.md}; a run of some prints tables.
 */
@Command(name = "bench", mixinStandardHelpOptions = true, sortOptions = false)
public final class Bench implements Callable<Integer> {

    static final int SHORT_ROUNDS = 2;
    private static final int WHOLE_ROUNDS = 5;

    @Option(names = "--project", required = true, hidden = true)
    Path project = Path.of(".");

    @Option(names = "--whole", description = "Measure everything; takes hours. Without it: what the goals need.")
    boolean whole;

    @Option(names = "--rounds", description = "How often each variant is measured; 2, or 5 of the whole.")
    int rounds;

    @Option(names = "--only", description = "Measure only variants whose description holds this regular expression.")
    @Nullable
    Pattern only;

    @Option(
            names = "--before",
            description =
                    "Another checkout that is compiled: only Keystore is measured, with its classes and with these,"
                            + " in the same rounds.")
    @Nullable
    Path before;

    @Option(
            names = "--millis",
            description = "How long an iteration takes; 400, or 1000 of the whole. With it, tables are only printed.")
    long millis;

    @Option(names = "--list", description = "List the variants and about how long they take, and measure none.")
    boolean list;

    @Option(
            names = "--redraw",
            description = "Measure nothing, and write the documents from the results that are there.")
    boolean redraw;

    @Option(names = "--seed", description = "Draws the order of the variants.")
    long seed = System.nanoTime();

    private Bench() {}

    /** Runs with options; {@code --help} lists them. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Bench()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        Plan everything = whole ? Plan.ofWholeRun(Goals.variants()) : Plan.ofShortRun(Goals.variants());
        boolean complete = only == null && before == null && millis == 0;
        Plan plan = only == null && before == null ? everything : everything.only(this::isWanted);
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

    private void list(Plan plan) {
        plan.ofRound(1)
                .forEach(variant -> System.out.println(
                        variant + (plan.ofRound(2).contains(variant) ? "" : ", in the first round only")));
        System.out.printf(
                "%d variants, %d rounds: about %d minutes on two cores that nobody else uses%n",
                plan.ofRound(1).size(),
                rounds(),
                plan.estimate(effort(), rounds()).toMinutes() + 1);
    }

    private Effort effort() {
        Effort effort = whole ? Effort.WHOLE : Effort.SHORT;
        return millis > 0 ? effort.withMillis(millis) : effort;
    }

    private int rounds() {
        return rounds > 0 ? rounds : whole ? WHOLE_ROUNDS : SHORT_ROUNDS;
    }

    private Path results() {
        return project.resolve("docs/performance/results.json");
    }

    private Results measure(Plan plan) throws Exception {
        Path folder = Files.createTempDirectory(Path.of(System.getProperty("java.io.tmpdir")), "bench-data");
        try {
            System.out.printf(
                    "%d variants, %d rounds, seed %d, stores in %s%n",
                    plan.ofRound(1).size(), rounds(), seed, folder);
            if (plan.ofRound(1).stream().noneMatch(Variant::isOnPostgres)) {
                return measure(plan, folder, List.of());
            }
            try (PostgresServer server = PostgresServer.start(folder)) {
                return measure(plan, folder, List.of(server.jvmArgument()));
            }
        } finally {
            delete(folder);
        }
    }

    private Results measure(Plan plan, Path folder, List<String> jvmArguments) throws Exception {
        ClassPaths classPaths = ClassPaths.of(ClassPaths.ofThisJvm(), project, before);
        Rounds run = new Rounds(effort(), folder, classPaths, seed, jvmArguments);
        Machine machine = Machine.of(project, folder);
        return new Results(machine, command(), rounds(), seed, run.run(plan, rounds()));
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

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
