package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** Records what children do to their stores, and looks at what power loss may leave of them. */
final class PowerLossRun {

    private static final int KILLS_OF_STORE = 3;
    private static final int STATES_OF_KILL = 8;
    private static final long CHILD_SECONDS = 900;

    /** A moment of a life, and how the power is lost then. */
    private record Moment(int life, int point, DiskLoss loss) {}

    private final PowerLossContractTest test;
    private final Path folder;
    private final Path data;
    private final long seed;
    private final SplittableRandom random;
    private int sessions;

    PowerLossRun(PowerLossContractTest test, Path folder, long seed) throws IOException {
        this.test = test;
        this.folder = folder.toRealPath();
        this.seed = seed;
        random = new SplittableRandom(seed);
        data = Files.createDirectory(this.folder.resolve("data"));
    }

    long seed() {
        return seed;
    }

    /** Power is lost while stores are created and closed, or after they are opened again. */
    PowerLossFigures create(int stores, int states) throws Exception {
        List<PowerLossLife> created = record(planned(stores), PowerLossChild.Ending.CLOSE, Optional.empty());
        List<PowerLossLife> opened = record(
                created.stream()
                        .map(life -> PowerLossLife.planned(life.folder(), life.seed(), life.all()))
                        .toList(),
                PowerLossChild.Ending.HALT,
                Optional.empty());
        return look(Stream.of(created, opened).flatMap(List::stream).toList(), states);
    }

    /** Processes are killed, others recover, and then the power is lost. */
    PowerLossFigures killAndRecover(int stores, int states) throws Exception {
        List<PowerLossLife> killed = new ArrayList<>();
        for (PowerLossLife life : record(planned(stores), PowerLossChild.Ending.HALT, Optional.empty())) {
            int kills = Math.max(KILLS_OF_STORE, states / stores / STATES_OF_KILL);
            for (int i = 0; i < kills; i++) {
                killed.add(kill(life, life.folder() + "-" + i));
            }
        }
        return look(record(killed, PowerLossChild.Ending.HALT, Optional.empty()), states);
    }

    /** Forcing files fails now and then, and afterwards the power is lost. */
    PowerLossFigures fail(int stores, int states) throws Exception {
        // Of each thread: most openings, all on one thread, come between two failures and succeed.
        String when = random.nextInt(3, 7) + "+" + random.nextInt(40, 60);
        List<PowerLossLife> lives =
                record(planned(stores * KILLS_OF_STORE), PowerLossChild.Ending.HALT, Optional.of(when));
        assertThat(lives.stream().mapToInt(PowerLossLife::failures).sum())
                .as("calls that were to fail: %s of each thread", when)
                .isPositive();
        return look(lives, states);
    }

    private List<PowerLossLife> planned(int stores) {
        return IntStream.range(0, stores)
                .mapToObj(i -> PowerLossLife.planned("store-" + i, seed + i, List.of()))
                .toList();
    }

    /** Makes a folder as a process leaves it that is killed at some moment, maybe within a write. */
    private PowerLossLife kill(PowerLossLife life, String name) throws IOException {
        List<DiskChange> changes = life.changes();
        int point = random.nextInt(changes.size() + 1);
        if (random.nextBoolean()) {
            // A process that is killed between a write and the call that forces it leaves most to recover.
            List<Integer> writes = IntStream.range(0, changes.size())
                    .filter(i -> changes.get(i) instanceof DiskChange.Write)
                    .mapToObj(i -> i + 1)
                    .toList();
            point = writes.get(random.nextInt(writes.size()));
        }
        List<DiskChange> past = new ArrayList<>(life.until(point));
        if (point < changes.size() && changes.get(point) instanceof DiskChange.Write next && random.nextBoolean()) {
            byte[] part = Arrays.copyOf(next.bytes(), random.nextInt(next.bytes().length + 1));
            past.add(new DiskChange.Write(next.node(), next.offset(), part));
        }
        SimulatedDisk.after(past).cached().writeTo(Files.createDirectory(data.resolve(name)));
        return PowerLossLife.planned(name, life.seed(), past);
    }

