package dev.keystore.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import dev.keystore.bench.read.ReadPeers;
import dev.keystore.bench.report.Goals;
import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs of minimal length. */
@Timeout(120)
class RoundsTest {

    private static final Iterations LEAST = new Iterations(0, 0, 2, 100);

    @TempDir
    private Path folder;

    private Rounds rounds() {
        return rounds(null);
    }

    private Rounds rounds(@Nullable FsyncDelay delay) {
        return new Rounds(LEAST, folder, ClassPaths.of(ClassPaths.ofThisJvm(), folder, null), 1, List.of(), delay, 0);
    }

    @Test
    void run_ofTwoRounds_measuresEachVariantInEach() throws Exception {
        Variant commit = Variant.commit(CommitPeers.KEYSTORE_SQLITE, 1, 10);
        Variant read = Variant.read(Workload.READ_ONE, ReadPeers.MAP, Room.PLENTY, Distribution.UNIFORM, 2);

        List<Measurement> measured = rounds().run(BenchPlan.of(commit, read), 2);

        assertThat(measured).hasSize(4).extracting(Measurement::round).containsExactly(1, 1, 2, 2);
        for (Measurement one : measured) {
            assertThat(one.score()).isPositive();
            assertThat(one.cpuMicrosPerOperation()).isPositive();
            if (one.variant().equals(commit)) {
                assertThat(one.fsyncRate()).isPositive();
                assertThat(one.relative()).isEqualTo(one.score() / one.fsyncRate());
                assertThat(one.fsyncsPerCommit()).isEqualTo(1);
            } else {
                assertThat(one.relative()).isEqualTo(one.score());
                assertThat(one.fsyncsPerCommit()).isNaN();
            }
        }
    }

    @Test
    void run_ofSeveralKinds_measuresThoseThatAreComparedOneAfterTheOther() throws Exception {
        Variant commit = Variant.commit(CommitPeers.APPEND, 1, 10);
        Variant compared = Variant.commit(CommitPeers.JDBC_SQLITE, 1, 10);
        Variant other = Variant.commit(CommitPeers.APPEND, 2, 10);
        Variant more = Variant.commit(CommitPeers.APPEND_GROUPS, 3, 10);

        List<Variant> measured = rounds().run(BenchPlan.of(commit, other, compared, more), 1).stream()
                .map(Measurement::variant)
                .toList();

        assertThat(measured).containsExactlyInAnyOrder(commit, compared, other, more);
        assertThat(Math.abs(measured.indexOf(commit) - measured.indexOf(compared)))
                .isEqualTo(1);
        assertThat(Math.abs(measured.indexOf(other) - measured.indexOf(more))).isEqualTo(1);
    }

    @Test
    void run_withTurns_measuresIterationsAlternately() throws Exception {
        Variant commit = Variant.commit(CommitPeers.KEYSTORE_SQLITE, 2, 10);
        Variant same = Variant.commit(CommitPeers.KEYSTORE_SQLITE, 3, 10);
        Variant peer = Variant.commit(CommitPeers.APPEND_GROUPS, 2, 10);
        Variant read = Variant.read(Workload.READ_ONE, ReadPeers.MAP, Room.PLENTY, Distribution.UNIFORM, 2);
        Variant cold = Variant.coldRead(Workload.READ_COLD, CommitPeers.KEYSTORE_SQLITE, 400);
        Variant several = Variant.coldRead(Workload.READ_COLD_SEVERAL, CommitPeers.KEYSTORE_SQLITE, 400);
        ClassPaths classPaths = ClassPaths.of(ClassPaths.ofThisJvm(), folder, null);
        Rounds alternating = new Rounds(LEAST, folder, classPaths, 1, List.of(), null, 3);

        List<Measurement> measured = alternating.run(BenchPlan.of(commit, same, peer, read, cold, several), 1);

        assertThat(measured)
                .hasSize(6)
                .allSatisfy(one -> assertThat(one.score()).isPositive())
                .allSatisfy(one -> assertThat(one.counts()).containsKey("operations"));
        assertThat(measured)
                .filteredOn(one -> one.variant().workload() == Workload.COMMIT)
                .hasSize(3)
                .allSatisfy(one -> assertThat(one.relative()).isEqualTo(one.score() / one.fsyncRate()));
    }

