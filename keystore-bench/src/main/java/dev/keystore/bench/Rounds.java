package dev.keystore.bench;

import dev.keystore.bench.report.Spread;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Measures variants in rounds: in each round every variant once, in an order drawn anew, each in a JVM of its own.
 *
 * <p>JMH by itself measures all forks of one variant before those of the next, minutes later. A machine that others use
 * changes its speed within minutes, so two variants are compared within a round, and the comparison is made in several
 * rounds. Within a JVM they could be compared closer to each other, but what the compiler makes of one would depend on
 * the other.
 */
final class Rounds {

    private static final double P99 = 99;

    /** What JOL needs to look into the JDK's own objects. */
    private static final String[] FOR_JOL = {
        "-Djol.magicFieldOffset=true",
        "-Djdk.attach.allowAttachSelf=true",
        "-XX:+EnableDynamicAgentLoading",
        "--add-exports=java.base/jdk.internal.vm.annotation=ALL-UNNAMED"
    };

    /**
     * With one thread, methods are compiled after a fifth of the calls that it takes by default, to which it would not come
     * in a warm-up. Many threads come to them, and would have more compiled at once than two cores have time for.
     */
    private static final String EARLY_COMPILATION = "-XX:CompileThresholdScaling=0.2";

    private final Effort effort;
    private final Path folder;
    private final FsyncProbe probe;
    private final ClassPaths classPaths;
    private final Random random;
    private final List<String> jvmArguments;

    /** Measures in a folder; {@code jvmArguments} are for each JVM that does so. */
    Rounds(Effort effort, Path folder, ClassPaths classPaths, long seed, List<String> jvmArguments) {
        this.effort = effort;
        this.folder = folder;
        this.probe = new FsyncProbe(folder);
        this.classPaths = classPaths;
        this.random = new Random(seed);
        this.jvmArguments = new ArrayList<>(jvmArguments);
        this.jvmArguments.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Djava.io.tmpdir=" + folder));
    }

    private record Turn(Variant variant, boolean before) {}

    List<Measurement> run(Plan plan, int rounds) throws RunnerException, IOException {
        List<Measurement> measurements = new ArrayList<>();
        for (int round = 1; round <= rounds; round++) {
            for (Turn turn : turns(plan.ofRound(round))) {
                Measurement measured = measure(turn, round);
                System.out.printf(
                        "round %d%s: %s: %s %s%n",
                        round,
                        turn.before ? ", before" : "",
                        turn.variant,
                        Spread.figure(measured.score()),
                        turn.variant.work().unit());
                measurements.add(measured);
            }
        }
        return measurements;
    }

    private List<Turn> turns(List<Variant> variants) {
        List<Turn> turns = new ArrayList<>();
        for (Variant variant : variants) {
            turns.add(new Turn(variant, false));
            if (classPaths.compares() && variant.isKeystore()) {
                turns.add(new Turn(variant, true));
            }
        }
        Collections.shuffle(turns, random);
        return turns;
    }

    private Measurement measure(Turn turn, int round) throws RunnerException, IOException {
        Variant variant = turn.variant;
        boolean durable = variant.work().isDurable();
        double rateBefore = durable ? probe.rate() : 0;
        RunResult result = classPaths.with(turn.before, () -> fork(variant));
        double rateAfter = durable ? probe.rate() : 0;
        return new Measurement(
                variant,
                turn.before,
                round,
                score(variant.work(), result),
                (rateBefore + rateAfter) / 2,
                counts(result));
    }

    private static Map<String, Double> counts(RunResult result) {
        Map<String, Double> counts = new TreeMap<>();
        result.getSecondaryResults().forEach((name, count) -> counts.put(name, count.getScore()));
        return counts;
    }

    private static double score(Work work, RunResult result) {
        Result<?> primary = result.getPrimaryResult();
        Map<String, Double> counts = counts(result);
        if (work.isCount()) {
            return counts.getOrDefault("bytes", 0.0);
        }
        if (work.isMeasuredByCpu()) {
            return work.operationsPerCpu(counts.getOrDefault("operations", 0.0), counts.getOrDefault("cpuMicros", 0.0));
        }
        return work == Work.READ_BESIDE_COMMITS ? primary.getStatistics().getPercentile(P99) : primary.getScore();
    }

    private RunResult fork(Variant variant) throws RunnerException {
        TimeValue time = new TimeValue(effort.millis(), TimeUnit.MILLISECONDS);
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(variant.work().pattern())
                .threads(variant.threads())
                .forks(1)
                .warmupIterations(variant.work().isCount() ? 0 : effort.warmups(variant.work()))
                .warmupTime(time)
                .measurementIterations(variant.work().isCount() ? 1 : effort.iterations())
                .measurementTime(time)
                .shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT)
                .jvmArgsPrepend(jvmArguments.toArray(String[]::new));
        if (variant.work().isCount()) {
            options.jvmArgsAppend(FOR_JOL);
        }
        if (variant.work().isOfAStore() && variant.threads() == 1) {
            options.jvmArgsAppend(EARLY_COMPILATION);
        }
        variant.parameters().forEach(options::param);
        if (variant.work() == Work.COMMIT) {
            options.param("folder", folder.toString());
        }
        return new Runner(options.build()).runSingle();
    }
}
