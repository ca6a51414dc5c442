package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** Runs child processes that commit to stores, and records how they change the files. */
final class PowerLossRecorder {

    private static final long CHILD_SECONDS = 900;

    private final DurabilityTest test;
    private final Path folder;
    private final Path data;
    private final int commits;
    private int children;

    /**
     * Creates a recorder.
     *
     * @param folder takes traces and output
     * @param data the parent folder of the stores, as a real path
     * @param commits the number of commits of each thread to a store
     */
    PowerLossRecorder(DurabilityTest test, Path folder, Path data, int commits) {
        this.test = test;
        this.folder = folder;
        this.data = data;
        this.commits = commits;
    }

    /** Runs a child that commits to some stores, one after the other, and returns the stores with their new changes. */
    List<RecordedStore> record(List<RecordedStore> stores, PowerLossChild.Ending ending) throws Exception {
        return record(stores, ending, PowerLossChild.OnFailure.EXIT, Optional.empty());
    }

    /**
     * Runs a child like {@link #record(List, PowerLossChild.Ending)} that does not close the stores, and lets calls
     * that force files fail.
     *
     * @param when the calls of a thread that fail, in the form of strace's option {@code when}
     */
    List<RecordedStore> recordWithFailures(List<RecordedStore> stores, String when) throws Exception {
        return record(stores, PowerLossChild.Ending.HALT, PowerLossChild.OnFailure.RETRY, Optional.of(when));
    }

    private List<RecordedStore> record(
            List<RecordedStore> stores,
            PowerLossChild.Ending ending,
            PowerLossChild.OnFailure onFailure,
            Optional<String> failures)
            throws Exception {
        children++;
        Path trace = folder.resolve("trace-" + children);
        Map<String, RecordedFolder> folders = new HashMap<>();
        List<String> command = new ArrayList<>(ChildCommand.of(test, folder, PowerLossChild.class));
        command.addAll(List.of(data.toString(), Integer.toString(commits), ending.name(), onFailure.name()));
        for (RecordedStore store : stores) {
            Files.createDirectories(data.resolve(store.folder()));
            folders.put(store.folder(), new RecordedFolder(SimulatedDisk.after(store.past())));
            List<Long> first = LongStream.of(RecordedStore.acknowledged(store.past()))
                    .mapToObj(number -> number + 1)
                    .toList();
            command.add(new PowerLossChild.Assignment(store.folder(), store.seed(), first).toString());
        }
        run(DiskRecorder.traced(trace, failures, command));
        DiskRecorder.read(trace, data, folders);
        Files.delete(trace);
        List<RecordedStore> recorded = new ArrayList<>();
        for (RecordedStore store : stores) {
            RecordedFolder changed =
                    Optional.ofNullable(folders.get(store.folder())).orElseThrow();
            recorded.add(recorded(store, changed, ending));
        }
        return recorded;
    }

    private RecordedStore recorded(RecordedStore store, RecordedFolder changed, PowerLossChild.Ending ending)
            throws IOException {
        assertThat(changed.changes())
                .as("changes to the files of %s; a backend without files cannot be tested", store.folder())
                .isNotEmpty();
        RecordedStore recorded = store.withChanges(changed.changes());
        if (ending == PowerLossChild.Ending.CLOSE) {
            recorded = settled(recorded);
        }
        if (!changed.isCutShort()) {
            assertThat(SimulatedDisk.after(recorded.all()).cached().differenceTo(data.resolve(store.folder())))
                    .as("difference between a folder and its record")
                    .isEmpty();
        }
        return recorded;
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
            // This destroys strace. The child itself exits when its input ends.
            process.destroyForcibly();
        }
        String failure = Files.readAllLines(output).stream()
                .filter(ChildProtocol::isFailure)
                .map(ChildProtocol::failure)
                .collect(Collectors.joining());
        if (!ended || !failure.isEmpty() || process.waitFor() != 0) {
            throw new AssertionError("the child " + (ended ? "failed" : "did not exit") + ": " + failure
                    + Files.readString(errors, StandardCharsets.UTF_8));
        }
    }

    /** Adds the bytes of mapped files, now that no process changes them. */
    private RecordedStore settled(RecordedStore store) throws IOException {
        List<DiskChange> changes = new ArrayList<>(store.changes());
        SimulatedDisk disk = SimulatedDisk.after(store.all());
        DiskImage image = disk.cached();
        for (Map.Entry<String, Integer> file : disk.paths().entrySet()) {
            Optional<DiskImage.Content> content = image.nodes().getOrDefault(file.getKey(), Optional.empty());
            if (content.isPresent() && content.get().isMapped()) {
                byte[] bytes = Files.readAllBytes(data.resolve(store.folder()).resolve(file.getKey()));
                int forced = lastForced(changes, file.getValue());
                changes.add(
                        forced < 0 ? changes.size() : forced,
                        new DiskChange.Settle(file.getValue(), bytes, forced >= 0));
            }
        }
        return store.withChanges(changes);
    }

    /** Returns the index after the call that last forced a file; -1 if the file was mapped again afterwards. */
    private static int lastForced(List<DiskChange> changes, int node) {
        Set<Integer> forces = new HashSet<>();
        int forced = -1;
        for (int i = 0; i < changes.size(); i++) {
            DiskChange change = changes.get(i);
            if (change instanceof DiskChange.Mapping mapping && mapping.node() == node) {
                forced = -1;
            } else if (change instanceof DiskChange.ForceBegin begin && begin.node() == node) {
                forces.add(begin.force());
            } else if (change instanceof DiskChange.ForceEnd end && forces.contains(end.force()) && end.isSuccess()) {
                forced = i + 1;
            }
        }
        return forced;
    }
}