    @Test
    void families_areVariantsThatGoalsCompare() {
        assertThat(Variant.commit(CommitPeers.KEYSTORE_SQLITE, 16, 10).family())
                .isEqualTo(Variant.commit(CommitPeers.ROCKSDB, 64, 10).family())
                .isNotEqualTo(Variant.commit(CommitPeers.ROCKSDB, 16, 20).family())
                .isNotEqualTo(
                        Variant.commit(CommitPeers.KEYSTORE_POSTGRES, 16, 10).family());
        assertThat(Variant.coldRead(Workload.READ_COLD, CommitPeers.KEYSTORE_SQLITE, 10)
                        .family())
                .isEqualTo(Variant.coldRead(Workload.READ_COLD_SEVERAL, CommitPeers.JDBC_SQLITE_TUNED, 10)
                        .family());
        assertThat(Variant.duringCommits(true).family())
                .isEqualTo(Variant.duringCommits(false).family());
    }

    @Test
    void wholeRun_ofLargeStores_hasNoPeerThatKeepsValuesInMemory() {
        assertThat(BenchPlan.ofWholeRun(Goals.variants()).variants())
                .contains(Variant.commit(CommitPeers.JDBC_SQLITE_MINIMAL, 16, BenchPlan.ENTRIES))
                .contains(Variant.commit(CommitPeers.JDBC_SQLITE_GROUPS, 16, BenchPlan.MANY_ENTRIES))
                .doesNotContain(
                        Variant.commit(CommitPeers.JDBC_SQLITE_MINIMAL, 16, BenchPlan.MANY_ENTRIES),
                        Variant.commit(CommitPeers.JDBC_SQLITE_MINIMAL_FENCED, 1, BenchPlan.MANY_ENTRIES),
                        Variant.commit(CommitPeers.APPEND_GROUPS, 16, BenchPlan.MANY_ENTRIES));
    }

    @Test
    void shortRun_measuresGoalsInEachRound_andOthersOnce() {
        BenchPlan plan = BenchPlan.ofShortRun(Goals.variants(), Goals.variantsWithBound());
        Variant goal = Variant.commit(CommitPeers.KEYSTORE_MAPDB, 16, BenchPlan.MANY_ENTRIES);
        Variant defaults = Variant.commit(CommitPeers.JDBC_SQLITE, 1, BenchPlan.ENTRIES);
        Variant other = Variant.commit(CommitPeers.XODUS, 16, BenchPlan.ENTRIES);
        Variant count = Variant.heap(Workload.HEAP_CONTEXT);

        assertThat(plan.ofRound(1, 2))
                .contains(goal, defaults, other, count)
                .contains(
                        Variant.commit(CommitPeers.APPEND_GROUPS, 64, BenchPlan.ENTRIES),
                        Variant.commit(CommitPeers.KEYSTORE_MAPDB, 64, BenchPlan.ENTRIES))
                .containsAll(Goals.variants());
        assertThat(plan.ofRound(2, 2)).contains(goal).doesNotContain(defaults, other, count);
        assertThat(plan.only(other::equals).ofRound(2, 2)).containsExactly(other);
        assertThat(BenchPlan.ofWholeRun(Goals.variants()).ofRound(2, 2))
                .contains(goal, defaults, other)
                .doesNotContain(count);
        assertThat(BenchPlan.ofWholeRun(Goals.variants()).variants()).containsAll(plan.variants());
        assertThat(plan.estimate(Iterations.SHORT, Bench.SHORT_ROUNDS)).isLessThan(Duration.ofMinutes(25));
    }

    @Test
    void shortRun_measuresThePercentileInSevenRounds() {
        BenchPlan plan = BenchPlan.ofShortRun(Goals.variants(), Goals.variantsWithBound());
        Variant slow = Variant.duringCommits(true);
        Variant idle = Variant.duringCommits(false);

        assertThat(plan.lastRound(2)).isEqualTo(7);
        assertThat(plan.ofRound(7, 2)).containsExactly(slow, idle);
        assertThat(plan.only(slow::equals).lastRound(2)).isEqualTo(2);
    }

    @Test
    void run_withADelayOfFsyncs_delaysEach() throws Exception {
        assumeThat(FsyncDelay.obstacle()).as("why fsyncs can't be delayed").isEmpty();
        int micros = 20_000;
        FsyncDelay delay = FsyncDelay.compile(folder.resolve("library"), List.of(micros));

        List<Measurement> measured =
                rounds(delay).run(BenchPlan.of(Variant.delayedCommit(CommitPeers.APPEND, 1, 10, micros)), 1);

        assertThat(measured).hasSize(1);
        assertThat(measured.get(0).score()).isPositive().isLessThanOrEqualTo(1_000_000.0 / micros);
        assertThat(measured.get(0).fsyncRate()).isPositive().isLessThanOrEqualTo(1_000_000.0 / micros);
    }

