package dev.keystore.bench;

import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import dev.keystore.bench.read.ReadPeers;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/** The variants that a run measures: some in every round, the others in the first round only. */
public final class BenchPlan {

    /** The entries of a store unless stated otherwise. */
    public static final int ENTRIES = 10_000;

    /** The entries of a store that is read without a cache. */
    public static final int COLD_ENTRIES = 100_000;

    /** The entries of a large store. */
    public static final int MANY_ENTRIES = 1_000_000;

    /** The contexts of a store with many contexts. */
    public static final int MANY_CONTEXTS = 10_000;

    /** The threads that commit while fsyncs are delayed. */
    public static final int DELAYED_THREADS = 16;

    private static final List<CommitPeers> DELAYED = List.of(
            CommitPeers.KEYSTORE_SQLITE,
            CommitPeers.KEYSTORE_MAPDB,
            CommitPeers.JDBC_SQLITE_GROUPS_TUNED,
            CommitPeers.JDBC_SQLITE_MINIMAL_FENCED,
            CommitPeers.APPEND_GROUPS,
            CommitPeers.ROCKSDB);

    /** Peers that no goal needs, measured once by one thread. */
    private static final List<CommitPeers> ONCE_BY_ONE = List.of(CommitPeers.KEYSTORE_MAPDB, CommitPeers.APPEND);

    /** The same by 16 threads. */
    private static final List<CommitPeers> ONCE_BY_SIXTEEN =
            List.of(CommitPeers.MAPDB, CommitPeers.MVSTORE, CommitPeers.XODUS);

    /** The same by 64 threads. */
    private static final List<CommitPeers> ONCE_BY_MANY =
            List.of(CommitPeers.KEYSTORE_MAPDB, CommitPeers.APPEND_GROUPS);

    private static final List<Integer> THREADS = List.of(1, 2, 8, 16, 64);

    /**
     * What a variant takes in addition to its iterations: a JVM that starts and exits, and two probes of the fsync
     * rate.
     */
    private static final Duration OVERHEAD = Duration.ofSeconds(2);

    private static final Duration FILLING_OF_A_THOUSAND = Duration.ofMillis(30);

    /** A percentile of single reads varies more than other figures. */
    private static final int LEAST_ROUNDS_OF_PERCENTILES = 7;

    private final Set<Variant> variants = new LinkedHashSet<>();
    private final Predicate<Variant> inEachRound;
    private final int leastRoundsOfPercentiles;

    private BenchPlan(Predicate<Variant> inEachRound, int leastRoundsOfPercentiles) {
        this.inEachRound = inEachRound;
        this.leastRoundsOfPercentiles = leastRoundsOfPercentiles;
    }

    /**
     * Returns the variants that the goals need, and some of the other peers.
     *
     * @param goals the variants of all goals
     * @param repeated those of them that are measured in every round; all others are in the first round only
     */
    public static BenchPlan ofShortRun(Set<Variant> goals, Set<Variant> repeated) {
        BenchPlan plan = new BenchPlan(repeated::contains, LEAST_ROUNDS_OF_PERCENTILES);
        plan.variants.addAll(goals);
        ONCE_BY_ONE.forEach(peer -> plan.variants.add(Variant.commit(peer, 1, ENTRIES)));
        ONCE_BY_SIXTEEN.forEach(peer -> plan.variants.add(Variant.commit(peer, 16, ENTRIES)));
        ONCE_BY_MANY.forEach(peer -> plan.variants.add(Variant.commit(peer, 64, ENTRIES)));
        return plan;
    }

