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

    private static final List<CommitPeers> COLD_READERS = List.of(
            CommitPeers.KEYSTORE_SQLITE,
            CommitPeers.KEYSTORE_MAPDB,
            CommitPeers.KEYSTORE_POSTGRES,
            CommitPeers.JDBC_SQLITE,
            CommitPeers.JDBC_POSTGRES);

    private static final List<Integer> THREADS = List.of(1, 2, 8, 16, 64);

    /**
     * What a variant takes in addition to its iterations: a JVM that starts and exits, and two probes of the fsync
     * rate.
     */
    private static final Duration OVERHEAD = Duration.ofSeconds(2);

    private static final Duration FILLING_OF_A_THOUSAND = Duration.ofMillis(30);

    private final Set<Variant> variants = new LinkedHashSet<>();
    private final Predicate<Variant> inEachRound;

    private BenchPlan(Predicate<Variant> inEachRound) {
        this.inEachRound = inEachRound;
    }

    /**
     * Returns the variants that the goals need, in every round, and each peer with one thread and with several, in the
     * first round only.
     */
    public static BenchPlan ofShortRun(Set<Variant> goals) {
        BenchPlan plan = new BenchPlan(goals::contains);
        plan.variants.addAll(goals);
        plan.readAll(Workload.READ_ONE, Room.PLENTY, Distribution.ZIPF, 1, ReadPeers.values());
        plan.readAll(Workload.READ_ONE, Room.LIMIT, Distribution.ZIPF, 1, ReadPeers.GUAVA_COPY);
        plan.readAll(Workload.READ_FIVE, Room.PLENTY, Distribution.ZIPF, 1, ReadPeers.GUAVA_COPY);
        plan.readAll(Workload.READ_ONE, Room.PLENTY, Distribution.ZIPF, 2, ReadPeers.KEYSTORE, ReadPeers.CAFFEINE_COPY);
        for (CommitPeers peer : CommitPeers.values()) {
            plan.variants.add(Variant.commit(peer, 1, ENTRIES));
            plan.variants.add(Variant.commit(peer, 16, ENTRIES));
        }
        return plan;
    }

    /** Returns every variant, in every round. */
    public static BenchPlan ofWholeRun(Set<Variant> goals) {
        BenchPlan plan = new BenchPlan(variant -> true);
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
            if (!peer.isLimit()) {
                for (int threads : List.of(1, 16)) {
                    plan.variants.add(Variant.commit(peer, threads, 10));
                    plan.variants.add(Variant.commit(peer, threads, MANY_ENTRIES));
                }
            }
        }
        for (CommitPeers peer : List.of(CommitPeers.KEYSTORE_SQLITE, CommitPeers.JDBC_SQLITE)) {
            plan.variants.add(Variant.commit(peer, 16, MANY_ENTRIES, MANY_CONTEXTS));
        }
        for (CommitPeers peer : COLD_READERS) {
            plan.variants.add(Variant.coldRead(peer, COLD_ENTRIES));
        }
        return plan;
    }

    /** Returns the given variants, in every round. */
    static BenchPlan of(Variant... variants) {
        BenchPlan plan = new BenchPlan(variant -> true);
        plan.variants.addAll(List.of(variants));
        return plan;
    }

    /** Returns the wanted variants of this plan, in every round. */
    BenchPlan only(Predicate<Variant> wanted) {
        BenchPlan plan = new BenchPlan(variant -> true);
        variants.stream().filter(wanted).forEach(plan.variants::add);
        return plan;
    }

    /** Returns all variants. */
    public Set<Variant> variants() {
        return Set.copyOf(variants);
    }

    /** Returns the variants of a round, from 1. A count never varies, so it is in the first round only. */
    List<Variant> ofRound(int round) {
        return variants.stream()
                .filter(variant -> round == 1
                        || (inEachRound.test(variant) && !variant.workload().isCount()))
                .toList();
    }

    /** Returns the approximate duration of a run on two idle cores. */
    Duration estimate(Iterations iterations, int rounds) {
        Duration estimate = Duration.ZERO;
        for (int round = 1; round <= rounds; round++) {
            for (Variant variant : ofRound(round)) {
                estimate =
                        estimate.plus(iterations.duration(variant.workload())).plus(OVERHEAD);
            }
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
