package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.keystore.EntryId;
import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Put;
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
    @DisplayName("R12 R41 a full disk refuses a commit as a whole, loses nothing, and the store goes on with room")
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
                Failures.assertPermanent(() -> backend.commit(Mapdb.pair("alice", 9_999, new byte[1_000_000])));
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
    @DisplayName("R12 R41 a journal that can't be written while MapDB has room refuses the commit, and leaves no trace")
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
                    Failures.assertPermanent(commit(backend, acknowledged, value));
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
    @DisplayName("a checkpoint that a full disk fails is made once there is room, and commits go on meanwhile")
    void fullDiskForTheCheckpoint() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=64m")) {
            try (MapdbBackend backend = Mapdb.open(path, 4 << 20)) {
                byte[] value = new byte[10_000];
                int commits = 0;
                // Journals of a megabyte, of which four make a checkpoint due: almost as many are closed.
                while (commits < 190) {
                    backend.commit(Mapdb.pair("alice", commits++ % 50, value));
                }
                // The checkpoint sorts each of them into a megabyte; what is committed until there is room has 1.2 MB.
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
    @DisplayName(
            "R41 a new journal causes no checkpoint unless one was closed: a failed checkpoint would take the room again")
    void newJournalAfterAFailedAppend() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            Checkpointer checkpointer = backend.checkpointer();
            long last = 1;
            backend.writer().inTurn(() -> {
                checkpointer.closed(last);
                return last;
            });
            checkpointer.awaitRoom(0, Duration.ofMinutes(1));
            long before = checkpointer.tasksDone();

            backend.writer().inTurn(() -> {
                checkpointer.closed(last);
                return last;
            });

            assertThat(checkpointer.awaitRoom(before, Duration.ofMinutes(1))).isFalse();
        }
    }

    @Test
    @DisplayName("R41 a commit that finds the disk full has a checkpoint made, which frees the journals, and goes on")
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
    @DisplayName(
            "R41 a record that can neither be forced nor taken back has an unknown outcome; the next commit settles it")
    void brokenJournal() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            backend.writer().current().close();

            Failures.assertKind(Kind.OUTCOME_UNKNOWN, () -> backend.commit(Mapdb.pair("alice", 9, SMALL)));

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
    @DisplayName("R41 a record found behind the first of the next journal does not count: it was taken back")
    void recordOfAFailedAppend() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            backend.commit(Mapdb.pair("alice", 9, SMALL));
            Mapdb.copyAsCrashed(backend, path, folder.resolve("copy"));
        }
        // As if the second append had failed and power had been lost: a new journal begins with its number.
        MapdbFolder copy = MapdbFolder.examine(folder.resolve("copy"));
        copy.open();
        Journal.create(copy, 2).close();
        copy.close();

        try (MapdbBackend backend = Mapdb.open(folder.resolve("copy"))) {
            assertPairs(backend, 1);
        }
    }

    @Test
    @DisplayName(
            "R3 a MapDB that fails in a read is an error, never an absent entry, and is made again from the journal")
    void mapdbFailsInRead() {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            discardMap(backend);

            Failures.assertTransient(() -> backend.load("alice", "session", "left.0"))
                    .withMessageContaining("could not load session/left.0");

            assertPairs(backend, 1);
            backend.commit(Mapdb.pair("alice", 1, SMALL));
            assertPairs(backend, 2);
        }
        try (MapdbBackend backend = Mapdb.open(path)) {
            assertPairs(backend, 2);
        }
    }

    /** Takes MapDB's file away, once all is in it. */
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
        try (MapdbBackend backend = Mapdb.open(path, Duration.ofMillis(100))) {
            backend.commit(Mapdb.pair("alice", 0, SMALL));
            discardMap(backend);
            backend.checkpointer().exclusively(() -> {
                Failures.assertTransient(() -> backend.load("alice", "session", "left.0"));
                Failures.assertTransient(() -> backend.load("alice", "session", "left.0"))
                        .withMessageContaining("waited 100 ms for MapDB's file");
                Failures.assertTransient(() -> backend.list("alice"));
                Failures.assertTransient(() -> backend.commit(Mapdb.pair("alice", 1, SMALL)));
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
                Failures.assertTransient(() -> backend.commit(Mapdb.pair("alice", 1, SMALL)));
                assertThat(Thread.interrupted()).isTrue();
                return path;
            });
            Mapdb.awaitTrue(
                    "MapDB's file is rebuilt",
                    () -> catchThrowableOfType(BackendException.class, () -> assertPairs(backend, 1)) == null);
        }
    }

    @ParameterizedTest(name = "from byte {0} on, {1} batches")
    @CsvSource({"32768, 1", "32768, 20", "32, 1", "32, 20"})
    @DisplayName("R11 a group that MapDB fails on after the fsync is acknowledged, and is there")
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
    @DisplayName("R61 a store whose MapDB has failed when it is closed holds everything when it is opened again")
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

    /** Overwrites what MapDB finds its records by, and from byte 32 on also what it finds its free space by. */
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
    @DisplayName(
            "a checkpoint that is damaged is told by the commits after the next one fails, and what is there is read")
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
    @DisplayName("R17 clear deletes a context of many pages, but for the kept types, and no other")
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
            Failures.assertPermanent(() -> backend.commit(new Batch("alice", 0, 1, puts)))
                    .withMessageContaining("commit less at once");
            assertThat(backend.list("alice")).isEmpty();
        }
    }

    @Test
    @DisplayName("R45 no failure shows a byte of a value, in any cause")
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
    @DisplayName("R27 an interrupt ends the wait for another thread's commit, and the flag stays")
    void interrupted() {
        try (MapdbBackend backend = Mapdb.open(path)) {
            Mapdb.applyAll(backend);
            backend.writer().inTurn(() -> {
                Thread.currentThread().interrupt();
                Failures.assertTransient(() -> backend.save("alice", "session", "bob", SMALL))
                        .withMessageContaining("interrupted while waiting for another thread's commit");
                assertThat(Thread.interrupted()).isTrue();
                return backend;
            });
            assertThat(backend.load("alice", "session", "bob")).isEmpty();
        }
    }

    @Test
    @DisplayName("R28 opening, reading and closing with the interrupt flag set work, and the flag stays")
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
    @DisplayName("R60 streams that are left unread and unclosed keep nobody from reading")
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
    @DisplayName("R28 a closed backend refuses, and says so")
    void closed() {
        MapdbBackend backend = Mapdb.open(path);
        backend.close();
        backend.close();
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> backend.commit(Mapdb.pair("alice", 0, SMALL)))
                .withMessageContaining("closed");
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
