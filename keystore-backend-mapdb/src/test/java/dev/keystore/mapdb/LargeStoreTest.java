package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Put;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A store of a million entries of 1 KiB (or {@code -Dkeystore.large.entries=}) in a heap of 256 MiB. Prints how long
 * commits take while checkpoints are written, and how long opening takes after a crash and after a close; asserts only
 * that nothing is lost.
 */
@Tag("long")
@Timeout(1800)
final class LargeStoreTest {

    private static final int VALUE_BYTES = 1024;
    private static final int ENTRIES_PER_COMMIT = 1000;
    private static final int UPDATES = 400_000;
    private static final int UPDATES_PER_COMMIT = 10;

    @TempDir
    Path folder;

    @Test
    @DisplayName(
            "R60 R61 a million entries in bounded memory: filled, killed, recovered, closed, opened, listed, cleared")
    void large() throws Exception {
        int entries = Integer.getInteger("keystore.large.entries", 1_000_000);

        System.out.print(inChild("fill", entries));
        System.out.print(inChild("recover", entries));
        String opened = inChild("open", entries);
        System.out.print(opened);

        assertThat(opened).contains("lists " + entries + " entries").contains("after clear 0 entries");
    }

    private String inChild(String what, int entries) throws Exception {
        String said = Mapdb.java(
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                LargeStoreTest.class.getName(),
                what,
                folder.resolve("store").toString(),
                String.valueOf(entries));
        assertThat(said).contains(what + " done");
        return said;
    }

    public static void main(String[] arguments) {
        Path path = Path.of(arguments[1]);
        int entries = Integer.parseInt(arguments[2]);
        long start = System.nanoTime();
        MapdbBackend backend = Mapdb.open(path);
        System.out.printf("opened in %.2f s%n", seconds(start));
        switch (arguments[0]) {
            case "fill" -> fill(backend, entries);
            case "recover" -> check(backend, entries);
            default -> clear(backend, entries);
        }
        System.out.println(arguments[0] + " done");
        if (arguments[0].equals("fill")) {
            Runtime.getRuntime().halt(0);
        }
        start = System.nanoTime();
        backend.close();
        System.out.printf("closed in %.2f s%n", seconds(start));
    }

    private static void fill(MapdbBackend backend, int entries) {
        long start = System.nanoTime();
        for (int from = 0; from < entries; from += ENTRIES_PER_COMMIT) {
            List<Mutation> puts = new ArrayList<>();
            for (int i = from; i < Math.min(entries, from + ENTRIES_PER_COMMIT); i++) {
                puts.add(new Put("session", "bob." + i, value(i, 0)));
            }
            backend.commit(new Batch("alice", 0, 1, puts));
        }
        System.out.printf("filled %d entries in %.2f s%n", entries, seconds(start));
        update(backend, entries);
    }

    /** Commits as clients do, until the journals are large enough for a checkpoint of the whole store. */
    private static void update(MapdbBackend backend, int entries) {
        SplittableRandom random = new SplittableRandom(1);
        long[] micros = new long[UPDATES / UPDATES_PER_COMMIT];
        for (int n = 0; n < micros.length; n++) {
            List<Mutation> puts = new ArrayList<>();
            for (int i = 0; i < UPDATES_PER_COMMIT; i++) {
                int id = random.nextInt(entries);
                puts.add(new Put("session", "bob." + id, value(id, n)));
            }
            long begun = System.nanoTime();
            backend.commit(new Batch("alice", 0, 1, puts));
            micros[n] = (System.nanoTime() - begun) / 1000;
        }
        Arrays.sort(micros);
        System.out.printf(
                "%d commits of %d entries: median %.2f ms, 99%% %.2f ms, 99.9%% %.2f ms, longest %.2f ms%n",
                micros.length,
                UPDATES_PER_COMMIT,
                micros[micros.length / 2] / 1e3,
                micros[(int) (micros.length * 0.99)] / 1e3,
                micros[(int) (micros.length * 0.999)] / 1e3,
                micros[micros.length - 1] / 1e3);
    }

    private static void check(MapdbBackend backend, int entries) {
        for (int i = 0; i < entries; i++) {
            ByteBuffer value =
                    ByteBuffer.wrap(backend.load("alice", "session", "bob." + i).orElseThrow());
            if (value.remaining() != VALUE_BYTES || value.getInt() != i) {
                throw new AssertionError("bob." + i + " holds another's bytes");
            }
        }
    }

    private static void clear(MapdbBackend backend, int entries) {
        check(backend, entries);
        long start = System.nanoTime();
        System.out.printf("lists %d entries in %.2f s%n", count(backend), seconds(start));
        start = System.nanoTime();
        backend.commit(new Batch("alice", 0, 1, List.of(new Clear(Set.of()))));
        System.out.printf("after clear %d entries, in %.2f s%n", count(backend), seconds(start));
    }

    private static long count(MapdbBackend backend) {
        try (Stream<EntryId> listed = backend.list("alice")) {
            return listed.count();
        }
    }

    private static byte[] value(int id, int commit) {
        byte[] value = new byte[VALUE_BYTES];
        new SplittableRandom(id).nextBytes(value);
        ByteBuffer.wrap(value).putInt(id).putInt(commit);
        return value;
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }
}
