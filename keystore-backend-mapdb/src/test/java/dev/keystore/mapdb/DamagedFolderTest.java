package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.EntryId;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Opens hundreds of stores with a damaged file. Each opening finds everything that was committed, or is refused with
 * the file's name and changes nothing. The one exception is the end of the last journal of a store that was not closed,
 * where damage looks like a record that a crash cut short: the commits before it are found.
 *
 * <p>Damage {@code n} depends on seed {@code n} alone. To repeat a single one: {@code -Dkeystore.damage.first=n
 * -Dkeystore.damage.count=1}.
 */
@Timeout(1200)
final class DamagedFolderTest {

    private static final int COMMITS = 90;

    @TempDir
    private static Path stores;

    private static Path closed;
    private static Path crashed;

    @TempDir
    private Path folder;

    private final Map<String, Integer> figures = new TreeMap<>();

    /** Fills a store so that it has a checkpoint and journals, and copies it as a crash and as a close leave it. */
    @BeforeAll
    static void fill() throws Exception {
        closed = stores.resolve("closed");
        try (MapdbBackend backend = Mapdb.open(closed, Mapdb.FEW_BYTES)) {
            int commit = 0;
            for (; commit < COMMITS - 12; commit++) {
                backend.commit(Mapdb.pair("alice", commit, value(commit)));
            }
            Mapdb.awaitCheckpoint(closed, 0);
            // A further checkpoint may come at any time and leave one journal: then the last values are written again.
            int copies = 0;
            do {
                for (commit = COMMITS - 12; commit < COMMITS; commit++) {
                    backend.commit(Mapdb.pair("alice", commit, value(commit)));
                }
                crashed = stores.resolve("crashed " + ++copies);
                Mapdb.copyAsCrashed(backend, closed, crashed);
            } while (Mapdb.files(crashed, "journal-").size() < 2 && copies < 50);
        }
        assertThat(Mapdb.files(crashed, "journal-")).hasSizeGreaterThan(1);
        assertThat(Mapdb.files(crashed, "checkpoint-")).isNotEmpty();
    }

    private static byte[] value(int commit) {
        byte[] value = new byte[800 + commit];
        new SplittableRandom(commit).nextBytes(value);
        return value;
    }

    @Test
    @DisplayName(
            "R43 in each of 60 damaged stores, entries are found or reported as lost, never wrong or silently absent")
    void damagedStores() throws Exception {
        run(1, 60);
    }

    @Test
    @Tag("long")
    @DisplayName("R43 in each of 5,000 damaged stores, entries are found or reported as lost, never wrong or silently"
            + " absent")
    void manyDamagedStores() throws Exception {
        run(1_000_001, 5_000);
    }

    private void run(long first, int count) throws Exception {
        long from = Long.getLong("keystore.damage.first", first);
        int damages = Integer.getInteger("keystore.damage.count", count);
        List<String> violations = new ArrayList<>();
        for (long seed = from; seed < from + damages; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            boolean wasClosed = random.nextBoolean();
            Path store = folder.resolve("store");
            Mapdb.copy(wasClosed ? closed : crashed, store);
            Damage damage = Damage.apply(store, random);
            try {
                open(store, wasClosed, damage);
            } catch (AssertionError e) {
                violations.add("damage " + seed + (wasClosed ? " of a closed store, " : " of a crashed store, ")
                        + damage + ": " + e.getMessage());
            }
            Mapdb.delete(store);
        }
        System.out.println(
                "seeds " + from + " to " + (from + damages - 1) + ": " + figures + ", violations " + violations.size());
        assertThat(violations).isEmpty();
    }

    private void open(Path store, boolean wasClosed, Damage damage) throws IOException {
        Map<String, String> before = Mapdb.contents(store);
        int found;
        boolean writable;
        try (MapdbBackend backend = Mapdb.open(store)) {
            found = commitsIn(backend);
            writable = commits(backend, found, damage);
        } catch (StoreOpenException e) {
            figures.merge(damage.kind + ": refused", 1, Integer::sum);
            assertThat(e).hasMessageContaining(damage.isOfFormat() ? "key store" : store.toString());
            assertThat(damage.isNeeded(wasClosed))
                    .as("refused although the file is not needed: " + e.getMessage())
                    .isTrue();
            assertThat(Mapdb.contents(store)).as("changed by the refusal").isEqualTo(before);
            return;
        }
        boolean all = found == COMMITS;
        figures.merge(damage.kind + (all ? ": all there" : ": all but the tail there"), 1, Integer::sum);
        assertThat(all || (!wasClosed && damage.isLastJournal))
                .as("%d of %d commits are there", found, COMMITS)
                .isTrue();
        try (MapdbBackend backend = Mapdb.open(store)) {
            assertThat(commitsIn(backend)).as("when opened again").isEqualTo(writable ? found + 1 : found);
        }
    }

    /** Commits once more. That is refused if a missing file was not needed to open, but would be after a crash. */
    private static boolean commits(MapdbBackend backend, int next, Damage damage) {
        try {
            backend.commit(Mapdb.pair("alice", next, value(next)));
            return true;
        } catch (BackendException e) {
            assertThat(e).hasMessageContaining("would be lost when the process exits");
            assertThat(damage.kind).isIn("journal deleted", "checkpoint deleted");
            return false;
        }
    }

