package dev.keystore.bench;

import dev.keystore.bench.report.Spread;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Measures variants in rounds: each round measures every variant once, each in a separate JVM. Variants that are
 * compared with each other follow one another, in a random order.
 *
 * <p>JMH alone measures all forks of one variant before those of the next, minutes later. The speed of a shared machine
 * changes within minutes, so variants are compared within a round, over several rounds. Measuring them in one JVM would
 * bring them closer together, but the compiled code of one would then depend on the other. Instead, their JVMs can take
 * {@link Turns}, iteration by iteration: one JVM for each variant is alive then, with a heap of 1 GiB.
 */
final class Rounds {

    private static final double P99 = 99;

    /** Lets JOL inspect the JDK's objects. */
    private static final String[] FOR_JOL = {
        "-Djol.magicFieldOffset=true",
        "-Djdk.attach.allowAttachSelf=true",
        "-XX:+EnableDynamicAgentLoading",
        "--add-exports=java.base/jdk.internal.vm.annotation=ALL-UNNAMED"
    };

    /**
     * Compiles methods after a fifth of the default number of calls, which one thread would not reach during the
     * warm-up. Many threads reach it, and would have more compiled at once than two cores have time for.
     */
    private static final String EARLY_COMPILATION = "-XX:CompileThresholdScaling=0.2";

    /**
     * A heap whose pages have all been used. The host of a virtual machine may have taken the free memory back; then
     * the first use of a page takes microseconds, which would count for whatever allocates it.
     */
    private static final String[] TOUCHED_HEAP = {"-Xms1g", "-Xmx1g", "-XX:+AlwaysPreTouch"};

    private static final Path SYNC = Path.of("/bin/sync");

    static {
        // Read by JMH when its first run starts. Its lock would admit one run at a time, not several that take turns.
        System.setProperty("jmh.ignoreLock", "true");
    }

    private final Iterations iterations;
    private final Path folder;
    private final FsyncProbe probe;
    private final ClassPaths classPaths;
    private final Random random;
    private final List<String> jvmArguments;
    private final @Nullable FsyncDelay fsyncDelay;
    private final int turns;

    /**
     * Creates rounds without a variant yet.
     *
     * @param folder where stores are created
     * @param jvmArguments the arguments of each forked JVM
     * @param fsyncDelay how fsyncs are delayed; null if no variant delays them
     * @param turns how many measured iterations of variants that are compared alternate; 0 if each variant is measured
     *     as a whole
     */
    Rounds(
            Iterations iterations,
            Path folder,
            ClassPaths classPaths,
            long seed,
            List<String> jvmArguments,
            @Nullable FsyncDelay fsyncDelay,
            int turns) {
        this.iterations = iterations;
        this.folder = folder;
        this.probe = new FsyncProbe(folder);
        this.classPaths = classPaths;
        this.random = new Random(seed);
        this.jvmArguments = new ArrayList<>();
        this.jvmArguments.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Djava.io.tmpdir=" + folder));
        this.jvmArguments.addAll(jvmArguments);
        this.fsyncDelay = fsyncDelay;
        this.turns = turns;
    }

    private record BuildVariant(Variant variant, boolean before) {}

    List<Measurement> run(BenchPlan plan, int rounds) throws Exception {
        List<Measurement> measurements = new ArrayList<>();
        for (int round = 1; round <= plan.lastRound(rounds); round++) {
            for (List<BuildVariant> family : shuffled(plan.ofRound(round, rounds))) {
                for (Measurement measured : measure(family, round)) {
                    System.out.printf(
                            "round %d%s: %s: %s %s%n",
                            round,
                            measured.before() ? ", before" : "",
                            measured.variant(),
                            Spread.figure(measured.score()),
                            measured.variant().workload().unit());
                    measurements.add(measured);
                }
            }
        }
        return measurements;
    }

    private List<List<BuildVariant>> shuffled(List<Variant> variants) {
        Map<String, List<BuildVariant>> families = new LinkedHashMap<>();
        for (Variant variant : variants) {
            List<BuildVariant> family = families.computeIfAbsent(variant.family(), name -> new ArrayList<>());
            family.add(new BuildVariant(variant, false));
            if (classPaths.compares() && variant.isKeystore()) {
                family.add(new BuildVariant(variant, true));
            }
        }
        List<List<BuildVariant>> shuffled = new ArrayList<>(families.values());
        Collections.shuffle(shuffled, random);
        shuffled.forEach(family -> Collections.shuffle(family, random));
        return shuffled;
    }

    private List<Measurement> measure(List<BuildVariant> family, int round) throws Exception {
        if (turns > 0 && family.get(0).variant.workload().canAlternate()) {
            return measureAlternately(family, round);
        }
        List<Measurement> measured = new ArrayList<>();
        for (BuildVariant build : family) {
            measured.add(measure(build, round));
        }
        return measured;
    }