    /** Returns every variant, in every round. */
    public static BenchPlan ofWholeRun(Set<Variant> goals) {
        BenchPlan plan = new BenchPlan(variant -> true, LEAST_ROUNDS_OF_PERCENTILES);
        plan.variants.addAll(goals);
        for (Workload workload : List.of(Workload.READ_ONE, Workload.READ_FIVE)) {
            for (Room room : Room.values()) {
                for (Distribution distribution : Distribution.values()) {
                    plan.readAll(workload, room, distribution, 1, ReadPeers.values());
                    plan.readAll(workload, room, distribution, 2, ReadPeers.values());
                }
            }
        }
        for (CommitPeers peer : CommitPeers.values()) {
            for (int threads : THREADS) {
                plan.variants.add(Variant.commit(peer, threads, ENTRIES));
            }
            if (!peer.keepsValuesInMemory()) {
                for (int threads : List.of(1, 16)) {
                    plan.variants.add(Variant.commit(peer, threads, 10));
                    plan.variants.add(Variant.commit(peer, threads, MANY_ENTRIES));
                }
            }
        }
        for (CommitPeers peer : List.of(CommitPeers.KEYSTORE_SQLITE, CommitPeers.JDBC_SQLITE)) {
            plan.variants.add(Variant.commit(peer, 16, MANY_ENTRIES, MANY_CONTEXTS));
        }
        return plan;
    }

    /** Returns commits of 16 threads with each delay of an fsync, in every round. */
    static BenchPlan ofFsyncDelays(List<Integer> delaysMicros) {
        BenchPlan plan = new BenchPlan(variant -> true, 0);
        for (CommitPeers peer : DELAYED) {
            delaysMicros.forEach(
                    micros -> plan.variants.add(Variant.delayedCommit(peer, DELAYED_THREADS, ENTRIES, micros)));
        }
        return plan;
    }

    /** Returns the given variants, in every round. */
    static BenchPlan of(Variant... variants) {
        BenchPlan plan = new BenchPlan(variant -> true, 0);
        plan.variants.addAll(List.of(variants));
        return plan;
    }

    /** Returns the wanted variants of this plan, in every round. */
    BenchPlan only(Predicate<Variant> wanted) {
        BenchPlan plan = new BenchPlan(variant -> true, 0);
        variants.stream().filter(wanted).forEach(plan.variants::add);
        return plan;
    }

    /** Returns all variants. */
    public Set<Variant> variants() {
        return Set.copyOf(variants);
    }

    /**
     * Returns the variants of a round, from 1.
     *
     * @param rounds the number of rounds that were asked for
     */
    List<Variant> ofRound(int round, int rounds) {
        return variants.stream()
                .filter(variant -> round <= rounds(variant, rounds))
                .toList();
    }

    /** Returns the last round that has variants. */
    int lastRound(int rounds) {
        return variants.stream()
                .mapToInt(variant -> rounds(variant, rounds))
                .max()
                .orElse(0);
    }

    /** Returns in how many rounds a variant is measured: a count never varies, so it is in the first round only. */
    private int rounds(Variant variant, int rounds) {
        if (variant.workload().isCount() || !inEachRound.test(variant)) {
            return 1;
        }
        return variant.workload() == Workload.READ_DURING_COMMITS ? Math.max(rounds, leastRoundsOfPercentiles) : rounds;
    }

    /** Returns the approximate duration of a run on two idle cores. */
    Duration estimate(Iterations iterations, int rounds) {
        Duration estimate = Duration.ZERO;
        for (Variant variant : variants) {
            Duration once = iterations.duration(variant).plus(OVERHEAD);
            estimate = estimate.plus(once.multipliedBy(rounds(variant, rounds)));
        }
        long entries = variants.stream()
                .filter(variant -> variant.workload().hasCommitPeers())
                .map(Variant::parameters)
                .distinct()
                .mapToLong(parameters -> Long.parseLong(parameters.get("entries")))
                .sum();
        return estimate.plus(FILLING_OF_A_THOUSAND.multipliedBy(entries / 1_000));
    }

    private void readAll(Workload workload, Room room, Distribution distribution, int threads, ReadPeers... peers) {
        for (ReadPeers peer : peers) {
            variants.add(Variant.read(workload, peer, room, distribution, threads));
        }
    }
}
