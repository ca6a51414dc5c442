package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.BackendException.Kind;
import dev.keystore.testkit.FailureAssertions;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A kill, a recovery and then power loss (R11). The killed process has written its last record and not forced it; power
 * loss takes the bytes of that record, and no others. They are found through a second name of the file, whatever a
 * recovery does with the first one: a recovery that continues with the same file loses the record, and one that has
 * written a new file does not.
 */
@Timeout(120)
final class MapdbForcedRecoveryTest {

    private static final int ACKNOWLEDGED = 5;
    private static final int SECTOR_BYTES = 512;

    @TempDir
    Path folder;

    private Path store;
    private Path unforced;
    private long recordStart;
    private long recordEnd;

    /** What power loss leaves of a record that was not forced. */
    enum Loss {
        MISSING {
            @Override
            void apply(RandomAccessFile file, long from, long to) throws IOException {
                file.setLength(from);
            }
        },
        TORN {
            @Override
            void apply(RandomAccessFile file, long from, long to) throws IOException {
                long sector = (from / SECTOR_BYTES + 2) * SECTOR_BYTES;
                assertThat(sector).isLessThan(to);
                file.setLength(sector);
            }
        },
        ZEROS {
            @Override
            void apply(RandomAccessFile file, long from, long to) throws IOException {
                file.seek(from);
                file.write(new byte[(int) (to - from)]);
            }
        },
        HOLE {
            @Override
            void apply(RandomAccessFile file, long from, long to) throws IOException {
                long sector = (from / SECTOR_BYTES + 2) * SECTOR_BYTES;
                assertThat(sector + SECTOR_BYTES).isLessThan(to);
                file.seek(sector);
                file.write(new byte[SECTOR_BYTES]);
            }
        };

        abstract void apply(RandomAccessFile file, long from, long to) throws IOException;
    }

    /** Leaves a store as a process would that was killed after it had written its last record. */
    @BeforeEach
    void kill() throws Exception {
        store = folder.resolve("store");
        try (MapdbBackend backend = Mapdb.open(folder.resolve("first"))) {
            for (int i = 0; i <= ACKNOWLEDGED; i++) {
                backend.commit(Mapdb.pair("alice", i, value(i)));
            }
            Mapdb.copyAsCrashed(backend, folder.resolve("first"), store);
        }
        Path journal = Mapdb.files(store, "journal-").get(0);
        unforced = Files.createLink(folder.resolve("unforced"), journal);
        try (JournalReader reader = new JournalReader(journal, 1)) {
            for (int i = 0; i < ACKNOWLEDGED; i++) {
                reader.next(Long.MAX_VALUE);
            }
            recordStart = reader.offset();
            reader.next(Long.MAX_VALUE);
            recordEnd = reader.offset();
        }
    }

    private static byte[] value(int pair) {
        byte[] value = new byte[2_000];
        Arrays.fill(value, (byte) (pair + 1));
        return value;
    }