    @Test
    void runWithDelays_measuresEachPeerWithEach() {
        assertThat(BenchPlan.ofFsyncDelays(List.of(30, 2_000)).ofRound(2, 2))
                .hasSize(12)
                .contains(Variant.delayedCommit(CommitPeers.KEYSTORE_MAPDB, 16, BenchPlan.ENTRIES, 2_000));
    }

    @Test
    void run_ofHeapFigures_countsBytes() throws Exception {
        BenchPlan heap = BenchPlan.of(Variant.heap(Workload.HEAP_ENTRY), Variant.heap(Workload.HEAP_CONTEXT));
        List<Measurement> measured = rounds().run(heap, 2);

        assertThat(measured)
                .hasSize(2)
                .extracting(Measurement::score)
                .allSatisfy(bytes -> assertThat(bytes).isBetween(50.0, 500.0));
    }

    @Test
    void compare_withAnotherCheckout_usesItsClassesAndThisBench() throws Exception {
        Path project = folder.resolve("now");
        Path before = folder.resolve("before");
        Files.createDirectories(before.resolve("keystore-core/target/classes"));
        String now =
                classPath(project.resolve("keystore-core"), project.resolve("keystore-bench"), folder.resolve("x"));

        ClassPaths paths = ClassPaths.of(now, project, before);

        assertThat(paths.compares()).isTrue();
        assertThat(paths.with(true, ClassPaths::ofThisJvm))
                .isEqualTo(classPath(
                        before.resolve("keystore-core"), project.resolve("keystore-bench"), folder.resolve("x")));
        assertThat(paths.with(false, ClassPaths::ofThisJvm)).isEqualTo(now);
    }

    @Test
    void compare_withACheckoutThatLacksAModule_leavesItOut() throws Exception {
        Path before = Files.createDirectories(folder.resolve("before"));
        Files.createFile(before.resolve("pom.xml"));
        String now = classPath(folder.resolve("keystore-core"), folder.resolve("keystore-bench"));

        ClassPaths paths = ClassPaths.of(now, folder, before);

        assertThat(paths.with(true, ClassPaths::ofThisJvm)).isEqualTo(classPath(folder.resolve("keystore-bench")));
    }

    @Test
    void compare_withACheckoutThatIsNotCompiled_isRefused() {
        String now = classPath(folder.resolve("keystore-core"));
        assertThatThrownBy(() -> ClassPaths.of(now, folder, folder.resolve("before")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("compile the other checkout");
    }

    @Test
    void compare_withACheckoutWithoutMetrics_leavesThemOut() throws Exception {
        Path earlier = Files.createDirectories(folder.resolve("earlier"));
        Path later = folder.resolve("later");
        Files.createDirectories(later.resolve("keystore-micrometer"));
        Variant plain = Variant.commit(CommitPeers.KEYSTORE_SQLITE, 1, 10);
        Variant metered = Variant.commit(CommitPeers.KEYSTORE_SQLITE_METERED, 1, 10);
        Variant other = Variant.commit(CommitPeers.XODUS, 1, 10);

        assertThat(List.of(plain, metered, other))
                .filteredOn(variant -> Bench.isComparable(variant, earlier))
                .containsExactly(plain);
        assertThat(List.of(plain, metered, other))
                .filteredOn(variant -> Bench.isComparable(variant, later))
                .containsExactly(plain, metered);
    }

    @ParameterizedTest
    @ValueSource(strings = {"read.KeystoreRead", "commit.KeystoreCommit"})
    void peer_withABuildThatHasNoListeners_isLoaded(String name) throws Exception {
        URL[] classPath = Stream.of(ClassPaths.ofThisJvm().split(File.pathSeparator))
                .map(element -> url(Path.of(element)))
                .toArray(URL[]::new);
        ClassLoader withoutListeners = new URLClassLoader(classPath, ClassLoader.getPlatformClassLoader()) {
            @Override
            protected Class<?> findClass(String wanted) throws ClassNotFoundException {
                if (wanted.endsWith("Listener") || wanted.startsWith("dev.keystore.micrometer")) {
                    throw new ClassNotFoundException(wanted);
                }
                return super.findClass(wanted);
            }
        };

        Class<?> loaded = Class.forName("dev.keystore.bench." + name, true, withoutListeners);

        assertThat(loaded.getClassLoader()).isSameAs(withoutListeners);
    }

    private static URL url(Path path) {
        try {
            return path.toUri().toURL();
        } catch (MalformedURLException e) {
            throw new AssertionError(e);
        }
    }

    private static String classPath(Path... modules) {
        return Stream.of(modules)
                .map(module -> module.resolve("target/classes").toString())
                .collect(Collectors.joining(File.pathSeparator));
    }
}
