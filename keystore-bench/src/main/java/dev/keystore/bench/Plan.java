package dev.keystore.bench;

import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import dev.keystore.bench.read.Hot.Frequency;
import dev.keystore.bench.read.Hot.Room;
import dev.keystore.bench.read.ReadPeers;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Which variants a run measures. */
public final class Plan {

    /** How many entries are stored where nothing else is said. */
    public static final int ENTRIES = 10_000;

    /** How many entries a large store holds. */
    public static final int MANY_ENTRIES = 1_000_000;

    /** How many contexts many contexts are. */
    public static final int MANY_CONTEXTS = 10_000;

    private static final List<Integer> THREADS = List.of(1, 2, 8, 16, 64);

    private final Set<Variant> variants = new LinkedHashSet<>();

    private Plan() {}

    /** Returns what the goals need, and each peer once with one thread and with several. */
    public static Set<Variant> ofShortRun() {
        Plan plan = new Plan();
        plan.readAll(Work.READ_ONE, Room.PLENTY, Frequency.ZIPF, 1, ReadPeers.values());
        plan.readAll(
                Work.READ_ONE,
                Room.LIMIT,
                Frequency.ZIPF,
                1,
                ReadPeers.KEYSTORE,
                ReadPeers.CAFFEINE_COPY,
                ReadPeers.GUAVA_COPY);
        plan.readAll(
                Work.READ_FIVE,
                Room.PLENTY,
                Frequency.ZIPF,
                1,
                ReadPeers.KEYSTORE,
                ReadPeers.CAFFEINE_COPY,
                ReadPeers.GUAVA_COPY);
        plan.readAll(Work.READ_ONE, Room.PLENTY, Frequency.ZIPF, 2, ReadPeers.KEYSTORE, ReadPeers.CAFFEINE_COPY);
        for (CommitPeers peer : CommitPeers.values()) {
            plan.variants.add(Variant.commit(peer, 1, ENTRIES));
            plan.variants.add(Variant.commit(peer, 16, ENTRIES));
        }
        plan.variants.add(Variant.commit(CommitPeers.KEYSTORE_SQLITE, 64, ENTRIES));
        for (CommitPeers peer : List.of(CommitPeers.KEYSTORE_SQLITE, CommitPeers.KEYSTORE_MAPDB)) {
            plan.variants.add(Variant.commit(peer, 1, MANY_ENTRIES));
            plan.variants.add(Variant.commit(peer, 16, MANY_ENTRIES));
        }
        plan.others();
        return plan.variants;
    }

    /** Returns everything. */
    public static Set<Variant> ofWholeRun() {
        Plan plan = new Plan();
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
        plan.others();
        return plan.variants;
    }

    private void readAll(Work work, Room room, Frequency frequency, int threads, ReadPeers... peers) {
        for (ReadPeers peer : peers) {
            variants.add(Variant.read(work, peer, room, frequency, threads));
        }
    }

    private void others() {
        for (Keys keys : Keys.values()) {
            variants.add(Variant.message(keys));
        }
        variants.add(Variant.besideCommits(false));
        variants.add(Variant.besideCommits(true));
        variants.add(Variant.heap(Work.HEAP_ENTRY));
        variants.add(Variant.heap(Work.HEAP_CONTEXT));
    }
}