    private void losePower(Loss loss) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(unforced.toFile(), "rw")) {
            loss.apply(file, recordStart, recordEnd);
        }
    }

    private Path copy(MapdbBackend backend) throws IOException {
        Path copy = Files.createTempDirectory(folder, "lost").resolve("store");
        Mapdb.copyAsCrashed(backend, store, copy);
        return copy;
    }

    private static void assertPairs(Path at, int pairs) {
        try (MapdbBackend backend = Mapdb.open(at)) {
            assertPairs(backend, pairs);
        }
        try (MapdbBackend backend = Mapdb.open(at)) {
            assertPairs(backend, pairs);
        }
    }

    private static void assertPairs(MapdbBackend backend, int pairs) {
        assertThat(backend.list("alice")).hasSize(2 * pairs);
        for (int i = 0; i < pairs; i++) {
            assertThat(backend.load("alice", "session", "left." + i)).contains(value(i));
            assertThat(backend.load("alice", "session", "right." + i)).contains(value(i));
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R11 power loss before a recovery loses the record that was not forced, and no other")
    void killThenPowerLoss(Loss loss) throws Exception {
        losePower(loss);
        assertPairs(store, ACKNOWLEDGED);
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R11 after a kill, a recovery and power loss, recovered and later commits are still there")
    void killRecoverPowerLoss(Loss loss) throws Exception {
        Path beforeCommit;
        Path afterCommit;
        try (MapdbBackend backend = Mapdb.open(store)) {
            assertPairs(backend, ACKNOWLEDGED + 1);
            losePower(loss);
            beforeCommit = copy(backend);
            backend.commit(Mapdb.pair("alice", ACKNOWLEDGED + 1, value(ACKNOWLEDGED + 1)));
            afterCommit = copy(backend);
        }
        assertPairs(beforeCommit, ACKNOWLEDGED + 1);
        assertPairs(afterCommit, ACKNOWLEDGED + 2);
        assertPairs(store, ACKNOWLEDGED + 2);
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName(
            "R11 after a kill, a recovery, a rebuild of MapDB, commits, a checkpoint and power loss, all commits are"
                    + " there")
    void killRecoverRebuildCheckpointPowerLoss(Loss loss) throws Exception {
        int pairs = ACKNOWLEDGED + 1;
        Path lost;
        try (MapdbBackend backend = Mapdb.open(store, Mapdb.FEW_BYTES)) {
            losePower(loss);
            backend.entries().map().discard();
            FailureAssertions.assertTransient(() -> backend.load("alice", "session", "left.0"));
            assertPairs(backend, pairs);
            while (pairs < 100) {
                backend.commit(Mapdb.pair("alice", pairs, value(pairs)));
                pairs++;
            }
            Mapdb.awaitCheckpoint(store, 0);
            lost = copy(backend);
        }
        assertPairs(lost, pairs);
        assertPairs(store, pairs);
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R11 a recovery that is killed at any of its files is followed by one that forces what it recovers")
    void recoveryKilled(Loss loss) throws Exception {
        byte[] journal = Files.readAllBytes(Mapdb.files(store, "journal-").get(0));
        String name = Mapdb.files(store, "journal-").get(0).getFileName().toString();
        Files.write(store.resolve(name + ".new"), Arrays.copyOf(journal, (int) recordStart + 7));
        Files.write(store.resolve("run-0000000000000000001.new"), new byte[100]);
        Files.write(store.resolve("working-0000000000000000002"), new byte[4 << 20]);
        Path lost;
        try (MapdbBackend backend = Mapdb.open(store)) {
            losePower(loss);
            backend.commit(Mapdb.pair("alice", ACKNOWLEDGED + 1, value(ACKNOWLEDGED + 1)));
            lost = copy(backend);
        }
        assertPairs(lost, ACKNOWLEDGED + 2);
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R11 a recovery after a clean close whose marker no longer matches forces what it recovers, too")
    void markDoesNotFit(Loss loss) throws Exception {
        Mapdb.open(store).close();
        Path working = Mapdb.files(store, "working-").get(0);
        try (RandomAccessFile file = new RandomAccessFile(working.toFile(), "rw")) {
            file.write(file.read() ^ 1);
        }
        try (MapdbBackend backend = Mapdb.open(store)) {
            losePower(loss);
            backend.commit(Mapdb.pair("alice", ACKNOWLEDGED + 1, value(ACKNOWLEDGED + 1)));
        }
        assertPairs(store, ACKNOWLEDGED + 2);
    }

    @Test
    @DisplayName("R11 a torn record is removed from its journal by recovery")
    void tornRecordIsRemoved() throws Exception {
        losePower(Loss.HOLE);
        try (MapdbBackend backend = Mapdb.open(store)) {
            assertPairs(backend, ACKNOWLEDGED);
        }
        assertThat(Mapdb.files(store, "journal-").get(0)).hasSize(recordStart);
    }

    @Test
    @DisplayName("R11 a journal without a durable name, or with a partial header, has no acknowledged record")
    void journalWithoutRecords() throws Exception {
        MapdbFolder locked = MapdbFolder.examine(store);
        locked.open();
        Journal.create(locked, ACKNOWLEDGED + 2, 1 << 16, new SpareJournals(locked, 0))
                .close();
        locked.close();
        Path empty = Mapdb.files(store, "journal-").get(1);

        Path nameLost = folder.resolve("name lost");
        Mapdb.copy(store, nameLost);
        Files.delete(nameLost.resolve(empty.getFileName()));
        Path headerLost = folder.resolve("header lost");
        Mapdb.copy(nameLost, headerLost);
        Files.write(headerLost.resolve(empty.getFileName() + ".new"), new byte[Journal.HEADER_BYTES / 2]);

        for (Path lost : List.of(store, nameLost, headerLost)) {
            assertPairs(lost, ACKNOWLEDGED + 1);
        }
    }

    @Test
    @DisplayName("R11 a checkpoint whose name is lost to power loss leaves the journals that it was built from")
    void checkpointNameLost() throws Exception {
        int pairs = ACKNOWLEDGED + 1;
        Path renamed = folder.resolve("renamed");
        try (MapdbBackend backend = Mapdb.open(store, Mapdb.FEW_BYTES)) {
            Path before = copy(backend);
            while (Mapdb.files(store, "checkpoint-").isEmpty()) {
                before = copy(backend);
                backend.commit(Mapdb.pair("alice", pairs, value(pairs)));
                pairs++;
            }
            Mapdb.awaitCheckpoint(store, 0);
            backend.checkpointer().exclusively(() -> {
                Mapdb.copy(store, renamed);
                return true;
            });
            // As if the process was killed after the rename: the journals that the checkpoint replaces still exist.
            for (Path journal : Mapdb.files(before, "journal-")) {
                Path target = renamed.resolve(journal.getFileName());
                if (Files.notExists(target)) {
                    Files.copy(journal, target);
                }
            }
        }
        Path lost = folder.resolve("name lost");
        try (MapdbBackend backend = Mapdb.open(renamed)) {
            assertPairs(backend, pairs);
            Mapdb.copyAsCrashed(backend, renamed, lost);
        }
        assertPairs(renamed, pairs);
        assertPairs(lost, pairs);
    }

    @Test
    @DisplayName("R11 R41 a record of unknown outcome that recovery did not count does not reappear after a crash")
    void unknownOutcomeIsSettledByClose() throws Exception {
        int pairs = ACKNOWLEDGED + 1;
        Path crashed = folder.resolve("crashed");
        try (MapdbBackend backend = Mapdb.open(store)) {
            backend.commit(Mapdb.pair("alice", pairs, value(pairs)));
            pairs++;
            Path journal = Mapdb.files(store, "journal-").get(1);
            backend.writer().current().close();
            int failed = pairs;
            FailureAssertions.assertKind(
                    Kind.OUTCOME_UNKNOWN, () -> backend.commit(Mapdb.pair("alice", failed, value(failed))));
            appendRecord(journal, pairs + 1, failed);
            assertPairs(backend, pairs);
        }
        try (MapdbBackend backend = Mapdb.open(store)) {
            assertPairs(backend, pairs);
            Mapdb.copyAsCrashed(backend, store, crashed);
        }
        assertPairs(crashed, pairs);
    }

    @Test
    @DisplayName("R11 a marker of a clean close that reappears after power loss is ignored if a checkpoint is newer")
    void markBroughtBack() throws Exception {
        Mapdb.open(store).close();
        byte[] mark = Files.readAllBytes(store.resolve("closed"));
        int pairs = ACKNOWLEDGED + 1;
        try (MapdbBackend backend = Mapdb.open(store)) {
            backend.commit(Mapdb.pair("alice", pairs, value(pairs)));
            pairs++;
            backend.writer().current().close();
            assertThat(Mapdb.checkpoint(backend, pairs)).isTrue();
        }
        assertThat(Mapdb.files(store, "journal-")).isEmpty();
        Files.write(store.resolve("closed"), mark);

        try (MapdbBackend backend = Mapdb.open(store)) {
            assertPairs(backend, pairs);
            backend.commit(Mapdb.pair("alice", pairs, value(pairs)));
            pairs++;
        }
        Files.delete(store.resolve("closed"));
        assertPairs(store, pairs);
    }

    /** Writes the bytes that the failed append wrote. */
    private static void appendRecord(Path journal, long number, int pair) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(journal.toFile(), "rw")) {
            byte[] header = new byte[Journal.HEADER_BYTES];
            file.readFully(header);
            long salt = ByteBuffer.wrap(header).getLong(Long.BYTES);
            file.seek(file.length());
            file.write(JournalRecord.encode(salt, number, Change.of(List.of(Mapdb.pair("alice", pair, value(pair))))));
        }
    }
}
