package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation.Put;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** Stores and files for the tests of this backend. */
final class Mapdb {

    /** The size of a few commits of a few kilobytes. */
    static final long FEW_BYTES = 1 << 16;

    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private Mapdb() {}

    /** Opens the store at a path as a user does: by URL. */
    static MapdbBackend open(Path path) {
        return (MapdbBackend) new MapdbBackendProvider().open(new BackendConfig("mapdb:" + path, Map.of()));
    }

    /** Opens a store that writes a checkpoint whenever its journals have {@code checkpointBytes} bytes. */
    static MapdbBackend open(Path path, long checkpointBytes) {
        return (MapdbBackend) new MapdbBackendProvider()
                .open(new BackendConfig("mapdb:" + path, Map.of("checkpointBytes", String.valueOf(checkpointBytes))));
    }

    /**
     * Opens a store whose reads and commits wait for each other for up to {@code timeout}. It has capacity already, so
     * that the first commits don't wait for it.
     */
    static MapdbBackend open(Path path, Duration timeout) throws IOException {
        try (MapdbBackend patient = open(path)) {
            patient.save("other", "session", "large", new byte[1 << 20]);
        }
        MapdbFolder folder = MapdbFolder.examine(path);
        folder.open();
        return MapdbBackend.open(folder, 64 << 20, timeout);
    }

    static Batch pair(String context, int number, byte[] value) {
        return new Batch(
                context,
                0,
                1,
                List.of(new Put("session", "left." + number, value), new Put("session", "right." + number, value)));
    }

    /** Copies an open store as it would be left if its process died now. */
    static void copyAsCrashed(MapdbBackend backend, Path from, Path to) throws IOException {
        backend.checkpointer().exclusively(() -> {
            copy(from, to);
            return true;
        });
    }

    static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        for (Path file : files(from)) {
            Files.copy(file, to.resolve(file.getFileName()));
        }
    }

    static void delete(Path folder) throws IOException {
        for (Path file : files(folder)) {
            Files.delete(file);
        }
        Files.delete(folder);
    }

    /** Returns the files of a folder whose names begin with some text, in the order of their names. */
    static List<Path> files(Path folder, String prefix) throws IOException {
        return files(folder).stream()
                .filter(file -> file.getFileName().toString().startsWith(prefix))
                .toList();
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    /** Waits until a store has a checkpoint with a number above {@code above}, and returns that number. */
    static long awaitCheckpoint(Path folder, long above) throws IOException {
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        while (System.nanoTime() < deadline) {
            for (Path file : files(folder, "checkpoint-")) {
                String number = file.getFileName().toString().substring("checkpoint-".length());
                if (!number.endsWith(".new") && Long.parseLong(number) > above) {
                    return Long.parseLong(number);
                }
            }
            Thread.onSpinWait();
        }
        throw new AssertionError("no checkpoint after " + above + " was written");
    }

    /** Closes a store whose short timeout may end before its files are written. */
    static void closeAtLast(MapdbBackend backend) {
        awaitTrue("the store is closed", () -> catchThrowableOfType(BackendException.class, backend::close) == null);
    }

    /** Waits until a condition is true. */
    static void awaitTrue(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("the time by which %s", what).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    /** Returns the names and bytes of the files in a folder, except the lock. */
    static Map<String, String> contents(Path folder) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(file -> !file.endsWith("lock")).toList()) {
                contents.put(
                        folder.relativize(file).toString(),
                        Files.isDirectory(file) ? "folder" : HexFormat.of().formatHex(Files.readAllBytes(file)));
            }
        }
        return contents;
    }

    /** Runs another Java process to its end, and returns what it printed. */
    static String java(String... arguments) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(arguments));
        return run(command.toArray(String[]::new));
    }

    /** Runs another process to its end, and returns what it printed. */
    static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isNotNegative();
        return said;
    }

    /** Commits a group that is large enough to wake the maintenance thread, and waits until all are in MapDB's file. */
    static void applyAll(MapdbBackend backend) {
        backend.save("other", "session", "large", new byte[1 << 16]);
        awaitTrue("all is applied", () -> backend.entries().waiting() == 0);
    }

    /**
     * Requests a checkpoint of the closed journals, which end at a record, and waits for it.
     *
     * @return whether one was tried, and has ended
     */
    static boolean checkpoint(MapdbBackend backend, long lastClosed) {
        Checkpointer checkpointer = backend.checkpointer();
        long before = checkpointer.tasksDone();
        backend.writer().whileLocked(() -> {
            checkpointer.requestDiskSpace(lastClosed);
            return checkpointer;
        });
        return checkpointer.awaitDiskSpace(before, Duration.ofMinutes(1));
    }
}
