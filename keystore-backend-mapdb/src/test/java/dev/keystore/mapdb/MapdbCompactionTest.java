package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.testkit.FailureAssertions;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Compaction of a store: its journals, spare journals, checkpoints and MapDB's file. */
@Timeout(120)
final class MapdbCompactionTest {

    private static final String FORMER = "<a former value>";
    private static final String CURRENT = "<a current value>";
    private static final int REPEATED = 200;

    @TempDir
    Path folder;

    @Test
    @DisplayName("R74 a compaction deletes spare journals, and later journals do not contain former values either")
    void sparesAreDeleted() throws Exception {
        Path store = folder.resolve("store");
        try (MapdbBackend backend = Mapdb.open(store, Mapdb.FEW_BYTES)) {
            int saved = 0;
            while (Mapdb.files(store, "spare-").isEmpty()) {
                save(backend, saved++, FORMER);
            }
            for (int i = 0; i < saved; i++) {
                save(backend, i, CURRENT);
            }
            assertThat(filesWith(store, FORMER)).isNotEmpty();

            backend.compact();

            assertThat(filesWith(store, FORMER)).isEmpty();
            assertThat(Mapdb.files(store, "spare-")).isEmpty();
            while (Mapdb.files(store, "spare-").isEmpty()) {
                save(backend, saved++, CURRENT);
                assertThat(filesWith(store, FORMER)).isEmpty();
            }
            assertThat(backend.list("alice")).hasSize(saved);
        }
    }

    @Test
    @DisplayName("R74 a compacted store that crashes has all entries, and so has one that is closed")
    void afterCrashAndClose() throws Exception {
        Path store = folder.resolve("store");
        Path crashed = folder.resolve("crashed");
        try (MapdbBackend backend = Mapdb.open(store)) {
            fill(backend, 300, 1_000);
            backend.compact();
            Mapdb.copyAsCrashed(backend, store, crashed);
            assertThat(Mapdb.files(store, "working-")).hasSize(1);
            assertThat(Mapdb.files(store, "checkpoint-")).hasSize(1);
            assertThat(Mapdb.files(store, "journal-")).hasSize(1);
        }
        for (Path each : List.of(store, crashed)) {
            try (MapdbBackend backend = Mapdb.open(each)) {
                assertThat(backend.list("alice")).as(each.toString()).hasSize(300);
            }
        }
    }

    @Test
    @DisplayName("R74 free space is given back, and an empty store can be compacted")
    void givesSpaceBack() throws Exception {
        Path store = folder.resolve("store");
        try (MapdbBackend backend = Mapdb.open(store)) {
            backend.compact();
            long empty = bytes(store);
            fill(backend, 2_000, 10_000);
            Mapdb.applyAll(backend);
            assertThat(bytes(store)).isGreaterThan(empty + (30 << 20));
            backend.commit(List.of(new Batch("alice", 0, 2, List.of(new Mutation.Clear(Set.of())))));
            backend.compact();
            assertThat(bytes(store)).isLessThan(empty + (1 << 20));
        }
    }

