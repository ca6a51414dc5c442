package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.EntryId;
import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.testkit.FailureAssertions;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
final class MapdbFailureTest {

    private static final byte[] SMALL = {1};

    @TempDir
    Path folder;

    private Path path;

    @BeforeEach
    void path() {
        path = folder.resolve("store");
    }

    @Test
    @DisplayName("R12 R41 a commit on a full disk is refused as a whole, and later ones succeed once there is room")
    void fullDisk() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=40m")) {
            int acknowledged = 0;
            try (MapdbBackend backend = Mapdb.open(path)) {
                byte[] value = new byte[100_000];
                while (true) {
                    Batch batch = Mapdb.pair("alice", acknowledged, value);
                    BackendException failure =
                            catchThrowableOfType(BackendException.class, () -> backend.commit(batch));
                    if (failure != null) {
                        assertThat(failure.kind()).isEqualTo(Kind.PERMANENT);
                        assertThat(failure)
                                .hasMessageContaining("No space left")
                                .hasMessageContaining("free some space");
                        break;
                    }
                    acknowledged++;
                }
                assertThat(acknowledged).isGreaterThan(20);
                assertPairs(backend, acknowledged);
                FailureAssertions.assertPermanent(
                        () -> backend.commit(Mapdb.pair("alice", 9_999, new byte[1_000_000])));
                assertPairs(backend, acknowledged);
                assertCrashed(backend, acknowledged);

                tmpfs.remount("size=80m");
                backend.commit(Mapdb.pair("alice", acknowledged++, value));
                assertPairs(backend, acknowledged);
            }
            try (MapdbBackend backend = Mapdb.open(path)) {
                assertPairs(backend, acknowledged);
            }
        }
    }

    private void assertCrashed(MapdbBackend backend, int acknowledged) throws IOException {
        Path copy = Files.createTempDirectory("crashed").resolve("copy");
        Mapdb.copyAsCrashed(backend, path, copy);
        try (MapdbBackend crashed = Mapdb.open(copy)) {
            assertPairs(crashed, acknowledged);
        } finally {
            Mapdb.delete(copy);
            Files.delete(copy.getParent());
        }
    }

    @Test
    @DisplayName("R12 R41 a journal that can't be written while MapDB has room refuses the commit, and nothing of it is"
            + " left")
    void fullDiskForTheJournal() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=40m")) {
            try (MapdbBackend backend = Mapdb.open(path)) {
                backend.commit(Mapdb.pair("alice", 0, SMALL));
                Path filler = fill(tmpfs.folder());
                byte[] value = new byte[1_000];
                int acknowledged = 1;
                while (catchThrowableOfType(BackendException.class, commit(backend, acknowledged, value)) == null) {
                    acknowledged++;
                }
                assertThat(acknowledged).isGreaterThan(100);
                assertPairs(backend, acknowledged);
                for (int i = 0; i < 3; i++) {
                    FailureAssertions.assertPermanent(commit(backend, acknowledged, value));
                }
                assertThat(Mapdb.files(path, "journal-")).hasSizeLessThanOrEqualTo(1);

                Files.delete(filler);
                backend.commit(Mapdb.pair("alice", acknowledged++, value));
                assertPairs(backend, acknowledged);
                assertCrashed(backend, acknowledged);
            }
        }
    }

    private static ThrowingCallable commit(MapdbBackend backend, int number, byte[] value) {
        return () -> backend.commit(Mapdb.pair("alice", number, value));
    }

    @Test
    @DisplayName("a checkpoint that fails on a full disk is written once there is room, and commits continue meanwhile")
    void fullDiskForTheCheckpoint() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=64m")) {
            try (MapdbBackend backend = Mapdb.open(path, 4 << 20)) {
                byte[] value = new byte[10_000];
                int commits = 0;
                // Four journals of a megabyte make a checkpoint due, and almost as many are closed.
                while (commits < 190) {
                    backend.commit(Mapdb.pair("alice", commits++ % 50, value));
                }
                // The checkpoint sorts each into a megabyte; the commits until there is room have 1.2 MB.
                Path filler = backend.checkpointer().exclusively(() -> fillBut(tmpfs.folder(), 5 << 19));
                while (commits < 250) {
                    backend.commit(Mapdb.pair("alice", commits++ % 50, value));
                }
                backend.checkpointer().exclusively(() -> {
                    assertThat(Mapdb.files(path, "checkpoint-")).isEmpty();
                    return true;
                });
                Files.delete(filler);
                while (Mapdb.files(path, "checkpoint-").stream()
                        .allMatch(file -> file.toString().endsWith(".new"))) {
                    backend.commit(Mapdb.pair("alice", commits++ % 50, value));
                }
                assertPairs(backend, 50);
                assertCrashed(backend, 50);
            }
        }
    }

    @Test
    @DisplayName("R41 a new journal causes no checkpoint unless one was closed: a failed checkpoint would take the room"
            + " again")
    void newJournalAfterAFailedAppend() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            Checkpointer checkpointer = backend.checkpointer();
            long last = 1;
            backend.writer().whileLocked(() -> {
                checkpointer.journalsClosed(last);
                return last;
            });
            checkpointer.awaitDiskSpace(0, Duration.ofMinutes(1));
            long before = checkpointer.tasksDone();

            backend.writer().whileLocked(() -> {
                checkpointer.journalsClosed(last);
                return last;
            });

            assertThat(checkpointer.awaitDiskSpace(before, Duration.ofMinutes(1)))
                    .isFalse();
        }
    }

    @Test
    @DisplayName("R41 a commit that finds the disk full requests a checkpoint, which frees the journals, and succeeds")
    void fullDiskOfJournals() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=64m")) {
            // No checkpoint is due before the journals have 40 MiB.
            try (MapdbBackend backend = Mapdb.open(path, 40 << 20)) {
                for (int i = 0; i < 200; i++) {
                    backend.commit(Mapdb.pair("alice", 0, new byte[50_000]));
                }
                Path filler = fillBut(tmpfs.folder(), 3 << 20);

                backend.commit(Mapdb.pair("alice", 1, new byte[1_500_000]));

                assertThat(filler).exists();
                assertPairs(backend, 2);
                assertCrashed(backend, 2);
            }
            try (MapdbBackend backend = Mapdb.open(path)) {
                assertPairs(backend, 2);
            }
        }
    }

    @Test
    @DisplayName("R41 a record that can neither be written nor removed has an unknown outcome, which the next commit"
            + " settles")
    void brokenJournal() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            backend.writer().current().close();

            FailureAssertions.assertKind(Kind.OUTCOME_UNKNOWN, () -> backend.commit(Mapdb.pair("alice", 9, SMALL)));

            assertPairs(backend, 1);
            backend.commit(Mapdb.pair("alice", 1, SMALL));
            assertPairs(backend, 2);
            assertThat(Mapdb.files(path, "journal-")).hasSize(2);
            Mapdb.copyAsCrashed(backend, path, folder.resolve("copy"));
        }
        for (Path store : List.of(path, folder.resolve("copy"))) {
            try (MapdbBackend backend = Mapdb.open(store)) {
                assertPairs(backend, 2);
            }
        }
    }

    @Test
    @DisplayName("R11 R41 an fsync that failed is not repeated: the commit's outcome is unknown until the next journal"
            + " (strace)")
    void fsyncFails() throws Exception {
        assumeTrue(
                Mapdb.run("sh", "-c", "strace -o /dev/null true && echo usable").contains("usable"), "no strace");
        Path store = folder.toRealPath().resolve("store");
        Path journal = store.resolve("journal-0000000000000000001");

        String said = Mapdb.run(
                "strace",
                "-f",
                "-o",
                folder.resolve("trace").toString(),
                "-P",
                journal.toString(),
                "-e",
                "trace=fsync,fdatasync",
                "-e",
                "inject=fsync,fdatasync:error=EIO:when=2",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                FailedFsync.class.getName(),
                store.toString());

        assertThat(said)
                .contains(FailedFsync.OUTCOME + Kind.OUTCOME_UNKNOWN)
                .contains("the fsync of journal " + journal + " failed")
                .contains(FailedFsync.DONE);
        assertThat(Files.readAllLines(folder.resolve("trace")))
                .filteredOn(line -> line.contains("sync("))
                .hasSize(2);
        try (MapdbBackend backend = Mapdb.open(store)) {
            assertThat(backend.load("alice", "session", "left.0")).isPresent();
            assertThat(backend.load("alice", "session", "left.1")).isEmpty();
            assertThat(backend.load("alice", "session", "right.2")).isPresent();
            assertThat(backend.list("alice")).hasSize(4);
        }
    }

    @Test
    @DisplayName("R41 a record with a number that the next journal begins with does not count")
    void recordOfAFailedAppend() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            backend.commit(Mapdb.pair("alice", 9, SMALL));
            Mapdb.copyAsCrashed(backend, path, folder.resolve("copy"));
        }
        // As if the second append had failed and power had been lost: a new journal begins with its number.
        MapdbFolder copy = MapdbFolder.examine(folder.resolve("copy"));
        copy.open();
        Journal.create(copy, 2, 1 << 16, new SpareJournals(copy, 0)).close();
        copy.close();

        try (MapdbBackend backend = Mapdb.open(folder.resolve("copy"))) {
            assertPairs(backend, 1);
        }
    }

    @Test
    @DisplayName("R3 a failure of MapDB in a read is an error, never an absent entry, and its file is rebuilt from the"
            + " journal")
    void mapdbFailsInRead() {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            discardMap(backend);

            FailureAssertions.assertTransient(() -> backend.load("alice", "session", "left.0"))
                    .withMessageContaining("could not load session/left.0");

            assertPairs(backend, 1);
            backend.commit(Mapdb.pair("alice", 1, SMALL));
            assertPairs(backend, 2);
        }
        try (MapdbBackend backend = Mapdb.open(path)) {
            assertPairs(backend, 2);
        }
    }

    /** Discards MapDB's file without the backend's knowledge, once all commits are in it. */
    private static void discardMap(MapdbBackend backend) {
        Mapdb.applyAll(backend);
        backend.entries().whileNothingIsApplied(() -> {
            backend.entries().map().discard();
            return backend;
        });
    }

    @Test
    @DisplayName("R27 reads and commits wait for MapDB's file to be rebuilt, until their deadline or an interrupt")
    void mapdbIsNotRebuilt() throws Exception {
        MapdbBackend backend = Mapdb.open(path, Duration.ofMillis(100));
        try {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            discardMap(backend);
            backend.checkpointer().exclusively(() -> {
                FailureAssertions.assertTransient(() -> backend.load("alice", "session", "left.0"));
                FailureAssertions.assertTransient(() -> backend.load("alice", "session", "left.0"))
                        .withMessageContaining("waited 100 ms for MapDB's file");
                FailureAssertions.assertTransient(() -> backend.list("alice"));
                FailureAssertions.assertTransient(() -> backend.commit(Mapdb.pair("alice", 1, SMALL)));
                for (ThrowingCallable read : List.<ThrowingCallable>of(
                        () -> backend.load("alice", "session", "left.0"),
                        () -> backend.loadAll("alice", "session", List.of("left.0")),
                        () -> backend.list("alice"),
                        () -> backend.scan("alice", "session", "left"))) {
                    Thread.currentThread().interrupt();
                    assertThatExceptionOfType(OperationInterruptedException.class)
                            .isThrownBy(read);
                    assertThat(Thread.interrupted()).isTrue();
                }
                Thread.currentThread().interrupt();
                FailureAssertions.assertTransient(() -> backend.commit(Mapdb.pair("alice", 1, SMALL)));
                assertThat(Thread.interrupted()).isTrue();
                return path;
            });
            Mapdb.awaitTrue(
                    "MapDB's file is rebuilt",
                    () -> catchThrowableOfType(BackendException.class, () -> assertPairs(backend, 1)) == null);
        } finally {
            Mapdb.closeAtLast(backend);
        }
    }

    @Test
    @DisplayName(
            "R3 a read that waits for MapDB's file reports why it can't be rebuilt, even an error without a message")
    void rebuildFails() throws Exception {
        MapdbFolder locked = MapdbFolder.examine(path);
        locked.open();
        Recovery recovery = Recovery.open(locked);
        Entries entries = new Entries(
                "here",
                recovery.map(),
                recovery.last(),
                last -> {
                    throw new StackOverflowError();
                },
                Thread.currentThread(),
                Duration.ofMinutes(1));
        ruin(recovery.map().path(), 32);
        List<byte[]> keys = List.of(StoredKey.of("alice", "session", "bob"));
        FailureAssertions.assertTransient(() -> entries.get(() -> "load session/bob", keys));

        FutureTask<BackendException> read = new FutureTask<>(
                () -> catchThrowableOfType(BackendException.class, () -> entries.get(() -> "load session/bob", keys)));
        new Thread(read, "reader").start();
        while (!read.isDone()) {
            entries.maintain();
        }

        assertThat(read.get())
                .hasMessage("here: could not load session/bob: MapDB failed, and its file could not be rebuilt: "
                        + "java.lang.StackOverflowError");
        locked.close();
    }

    @ParameterizedTest(name = "from byte {0} on, {1} batches")
    @CsvSource({"32768, 1", "32768, 20", "32, 1", "32, 20"})
    @DisplayName("R11 a group whose application to MapDB fails after the fsync is acknowledged and readable")
    void mapdbFailsInCommit(int ruinedFrom, int batches) throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            for (int i = 0; i < 10; i++) {
                backend.commit(Mapdb.pair("alice", i, SMALL));
            }
            Mapdb.applyAll(backend);
            WorkingMap ruined = backend.entries().map();
            ruin(ruined.path(), ruinedFrom);

            backend.commit(pairs(10, 10 + batches));
            Mapdb.awaitTrue("MapDB has failed", () -> backend.entries().map() != ruined);

            assertPairs(backend, 10 + batches);
            backend.commit(Mapdb.pair("alice", 10 + batches, SMALL));
            assertPairs(backend, 11 + batches);
            assertThat(Mapdb.files(path, "working-")).hasSize(1);
        }
        try (MapdbBackend backend = Mapdb.open(path)) {
            assertPairs(backend, 11 + batches);
        }
    }

    private static List<Batch> pairs(int from, int to) {
        return IntStream.range(from, to)
                .mapToObj(number -> Mapdb.pair("alice", number, SMALL))
                .toList();
    }

    @Test
    @DisplayName("R61 a store that is closed after MapDB failed has all entries when it is opened again")
    void closeAfterMapdbFailed() throws Exception {
        MapdbBackend failed = Mapdb.open(path);
        failed.commit(Mapdb.pair("alice", 0, SMALL));
        Mapdb.applyAll(failed);
        failed.entries().whileNothingIsApplied(() -> {
            failed.commit(pairs(1, 20));
            ruin(failed.entries().map().path(), 1 << 15);
            Thread closing = new Thread(failed::close, "closing");
            closing.start();
            Mapdb.awaitTrue(
                    "closing waits, or is done",
                    () -> closing.getState() == Thread.State.TIMED_WAITING || !closing.isAlive());
            return failed;
        });
        failed.close();
        assertThat(path.resolve("closed")).doesNotExist();
        try (MapdbBackend backend = Mapdb.open(path)) {
            assertPairs(backend, 20);
        }
    }

    /** Overwrites the index of MapDB's records; if {@code from} is 32, also that of its free space. */
    private static void ruin(Path working, int from) {
        try (RandomAccessFile file = new RandomAccessFile(working.toFile(), "rw")) {
            byte[] garbage = new byte[(1 << 20) - from];
            Arrays.fill(garbage, (byte) 0x5A);
            file.seek(from);
            file.write(garbage);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    @DisplayName("once a checkpoint fails because the previous one is damaged, commits report that, and reads continue")
    void damagedCheckpoint() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path, Mapdb.FEW_BYTES)) {
            int pairs = fillUntilCheckpoint(backend, 0);
            Path checkpoint = Mapdb.files(path, "checkpoint-").get(0);
            try (RandomAccessFile file = new RandomAccessFile(checkpoint.toFile(), "rw")) {
                file.seek(file.length() / 2);
                file.write(file.read() ^ 1);
            }
            BackendException failure = null;
            for (int i = 0; failure == null && i < 100_000; i++) {
                Batch batch = Mapdb.pair("alice", i % pairs, new byte[2_000]);
                failure = catchThrowableOfType(BackendException.class, () -> backend.commit(batch));
            }

            assertThat(failure).isNotNull();
            assertThat(failure.kind()).isEqualTo(Kind.PERMANENT);
            assertThat(failure).hasMessageContaining(checkpoint.getFileName().toString());
            assertPairs(backend, pairs);
        }
        try (MapdbBackend backend = Mapdb.open(path)) {
            assertThat(backend.list("alice")).isNotEmpty();
        }
    }

    private int fillUntilCheckpoint(MapdbBackend backend, int from) throws IOException {
        int pairs = from;
        while (Mapdb.files(path, "checkpoint-").stream()
                .allMatch(file -> file.toString().endsWith(".new"))) {
            backend.commit(Mapdb.pair("alice", pairs++, new byte[2_000]));
        }
        return pairs;
    }

    @Test
    @DisplayName("R17 Clear deletes a context of many pages, except the kept types, and no other context")
    void clearOfManyPages() {
        try (MapdbBackend backend = Mapdb.open(path)) {
            for (int i = 0; i < 2_000; i++) {
                backend.commit(List.of(Mapdb.pair("alice", i, SMALL), Mapdb.pair("bob", i % 10, SMALL)));
            }
            backend.save("alice", "credentials", "credentials", SMALL);

            backend.commit(new Batch("alice", 0, 1, List.of(new Clear(Set.of("credentials")))));

            assertThat(backend.list("alice")).containsExactly(new EntryId("credentials", "credentials"));
            assertThat(backend.list("bob")).hasSize(20);
        }
    }

    @Test
    @DisplayName("R12 a group that is too large for one record is refused before anything is written")
    void groupTooLarge() {
        byte[] large = new byte[64 << 20];
        List<Mutation> puts = IntStream.range(0, 17)
                .<Mutation>mapToObj(i -> new Put("session", "large." + i, large))
                .toList();
        try (MapdbBackend backend = Mapdb.open(path)) {
            FailureAssertions.assertPermanent(() -> backend.commit(new Batch("alice", 0, 1, puts)))
                    .withMessageContaining("commit less at once");
            assertThat(backend.list("alice")).isEmpty();
        }
    }

    @Test
    @DisplayName("R45 no message of a failure or its causes shows a byte of a value")
    void noValueBytes() throws Exception {
        byte[] value = "secret-42".getBytes(StandardCharsets.US_ASCII);
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.save("alice", "session", "kept", SMALL);
            backend.writer().current().close();

            BackendException failure = catchThrowableOfType(
                    BackendException.class, () -> backend.save("alice", "session", "refused", value));

            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace));
            assertThat(trace.toString())
                    .doesNotContain("secret")
                    .doesNotContain("115, 101, 99")
                    .doesNotContainIgnoringCase("736563726574");
        }
    }

    @Test
    @DisplayName("R27 an interrupt ends the wait for another thread's commit, and its flag is preserved")
    void interrupted() {
        try (MapdbBackend backend = Mapdb.open(path)) {
            Mapdb.applyAll(backend);
            backend.writer().whileLocked(() -> {
                Thread.currentThread().interrupt();
                FailureAssertions.assertTransient(() -> backend.save("alice", "session", "bob", SMALL))
                        .withMessageContaining("interrupted while waiting for another thread's commit");
                assertThat(Thread.interrupted()).isTrue();
                return backend;
            });
            assertThat(backend.load("alice", "session", "bob")).isEmpty();
        }
    }

    @Test
    @DisplayName("R28 opening, reading and closing succeed with the interrupt flag set, and preserve it")
    void interruptedElsewhere() {
        Thread.currentThread().interrupt();
        try (MapdbBackend backend = Mapdb.open(path)) {
            assertThat(backend.list("alice")).isEmpty();
            assertThat(Thread.interrupted()).isTrue();
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            Mapdb.applyAll(backend);
            Thread.currentThread().interrupt();
            assertPairs(backend, 1);
        }
        assertThat(path.resolve("closed")).exists();
        try (MapdbBackend backend = Mapdb.open(path)) {
            assertPairs(backend, 1);
        }
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    @DisplayName("R60 streams that are neither read nor closed block no reader")
    void unclosedStreams() {
        try (MapdbBackend backend = Mapdb.open(path)) {
            List<Mutation> puts = IntStream.range(0, 1_000)
                    .<Mutation>mapToObj(i -> new Put("session", "bob." + i, new byte[] {1}))
                    .toList();
            backend.commit(new Batch("alice", 0, 1, puts));
            List<Iterator<EntryId>> begun = Stream.generate(
                            () -> backend.list("alice").iterator())
                    .limit(100)
                    .toList();
            assertThat(begun)
                    .allSatisfy(iterator -> assertThat(iterator.next().type()).isEqualTo("session"));

            assertThat(backend.load("alice", "session", "bob.7")).isPresent();
            assertThat(begun).allMatch(Iterator::hasNext);
        }
    }

    @Test
    @DisplayName("R28 a closed backend refuses every call, and says so with its folder")
    void closed() {
        MapdbBackend backend = Mapdb.open(path);
        backend.close();
        backend.close();
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> backend.commit(Mapdb.pair("alice", 0, SMALL)))
                .withMessage(path + ": the backend is closed");
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> backend.load("alice", "session", "bob.1"))
                .withMessage(path + ": the backend is closed");
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(backend::compact)
                .withMessage(path + ": the backend is closed");
    }

    private static void assertPairs(MapdbBackend backend, int pairs) {
        assertThat(backend.list("alice")).hasSize(2 * pairs);
        for (int i = 0; i < pairs; i++) {
            assertThat(backend.load("alice", "session", "left." + i))
                    .as("left." + i)
                    .isPresent();
            assertThat(backend.load("alice", "session", "right." + i))
                    .as("right." + i)
                    .isPresent();
        }
    }

    /** Leaves no room on the volume of a folder. */
    private static Path fill(Path volume) throws IOException {
        Path filler = volume.resolve("filler");
        try (OutputStream out = Files.newOutputStream(filler)) {
            while (true) {
                out.write(new byte[4096]);
            }
        } catch (IOException full) {
            return filler;
        }
    }

    private static Path fillBut(Path volume, long left) throws IOException {
        Path filler = volume.resolve("filler");
        long bytes = Files.getFileStore(volume).getUsableSpace() - left;
        try (OutputStream out = Files.newOutputStream(filler)) {
            for (long written = 0; written < bytes; written += 4096) {
                out.write(new byte[4096]);
            }
        }
        return filler;
    }
}