    /** Runs a child over some stores, one after the other, and records what it does to them. */
    private List<PowerLossLife> record(
            List<PowerLossLife> planned, PowerLossChild.Ending ending, Optional<String> failures) throws Exception {
        sessions++;
        Path trace = folder.resolve("trace-" + sessions);
        Map<String, RecordedFolder> folders = new HashMap<>();
        List<String> command = new ArrayList<>(CrashProcess.java(test, folder, PowerLossChild.class));
        command.addAll(List.of(
                data.toString(),
                Integer.toString(test.commits()),
                ending.name(),
                (failures.isEmpty() ? PowerLossChild.Failures.END : PowerLossChild.Failures.RETRY).name()));
        for (PowerLossLife life : planned) {
            Files.createDirectories(data.resolve(life.folder()));
            folders.put(life.folder(), new RecordedFolder(SimulatedDisk.after(life.past())));
            List<Long> first = LongStream.of(PowerLossLife.acknowledged(life.past()))
                    .mapToObj(number -> number + 1)
                    .toList();
            command.add(new PowerLossChild.Task(life.folder(), life.seed(), first).toString());
        }
        run(DiskRecorder.traced(trace, failures, command));
        DiskRecorder.read(trace, data, folders);
        Files.delete(trace);
        List<PowerLossLife> lived = new ArrayList<>();
        for (PowerLossLife life : planned) {
            RecordedFolder recorded =
                    Optional.ofNullable(folders.get(life.folder())).orElseThrow();
            assertThat(recorded.changes())
                    .as("changes to the files of %s; a backend that has none can't be tested", life.folder())
                    .isNotEmpty();
            PowerLossLife settled = life.lived(recorded.changes());
            if (ending == PowerLossChild.Ending.CLOSE) {
                settled = settle(settled);
            }
            if (!recorded.isCutShort()) {
                assertThat(SimulatedDisk.after(settled.all()).cached().differenceTo(data.resolve(life.folder())))
                        .as("a folder, compared with the record of what was done to it")
                        .isEmpty();
            }
            lived.add(settled);
        }
        return lived;
    }

    private void run(List<String> command) throws Exception {
        Path errors = folder.resolve("errors");
        Path output = folder.resolve("output");
        Process process = new ProcessBuilder(command)
                .redirectError(errors.toFile())
                .redirectOutput(output.toFile())
                .start();
        boolean ended;
        try {
            ended = process.waitFor(CHILD_SECONDS, TimeUnit.SECONDS);
        } finally {
            // The child itself ends when its input does.
            process.destroyForcibly();
        }
        String failure = Files.readAllLines(output).stream()
                .filter(line -> line.startsWith(CrashChild.FAILED + " "))
                .map(line -> line.replace('\t', '\n'))
                .collect(Collectors.joining());
        if (!ended || !failure.isEmpty() || process.waitFor() != 0) {
            throw new AssertionError("the child " + (ended ? "failed" : "did not end") + ": " + failure
                    + Files.readString(errors, StandardCharsets.UTF_8));
        }
    }

    /** Adds what mapped files hold now that nothing changes them. */
    private PowerLossLife settle(PowerLossLife life) throws IOException {
        List<DiskChange> changes = new ArrayList<>(life.changes());
        SimulatedDisk disk = SimulatedDisk.after(life.all());
        DiskImage image = disk.cached();
        for (Map.Entry<String, Integer> file : disk.paths().entrySet()) {
            Optional<DiskImage.Content> content = image.nodes().getOrDefault(file.getKey(), Optional.empty());
            if (content.isPresent() && content.get().isMapped()) {
                byte[] bytes = Files.readAllBytes(data.resolve(life.folder()).resolve(file.getKey()));
                int forced = lastForced(changes, file.getValue());
                changes.add(
                        forced < 0 ? changes.size() : forced,
                        new DiskChange.Settle(file.getValue(), bytes, forced >= 0));
            }
        }
        return life.lived(changes);
    }

    /** Returns the index after the call that forced a file for the last time; -1 if it was mapped again afterwards. */
    private static int lastForced(List<DiskChange> changes, int node) {
        Set<Integer> forces = new HashSet<>();
        int forced = -1;
        for (int i = 0; i < changes.size(); i++) {
            DiskChange change = changes.get(i);
            if (change instanceof DiskChange.Mapping mapping && mapping.node() == node) {
                forced = -1;
            } else if (change instanceof DiskChange.ForceBegin begin && begin.node() == node) {
                forces.add(begin.force());
            } else if (change instanceof DiskChange.ForceEnd end && forces.contains(end.force()) && end.isDone()) {
                forced = i + 1;
            }
        }
        return forced;
    }

    private PowerLossFigures look(List<PowerLossLife> lives, int states) throws Exception {
        assertThat(lives.stream().mapToLong(PowerLossLife::acknowledgements).sum())
                .as("acknowledged commits")
                .isPositive();
        int different = 0;
        for (Map.Entry<Integer, List<Moment>> moments : moments(lives, states).entrySet()) {
            different += look(lives.get(moments.getKey()), moments.getValue());
        }
        return new PowerLossFigures(
                (int) lives.stream().map(PowerLossLife::folder).distinct().count(),
                lives.stream().mapToInt(life -> life.changes().size()).sum(),
                lives.stream().mapToLong(PowerLossLife::acknowledgements).sum(),
                lives.stream().mapToInt(PowerLossLife::failures).sum(),
                different);
    }

