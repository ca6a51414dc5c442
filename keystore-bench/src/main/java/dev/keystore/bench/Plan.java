package dev.keystore.bench;

import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.read.Hot.Frequency;
import dev.keystore.bench.read.Hot.Room;
import dev.keystore.bench.read.ReadPeers;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/** Which variants a run measures, and which of them in each of its rounds; the others in the first. */
public final class Plan {

    /** How many entries are stored where nothing else is said. */
    public static final int ENTRIES = 10_000;

    /** How many entries a large store holds. */
    public static final int MANY_ENTRIES = 1_000_000;

    /** How many contexts many contexts are. */
    public static final int MANY_CONTEXTS = 10_000;

    private static final List<Integer> THREADS = List.of(1, 2, 8, 16, 64);

    /** What a variant takes beside its iterations: a JVM that starts and ends, and two probes of the fsync rate. */
    private static final Duration OVERHEAD = Duration.ofSeconds(2);

    private static final Duration FILLING_OF_A_THOUSAND = Duration.ofMillis(30);

    private final Set<Variant> variants = new LinkedHashSet<>();
    private final Predicate<Variant> inEachRound;

    private Plan(Predicate<Variant> inEachRound) {
        this.inEachRound = inEachRound;
    }

    /**
     * Returns what the goals need, in each round; and each peer once with one thread and with several, in the first round
     * unless a goal needs it.
     */
    public static Plan ofShortRun(Set<Variant> goals) {
        Plan plan = new Plan(goals::contains);
        plan.variants.addAll(goals);
        plan.readAll(Work.READ_ONE, Room.PLENTY, Frequency.ZIPF, 1, ReadPeers.values());
        plan.readAll(Work.READ_ONE, Room.LIMIT, Frequency.ZIPF, 1, ReadPeers.GUAVA_COPY);
        plan.readAll(Work.READ_FIVE, Room.PLENTY, Frequency.ZIPF, 1, ReadPeers.GUAVA_COPY);
        plan.readAll(Work.READ_ONE, Room.PLENTY, Frequency.ZIPF, 2, ReadPeers.KEYSTORE, ReadPeers.CAFFEINE_COPY);
        for (CommitPeers peer : CommitPeers.values()) {
            plan.variants.add(Variant.commit(peer, 1, ENTRIES));
            plan.variants.add(Variant.commit(peer, 16, ENTRIES));
        }
        return plan;
    }

    /** Returns everything, in each round. */
    public static Plan ofWholeRun(Set<Variant> goals) {
        Plan plan = new Plan(variant -> true);
        plan.variants.addAll(goals);
        for (Work work : List.of(Work.READ_ONE, Work.READ_FIVE)) {
            for (Room room : Room.values()) {
                for (Frequency frequency : Frequency.values()) {
                    plan.readAll(work, room, frequency, 1, ReadPeers.values());
                    plan.readAll(work, room, frequency, 2, ReadPeers.values());
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
        return plan;
    }

    /** Returns some variants, in each round. */
    static Plan of(Variant... variants) {
        Plan plan = new Plan(variant -> true);
        plan.variants.addAll(List.of(variants));
        return plan;
    }

    /** Returns those of another plan that are wanted, in each round. */
    Plan only(Predicate<Variant> wanted) {
        Plan plan = new Plan(variant -> true);
        variants.stream().filter(wanted).forEach(plan.variants::add);
        return plan;
    }

    /** Returns all variants. */
    public Set<Variant> variants() {
        return Set.copyOf(variants);
    }

    /** Returns the variants of a round, counted from 1; one that is a count is the same in each. */
    List<Variant> ofRound(int round) {
        return variants.stream()
                .filter(variant -> round == 1
                        || (inEachRound.test(variant) && !variant.work().isCount()))
                .toList();
    }

    /** Returns about how long a run takes on two cores that nobody else uses. */
    Duration estimate(Effort effort, int rounds) {
        Duration estimate = Duration.ZERO;
        for (int round = 1; round <= rounds; round++) {
            for (Variant variant : ofRound(round)) {
                estimate = estimate.plus(effort.duration(variant.work())).plus(OVERHEAD);
            }
        }
        long entries = variants.stream()
                .filter(variant -> variant.work() == Work.COMMIT)
                .map(Variant::parameters)
                .distinct()
                .mapToLong(parameters -> Long.parseLong(parameters.get("entries")))
                .sum();
        return estimate.plus(FILLING_OF_A_THOUSAND.multipliedBy(entries / 1_000));
    }

    private void readAll(Work work, Room room, Frequency frequency, int threads, ReadPeers... peers) {
        for (ReadPeers peer : peers) {
            variants.add(Variant.read(work, peer, room, frequency, threads));
        }
    }
}