    @Test
    @DisplayName("R74 a compaction on a full disk fails as a whole, and succeeds once there is room")
    void fullDisk() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=128m");
                MapdbBackend backend = Mapdb.open(folder.resolve("store"))) {
            fill(backend, 600, 10_000);
            Mapdb.applyAll(backend);
            FileStore disk = Files.getFileStore(folder);
            long usedBytes = disk.getTotalSpace() - disk.getUnallocatedSpace();
            tmpfs.remount("size=" + (usedBytes + (2 << 20)));

            FailureAssertions.assertPermanent(backend::compact)
                    .withMessageContaining("could not compact")
                    .withMessageContaining("free some space");

            backend.save("alice", "session", "later", new byte[1]);
            tmpfs.remount("size=128m");
            backend.compact();
            assertThat(backend.list("alice")).hasSize(601);
        }
    }

    @Test
    @DisplayName("R27 R74 an interrupt ends the wait for a compaction, which continues without the caller")
    void interrupted() throws Exception {
        Path store = folder.resolve("store");
        try (MapdbBackend backend = Mapdb.open(store)) {
            fill(backend, 300, 1_000);
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            AtomicBoolean flag = new AtomicBoolean();
            CountDownLatch begun = new CountDownLatch(1);
            Thread compacting = new Thread(() -> {
                begun.countDown();
                thrown.set(catchThrowable(backend::compact));
                flag.set(Thread.interrupted());
            });
            backend.entries().whileNothingIsApplied(() -> {
                compacting.start();
                Mapdb.awaitTrue("it is begun", () -> begun.getCount() == 0);
                compacting.interrupt();
                Mapdb.awaitTrue("it has ended", () -> !compacting.isAlive());
                return begun;
            });

            assertThat(thrown.get())
                    .isInstanceOf(OperationInterruptedException.class)
                    .hasMessageContaining("continues in the background");
            assertThat(flag).isTrue();
            backend.compact();
            assertThat(backend.list("alice")).hasSize(300);
        }
    }

    @Test
    @DisplayName("R28 R74 closing the store ends a running compaction, and loses nothing")
    void closed() throws Exception {
        Path store = folder.resolve("store");
        MapdbBackend backend = Mapdb.open(store);
        fill(backend, 300, 1_000);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread compacting = new Thread(() -> thrown.set(catchThrowable(backend::compact)));
        AtomicReference<Thread> closing = new AtomicReference<>();
        backend.entries().whileNothingIsApplied(() -> {
            compacting.start();
            Mapdb.awaitTrue("a checkpoint is written", () -> hasCheckpoint(store));
            closing.set(new Thread(backend::close));
            closing.get().start();
            Mapdb.awaitTrue("the compaction has ended", () -> !compacting.isAlive());
            return closing;
        });
        closing.get().join();

        assertThat(thrown.get()).isInstanceOf(BackendException.class).hasMessageContaining("was closed meanwhile");
        try (MapdbBackend reopened = Mapdb.open(store)) {
            assertThat(reopened.list("alice")).hasSize(300);
        }
    }

    private static boolean hasCheckpoint(Path store) {
        try {
            return Mapdb.files(store, "checkpoint-").stream()
                    .anyMatch(file -> !file.toString().endsWith(".new"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @DisplayName("R74 a damaged journal ends a compaction before anything is replaced")
    void damaged() throws Exception {
        Path store = folder.resolve("store");
        MapdbBackend backend = Mapdb.open(store);
        fill(backend, 300, 1_000);
        backend.save("alice", "session", "last", new byte[1]);
        Path journal = Mapdb.files(store, "journal-").get(0);
        byte[] bytes = Files.readAllBytes(journal);
        bytes[5_000] ^= 1;
        Files.write(journal, bytes);

        FailureAssertions.assertPermanent(backend::compact)
                .withMessageContaining("could not compact")
                .withMessageContaining(journal.getFileName().toString());

        assertThat(journal).exists();
        assertThat(Mapdb.files(store, "checkpoint-")).isEmpty();
        assertThat(backend.list("alice")).hasSize(301);
        backend.close();
    }

    private static void save(MapdbBackend backend, int number, String text) {
        backend.save("alice", "session", "id-" + number, text.repeat(REPEATED).getBytes(StandardCharsets.UTF_8));
    }

    private static void fill(MapdbBackend backend, int entries, int bytes) {
        for (int from = 0; from < entries; from += 100) {
            List<Mutation> puts = new ArrayList<>();
            for (int i = from; i < Math.min(entries, from + 100); i++) {
                puts.add(new Put("session", "bob." + i, new byte[bytes]));
            }
            backend.commit(List.of(new Batch("alice", 0, 1, puts)));
        }
    }

    /** Returns the files of a store that contain a text. */
    private static List<Path> filesWith(Path store, String text) throws IOException {
        List<Path> found = new ArrayList<>();
        for (Path file : Mapdb.files(store, "")) {
            try {
                if (new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(text)) {
                    found.add(file);
                }
            } catch (NoSuchFileException e) {
                // The checkpointer has deleted or renamed it since.
            }
        }
        return found;
    }

    private static long bytes(Path store) throws IOException {
        long bytes = 0;
        for (Path file : Mapdb.files(store, "")) {
            bytes += Files.size(file);
        }
        return bytes;
    }
}