    /** Chooses moments: half of them at any change, half near one that is rare. */
    private Map<Integer, List<Moment>> moments(List<PowerLossLife> lives, int states) {
        Map<Integer, List<Moment>> moments = new TreeMap<>();
        for (int i = 0; i < states; i++) {
            int life = i % lives.size();
            List<DiskChange> changes = lives.get(life).changes();
            List<Integer> rare = IntStream.range(0, changes.size())
                    .filter(index -> isRare(changes.get(index)))
                    .boxed()
                    .toList();
            int point = random.nextBoolean() || rare.isEmpty()
                    ? random.nextInt(changes.size() + 1)
                    : rare.get(random.nextInt(rare.size())) + random.nextInt(2);
            moments.computeIfAbsent(life, absent -> new ArrayList<>())
                    .add(new Moment(life, point, DiskLoss.of(random)));
        }
        return moments;
    }

    private static boolean isRare(DiskChange change) {
        return !(change instanceof DiskChange.Write || change instanceof DiskChange.Say);
    }

    /** Looks at moments of one life; returns how many different states they are. */
    private int look(PowerLossLife life, List<Moment> moments) throws Exception {
        List<Moment> ordered = new ArrayList<>(moments);
        ordered.sort(Comparator.comparingInt(Moment::point));
        SimulatedDisk disk = SimulatedDisk.after(life.past());
        Set<String> seen = new HashSet<>();
        int applied = 0;
        for (Moment moment : ordered) {
            while (applied < moment.point()) {
                disk.apply(life.changes().get(applied++));
            }
            DiskImage image = disk.after(moment.loss());
            long[] acknowledged = PowerLossLife.acknowledged(life.until(applied));
            if (seen.add(image.fingerprint() + Arrays.toString(acknowledged))) {
                check(life, moment, image, acknowledged);
            }
        }
        return seen.size();
    }

    private void check(PowerLossLife life, Moment moment, DiskImage image, long[] acknowledged) throws Exception {
        Path state = Files.createDirectory(folder.resolve("state"));
        image.writeTo(state);
        try {
            new PowerLossCheck(test, life.seed()).check(state, acknowledged);
        } catch (AssertionError e) {
            Path kept = folder.resolve("state-after-power-loss");
            image.writeTo(Files.createDirectory(kept));
            throw new AssertionError(
                    "power lost in %s at change %d of %d, after %s; persisted besides what was forced: %s names, %s data, %s (crash.seed=%d): %s"
                            .formatted(
                                    life.folder(),
                                    moment.point(),
                                    life.changes().size(),
                                    before(life, moment.point()),
                                    moment.loss().names(),
                                    moment.loss().data(),
                                    moment.loss().model(),
                                    seed,
                                    e.getMessage()),
                    e);
        }
        delete(state);
    }

    /** Describes the changes before a point, the last one first. */
    private static String before(PowerLossLife life, int point) {
        Map<Integer, String> names = new HashMap<>();
        List<String> changes = new ArrayList<>();
        Map<Integer, String> forces = new HashMap<>();
        for (DiskChange change : life.until(point)) {
            if (change instanceof DiskChange.Create create) {
                names.put(create.node(), create.name().name());
                changes.add("create " + create.name().name());
            } else if (change instanceof DiskChange.Rename rename) {
                names.replaceAll((node, name) ->
                        name.equals(rename.from().name()) ? rename.to().name() : name);
                changes.add(
                        "rename " + rename.from().name() + " to " + rename.to().name());
            } else if (change instanceof DiskChange.Unlink unlink) {
                changes.add("unlink " + unlink.name().name());
            } else if (change instanceof DiskChange.Write write) {
                changes.add("write %s at %d, %d bytes"
                        .formatted(names.get(write.node()), write.offset(), write.bytes().length));
            } else if (change instanceof DiskChange.Resize resize) {
                changes.add("resize %s to %d bytes".formatted(names.get(resize.node()), resize.size()));
            } else if (change instanceof DiskChange.ForceBegin begin) {
                forces.put(begin.force(), names.getOrDefault(begin.node(), "the folder"));
                changes.add("begin to fsync " + forces.get(begin.force()));
            } else if (change instanceof DiskChange.ForceEnd end) {
                changes.add((end.isDone() ? "fsync " : "a failed fsync of ") + forces.get(end.force()));
            } else if (change instanceof DiskChange.Say say) {
                changes.add("\"" + say.line() + "\"");
            }
        }
        Collections.reverse(changes);
        return changes.stream().limit(6).collect(Collectors.joining(", before that "));
    }

    private static void delete(Path state) throws IOException {
        try (Stream<Path> files = Files.walk(state)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
