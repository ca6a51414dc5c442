package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The scenarios of a power-loss test: records stores with a {@link PowerLossRecorder}, and checks
 * {@link PowerLossSampling}.
 */
final class PowerLossRun {

    private static final int KILLS_OF_STORE = 3;
    private static final int STATES_OF_KILL = 8;

    private final Path data;
    private final long seed;
    private final SplittableRandom random;
    private final PowerLossRecorder recorder;
    private final PowerLossSampling sampling;

    /**
     * Creates a run.
     *
     * @param commits the number of commits of each thread to a store
     */
    PowerLossRun(DurabilityTest test, Path folder, int commits, long seed) throws IOException {
        Path real = folder.toRealPath();
        this.seed = seed;
        this.random = new SplittableRandom(seed);
        this.data = Files.createDirectory(real.resolve("data"));
        this.recorder = new PowerLossRecorder(test, real, data, commits);
        this.sampling = new PowerLossSampling(test, real, seed, random);
    }

    long seed() {
        return seed;
    }

    /** Loses the power while stores are created and closed, or after they are reopened. */
    PowerLossFigures create(int stores, int states) throws Exception {
        List<RecordedStore> created = recorder.record(newStores(stores), PowerLossChild.Ending.CLOSE);
        List<RecordedStore> reopened = recorder.record(
                created.stream()
                        .map(store -> RecordedStore.of(store.folder(), store.seed(), store.all()))
                        .toList(),
                PowerLossChild.Ending.HALT);
        return sampling.check(Stream.of(created, reopened).flatMap(List::stream).toList(), states);
    }

    /** Kills processes, lets others recover, and then loses the power. */
    PowerLossFigures killAndRecover(int stores, int states) throws Exception {
        List<RecordedStore> killed = new ArrayList<>();
        for (RecordedStore store : recorder.record(newStores(stores), PowerLossChild.Ending.HALT)) {
            int kills = Math.max(KILLS_OF_STORE, states / stores / STATES_OF_KILL);
            for (int i = 0; i < kills; i++) {
                killed.add(kill(store, store.folder() + "-" + i));
            }
        }
        return sampling.check(recorder.record(killed, PowerLossChild.Ending.HALT), states);
    }

    /** Lets some calls that force files fail, and then loses the power. */
    PowerLossFigures fail(int stores, int states) throws Exception {
        // The numbers count the calls of one thread. Most openings use one thread, fall between two failures and
        // succeed.
        String when = random.nextInt(3, 7) + "+" + random.nextInt(40, 60);
        List<RecordedStore> recorded = recorder.recordWithFailures(newStores(stores * KILLS_OF_STORE), when);
        assertThat(recorded.stream().mapToInt(RecordedStore::failedForces).sum())
                .as("failed fsyncs; those to fail: %s of each thread", when)
                .isPositive();
        return sampling.check(recorded, states);
    }

    private List<RecordedStore> newStores(int stores) {
        return IntStream.range(0, stores)
                .mapToObj(i -> RecordedStore.of("store-" + i, seed + i, List.of()))
                .toList();
    }

    /** Creates a folder as a process leaves it that is killed at some point, possibly within a write. */
    private RecordedStore kill(RecordedStore store, String name) throws IOException {
        List<DiskChange> changes = store.changes();
        int point = random.nextInt(changes.size() + 1);
        if (random.nextBoolean()) {
            // A process that is killed between a write and the call that forces it leaves most to recover.
            List<Integer> writes = IntStream.range(0, changes.size())
                    .filter(i -> changes.get(i) instanceof DiskChange.Write)
                    .mapToObj(i -> i + 1)
                    .toList();
            point = writes.get(random.nextInt(writes.size()));
        }
        List<DiskChange> past = new ArrayList<>(store.until(point));
        if (point < changes.size() && changes.get(point) instanceof DiskChange.Write next && random.nextBoolean()) {
            byte[] part = Arrays.copyOf(next.bytes(), random.nextInt(next.bytes().length + 1));
            past.add(new DiskChange.Write(next.node(), next.offset(), part));
        }
        SimulatedDisk.after(past).cached().writeTo(Files.createDirectory(data.resolve(name)));
        return RecordedStore.of(name, store.seed(), past);
    }
}
