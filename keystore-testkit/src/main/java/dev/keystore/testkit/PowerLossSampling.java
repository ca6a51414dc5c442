package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Chooses points of recorded changes at random, and checks the states that power loss may leave there. */
final class PowerLossSampling {

    private static final int DESCRIBED_CHANGES = 6;

    /**
     * A point at which the power is lost.
     *
     * @param store the index of the store
     * @param changes the number of changes before the loss
     * @param loss what is lost
     */
    private record Point(int store, int changes, DiskLoss loss) {}

    private final DurabilityTest test;
    private final Path folder;
    private final long seed;
    private final SplittableRandom random;

    PowerLossSampling(DurabilityTest test, Path folder, long seed, SplittableRandom random) {
        this.test = test;
        this.folder = folder;
        this.seed = seed;
        this.random = random;
    }

    /** Checks so many states, some of which may be equal. */
    PowerLossFigures check(List<RecordedStore> stores, int states) throws Exception {
        assertThat(stores.stream().mapToLong(RecordedStore::acknowledgements).sum())
                .as("acknowledged commits")
                .isPositive();
        int different = 0;
        for (Map.Entry<Integer, List<Point>> points : points(stores, states).entrySet()) {
            different += check(stores.get(points.getKey()), points.getValue());
        }
        return new PowerLossFigures(
                (int) stores.stream().map(RecordedStore::folder).distinct().count(),
                stores.stream().mapToInt(store -> store.changes().size()).sum(),
                stores.stream().mapToLong(RecordedStore::acknowledgements).sum(),
                stores.stream().mapToInt(RecordedStore::failedForces).sum(),
                different);
    }

    /** Chooses points, by the index of their store: half of them at any change, half next to a rare one. */
    private Map<Integer, List<Point>> points(List<RecordedStore> stores, int states) {
        Map<Integer, List<Point>> points = new TreeMap<>();
        for (int i = 0; i < states; i++) {
            int store = i % stores.size();
            List<DiskChange> changes = stores.get(store).changes();
            List<Integer> rare = IntStream.range(0, changes.size())
                    .filter(index -> isRare(changes.get(index)))
                    .boxed()
                    .toList();
            int point = random.nextBoolean() || rare.isEmpty()
                    ? random.nextInt(changes.size() + 1)
                    : rare.get(random.nextInt(rare.size())) + random.nextInt(2);
            points.computeIfAbsent(store, absent -> new ArrayList<>())
                    .add(new Point(store, point, DiskLoss.of(random)));
        }
        return points;
    }

    private static boolean isRare(DiskChange change) {
        return !(change instanceof DiskChange.Write || change instanceof DiskChange.Print);
    }

    /** Checks points of one store, and returns the number of different states. */
    private int check(RecordedStore store, List<Point> points) throws Exception {
        List<Point> ordered = new ArrayList<>(points);
        ordered.sort(Comparator.comparingInt(Point::changes));
        SimulatedDisk disk = SimulatedDisk.after(store.past());
        Set<String> seen = new HashSet<>();
        int applied = 0;
        for (Point point : ordered) {
            while (applied < point.changes()) {
                disk.apply(store.changes().get(applied++));
            }
            DiskImage image = disk.after(point.loss());
            long[] acknowledged = RecordedStore.acknowledged(store.until(applied));
            if (seen.add(image.fingerprint() + Arrays.toString(acknowledged))) {
                check(store, point, image, acknowledged);
            }
        }
        return seen.size();
    }

    private void check(RecordedStore store, Point point, DiskImage image, long[] acknowledged) throws Exception {
        Path state = Files.createDirectory(folder.resolve("state"));
        image.writeTo(state);
        try {
            new PowerLossCheck(test, store.seed()).check(state, acknowledged);
        } catch (AssertionError e) {
            image.writeTo(Files.createDirectory(folder.resolve("state-after-power-loss")));
            throw new AssertionError(
                    ("power lost in %s at change %d of %d, after %s; "
                                    + "persisted in addition to forced data: %s names, %s data, %s (crash.seed=%d): %s")
                            .formatted(
                                    store.folder(),
                                    point.changes(),
                                    store.changes().size(),
                                    DiskChange.describeLast(DESCRIBED_CHANGES, store.until(point.changes())),
                                    point.loss().names(),
                                    point.loss().data(),
                                    point.loss().ordering(),
                                    seed,
                                    e.getMessage()),
                    e);
        }
        FileTree.delete(state);
    }
}