    /** Checks that a store has the first commits, each whole and correct, and nothing else; returns how many. */
    private static int commitsIn(MapdbBackend backend) {
        Map<String, byte[]> entries = new HashMap<>();
        try (Stream<EntryId> listed = backend.list("alice")) {
            listed.forEach(entry -> entries.put(
                    entry.id(), backend.load("alice", entry.type(), entry.id()).orElseThrow()));
        }
        assertThat(entries.size()).isEven();
        int commits = entries.size() / 2;
        for (int i = 0; i < commits; i++) {
            assertThat(entries.get("left." + i)).as("left." + i).isEqualTo(value(i));
            assertThat(entries.get("right." + i)).as("right." + i).isEqualTo(value(i));
        }
        return commits;
    }

    /** A kind of damage, and the damaged file. */
    private record Damage(String kind, String file, boolean isLastJournal) {

        static Damage apply(Path store, SplittableRandom random) throws IOException {
            List<Path> files;
            try (Stream<Path> all = Files.list(store)) {
                files = all.filter(file -> !file.endsWith("lock")).sorted().toList();
            }
            List<Path> journals = Mapdb.files(store, "journal-");
            Path file = random.nextBoolean()
                    ? files.get(random.nextInt(files.size()))
                    : journals.get(random.nextInt(journals.size()));
            boolean isLastJournal = file.equals(journals.get(journals.size() - 1));
            String what = damage(file, random);
            String name = file.getFileName().toString().replaceAll("-\\d+", "");
            return new Damage(name + " " + what, file.getFileName().toString(), isLastJournal);
        }

        private static String damage(Path path, SplittableRandom random) throws IOException {
            int kind = random.nextInt(5);
            if (kind == 0) {
                Files.delete(path);
                return "deleted";
            }
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                long at = random.nextLong(file.length());
                file.seek(at);
                switch (kind) {
                    case 1 -> {
                        int found = file.read();
                        file.seek(at);
                        file.write(found ^ (1 << random.nextInt(8)));
                        return "one bit";
                    }
                    case 2 -> {
                        file.setLength(at);
                        return "cut";
                    }
                    case 3 -> {
                        byte[] garbage = new byte[(int) Math.min(1 + random.nextInt(4096), file.length() - at)];
                        random.nextBytes(garbage);
                        file.write(garbage);
                        return "garbage";
                    }
                    default -> {
                        byte[] zeros = new byte[(int) Math.min(1 + random.nextInt(65_536), file.length() - at)];
                        file.write(zeros);
                        return "zeros";
                    }
                }
            }
        }

        boolean isOfFormat() {
            return file.equals("format");
        }

        /** Returns whether the damaged file can't be rebuilt from the others. */
        boolean isNeeded(boolean wasClosed) {
            return isOfFormat() || (!wasClosed && !file.startsWith("working-") && !file.equals("closed"));
        }

        @Override
        public String toString() {
            return kind + " of " + file;
        }
    }

    @Test
    @DisplayName("R43 a damaged record before an intact one is refused; the message names the file, the place and the"
            + " records")
    void damageBeforeTheTail() throws Exception {
        Path store = folder.resolve("store");
        try (MapdbBackend backend = Mapdb.open(folder.resolve("first"))) {
            for (int i = 0; i < 10; i++) {
                backend.commit(Mapdb.pair("alice", i, value(i)));
            }
            Mapdb.copyAsCrashed(backend, folder.resolve("first"), store);
        }
        Path journal = Mapdb.files(store, "journal-").get(0);
        byte[] sound = Files.readAllBytes(journal);
        int second = Journal.HEADER_BYTES + recordBytes(sound, Journal.HEADER_BYTES);
        byte[] damaged = sound.clone();
        damaged[second + 40] ^= 1;
        Files.write(journal, damaged);

        assertThatExceptionOfType(StoreOpenException.class)
                .isThrownBy(() -> Mapdb.open(store))
                .withMessageContaining(journal.getFileName() + " is damaged at offset " + second)
                .withMessageContaining("record 2 cannot be read, but record 3 after it can")
                .withMessageContaining("the records from 2 on would be lost");

        int last = second;
        for (int record = 2; record < 10; record++) {
            last += recordBytes(sound, last);
        }
        for (int cut = last; cut < last + recordBytes(sound, last); cut += 97) {
            Files.write(journal, Arrays.copyOf(sound, cut));
            Path torn = folder.resolve("torn");
            Mapdb.copy(store, torn);
            try (MapdbBackend backend = Mapdb.open(torn)) {
                assertThat(commitsIn(backend)).isEqualTo(9);
            }
            Mapdb.delete(torn);
        }
    }

    private static int recordBytes(byte[] journal, int at) {
        return ByteBuffer.wrap(journal).getInt(at) + JournalRecord.HEADER_BYTES + JournalRecord.CHECKSUM_BYTES;
    }
}