    private List<Measurement> measureAlternately(List<BuildVariant> family, int round) throws Exception {
        Iterations each = iterations.ofTurns(turns, family.stream().map(BuildVariant::variant));
        boolean probed =
                family.stream().anyMatch(build -> build.variant.workload().needsFsyncRate());
        try (Turns<RunResult> alternating = new Turns<>()) {
            for (BuildVariant build : family) {
                Path own = folderOf(build);
                classPaths.<Object, Exception>with(build.before, () -> {
                    alternating.start(() -> fork(build.variant, own, each, alternating.jvmArgument()));
                    return build;
                });
            }
            for (int i = 0; i < each.warmups(); i++) {
                alternating.take(random, () -> {});
            }
            double rates = 0;
            for (int i = 0; i < turns; i++) {
                rates += probed ? fsyncRate() : 0;
                alternating.take(random, Rounds::sync);
            }
            List<Measurement> measured = new ArrayList<>();
            for (RunResult result : alternating.results()) {
                measured.add(measurement(family.get(measured.size()), round, result, rates / turns));
            }
            return measured;
        }
    }

    /** Returns a folder that no other variant of a family uses. */
    private Path folderOf(BuildVariant build) throws IOException {
        String name = build.variant.workload() + "-" + build.variant.threads() + (build.before ? "-before" : "");
        return Files.createDirectories(folder.resolve(name));
    }

    private Measurement measure(BuildVariant build, int round) throws RunnerException, IOException {
        Variant variant = build.variant;
        boolean probed = variant.workload().needsFsyncRate();
        double rateBefore = probed ? fsyncRate() : 0;
        RunResult result = fork(build);
        double rateAfter = probed ? fsyncRate() : 0;
        return measurement(build, round, result, (rateBefore + rateAfter) / 2);
    }

    private static Measurement measurement(BuildVariant build, int round, RunResult result, double fsyncRate) {
        Variant variant = build.variant;
        Map<String, Double> counts = counts(result);
        return new Measurement(
                variant,
                build.before,
                round,
                score(variant.workload(), result),
                variant.fsyncDelayMicros() > 0 ? delayedRate(counts) : fsyncRate,
                counts);
    }

    /** Measures the fsync rate, after what earlier variants left in the page cache has been written. */
    private double fsyncRate() throws IOException {
        sync();
        return probe.rate();
    }

    /** Executes the command {@code sync}, where the system has one. */
    private static void sync() throws IOException {
        if (!Files.isExecutable(SYNC)) {
            return;
        }
        try {
            new ProcessBuilder(SYNC.toString()).inheritIO().start().waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the page cache was written");
        }
    }

    /** Returns the fsync rate that the forked JVM measured, the only one in which fsyncs are delayed. */
    private static double delayedRate(Map<String, Double> counts) {
        return counts.getOrDefault("probedFsyncRate", 0.0) / counts.getOrDefault("probes", 1.0);
    }

    /** Delayed fsyncs get an empty folder each: the logs of all variants together could fill the memory. */
    private RunResult fork(BuildVariant build) throws RunnerException, IOException {
        if (build.variant.fsyncDelayMicros() == 0) {
            return classPaths.with(build.before, () -> fork(build.variant, folder, iterations));
        }
        try (TemporaryFolder empty = TemporaryFolder.createIn(folder, "delayed")) {
            return classPaths.with(build.before, () -> fork(build.variant, empty.path(), iterations));
        }
    }

    private static Map<String, Double> counts(RunResult result) {
        Map<String, Double> counts = new TreeMap<>();
        result.getSecondaryResults().forEach((name, count) -> counts.put(name, count.getScore()));
        return counts;
    }

    private static double score(Workload workload, RunResult result) {
        Result<?> primary = result.getPrimaryResult();
        Map<String, Double> counts = counts(result);
        if (workload.isCount()) {
            return counts.getOrDefault("bytes", 0.0);
        }
        if (workload.isMeasuredByCpu()) {
            return workload.operationsPerCpu(
                    counts.getOrDefault("operations", 0.0), counts.getOrDefault("processCpuMicros", 0.0));
        }
        return workload == Workload.READ_DURING_COMMITS
                ? primary.getStatistics().getPercentile(P99)
                : primary.getScore();
    }

    private RunResult fork(Variant variant, Path storeFolder, Iterations each, String... moreJvmArguments)
            throws RunnerException {
        TimeValue time = new TimeValue(each.millis(), TimeUnit.MILLISECONDS);
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(variant.workload().pattern())
                .threads(variant.threads())
                .forks(1)
                .warmupIterations(variant.workload().isCount() ? 0 : each.warmups(variant))
                .warmupTime(time)
                .measurementIterations(variant.workload().isCount() ? 1 : each.measured())
                .measurementTime(time)
                .shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT)
                .jvmArgsPrepend(Stream.concat(jvmArguments.stream(), Stream.of(moreJvmArguments))
                        .toArray(String[]::new));
        if (variant.workload().isCount()) {
            options.jvmArgsAppend(FOR_JOL);
        } else {
            options.jvmArgsAppend(TOUCHED_HEAP);
        }
        if (variant.workload().isOfAStore() && variant.threads() == 1) {
            options.jvmArgsAppend(EARLY_COMPILATION);
        }
        if (variant.fsyncDelayMicros() > 0) {
            Path jvm = Objects.requireNonNull(fsyncDelay, "fsyncDelay").jvm(variant.fsyncDelayMicros());
            options.jvm(jvm.toString());
        }
        variant.parameters().forEach(options::param);
        if (variant.workload().hasCommitPeers()) {
            options.param("folder", storeFolder.toString());
        }
        return new Runner(options.build()).runSingle();
    }
}
