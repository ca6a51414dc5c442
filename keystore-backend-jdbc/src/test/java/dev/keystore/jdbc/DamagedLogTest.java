package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.Updates;
import dev.keystore.core.SignalKeyDatabase;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Opens a store whose write-ahead log was damaged: it has exactly the commits before the damage, each of them complete.
 *
 * <p>SQLite promises that: a frame with a wrong checksum ends the log (sqlite.org/fileformat2.html, 4.2). To repeat one
 * damage: {@code -Dkeystore.damage.first=n -Dkeystore.damage.count=1}.
 */
class DamagedLogTest {

    private static final int COMMITS = 20;
    private static final int SHARED = 5;
    private static final int PAGE_BYTES = 4096;
    private static final int FRAME_BYTES = 24 + PAGE_BYTES;
    private static final int HEADER_BYTES = 32;

    /** The length of the log after each commit; the commit needs the log up to there. */
    private static final List<Integer> ENDS = new ArrayList<>();

    private static byte[] main = {};
    private static byte[] log = {};
    private static byte[] index = {};

    @TempDir
    private Path folder;

    /** Copies the files of an open store whose log holds the commits 1 to 20. */
    @BeforeAll
    static void commit(@TempDir Path live) throws Exception {
        Path path = live.resolve("keys.db");
        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + path)) {
            database.forContext("alice").put(KeyTypes.SESSION, "first", new byte[] {1});
        }
        ENDS.clear();
        // Not by URL: the log would be checkpointed if this thread paused for some seconds.
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(SqliteFixture.open(path)).open()) {
            SignalKeyStore alice = database.forContext("alice");
            for (int number = 1; number <= COMMITS; number++) {
                byte[] value = value(number);
                Updates updates = new Updates();
                updates.put(KeyTypes.SESSION, "own-" + number, value);
                for (int i = 0; i < SHARED; i++) {
                    updates.put(KeyTypes.IDENTITY_KEY, "shared-" + i, value);
                }
                alice.set(updates);
                ENDS.add((int) Files.size(live.resolve("keys.db-wal")));
            }
            main = Files.readAllBytes(path);
            log = Files.readAllBytes(live.resolve("keys.db-wal"));
            index = Files.readAllBytes(live.resolve("keys.db-shm"));
        }
        assertThat(ENDS.get(COMMITS - 1)).isEqualTo(log.length);
        assertThat((log.length - HEADER_BYTES) % FRAME_BYTES).isZero();
    }

    private static byte[] value(int number) {
        byte[] value = new byte[number % 7 == 0 ? 9_000 : 100];
        Arrays.fill(value, (byte) number);
        return value;
    }

    @Test
    @DisplayName("R12 a store with a damaged log has all commits before the damage, and nothing of the others")
    void damages() {
        run(1, 40);
    }

    @Test
    @Tag("long")
    @DisplayName(
            "R12 a store with a damaged log has all commits before the damage, and nothing of the others, 5,000 times")
    void manyDamages() {
        run(1_000_001, 5_000);
    }

    @Test
    @DisplayName("R12 a store whose log is cut at the end of a frame has all commits that are complete")
    void cutAtFrames() {
        for (int length = HEADER_BYTES; length <= log.length; length += 3 * FRAME_BYTES) {
            assertCommits(Arrays.copyOf(log, length), length, "cut to " + length + " bytes");
        }
    }

    @Test
    @DisplayName("R11 a crash at any page during a checkpoint loses nothing")
    void checkpointCutShort() {
        NavigableMap<Integer, byte[]> moved = new TreeMap<>();
        for (int frame = HEADER_BYTES; frame < log.length; frame += FRAME_BYTES) {
            int page = ByteBuffer.wrap(log).getInt(frame);
            moved.put(page, Arrays.copyOfRange(log, frame + 24, frame + FRAME_BYTES));
        }
        byte[] file = main;
        for (Map.Entry<Integer, byte[]> page : moved.entrySet()) {
            int at = (page.getKey() - 1) * PAGE_BYTES;
            file = Arrays.copyOf(file, Math.max(file.length, at + PAGE_BYTES));
            System.arraycopy(page.getValue(), 0, file, at, PAGE_BYTES);
            assertCommits(file, log, log.length, "moved up to page " + page.getKey());
        }
        assertThat(file.length).isGreaterThan(main.length);
    }

    private void run(long first, int count) {
        long from = Long.getLong("keystore.damage.first", first);
        int damages = Integer.getInteger("keystore.damage.count", count);
        for (long seed = from; seed < from + damages; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            byte[] damaged = log.clone();
            int at = random.nextInt(3) == 0
                    ? Math.min(
                            log.length - 1,
                            HEADER_BYTES + random.nextInt(log.length / FRAME_BYTES) * FRAME_BYTES + random.nextInt(24))
                    : random.nextInt(8) == 0 ? random.nextInt(HEADER_BYTES) : random.nextInt(log.length);
            String what = "seed " + seed + ", byte " + at + ": ";
            switch (random.nextInt(4)) {
                case 0 -> {
                    what += "cut";
                    damaged = Arrays.copyOf(log, at);
                }
                case 1 -> {
                    what += "cut, and garbage after it";
                    for (int i = at; i < damaged.length; i++) {
                        damaged[i] = (byte) (damaged[i] + random.nextInt(1, 256));
                    }
                }
                default -> {
                    what += "bit flipped";
                    damaged[at] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                }
            }
            assertCommits(damaged, at, what);
        }
        System.out.println("logs damaged, seeds " + from + " to " + (from + damages - 1) + ": " + damages
                + ", each opened with exactly the commits before the damage");
    }

    private void assertCommits(byte[] damaged, int soundBytes, String what) {
        assertCommits(main, damaged, soundBytes, what);
    }

    private void assertCommits(byte[] file, byte[] damaged, int soundBytes, String what) {
        long there = ENDS.stream().filter(end -> end <= soundBytes).count();
        assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
            Files.write(folder.resolve("keys.db"), file);
            Files.write(folder.resolve("keys.db-wal"), damaged);
            Files.write(folder.resolve("keys.db-shm"), index);
            try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + folder.resolve("keys.db"))) {
                SignalKeyStore alice = database.forContext("alice");
                assertThat(alice.find(KeyTypes.SESSION, "first")).as(what).hasValue(new byte[] {1});
                for (int number = 1; number <= COMMITS; number++) {
                    assertThat(alice.find(KeyTypes.SESSION, "own-" + number).map(Arrays::toString))
                            .as(what + ", commit " + number + " of " + there)
                            .isEqualTo(
                                    number <= there ? Optional.of(Arrays.toString(value(number))) : Optional.empty());
                }
                for (int i = 0; i < SHARED; i++) {
                    assertThat(alice.find(KeyTypes.IDENTITY_KEY, "shared-" + i).map(Arrays::toString))
                            .as(what + ", shared of " + there)
                            .isEqualTo(there > 0 ? Optional.of(Arrays.toString(value((int) there))) : Optional.empty());
                }
                assertThat(alice.verify()).as(what).isEmpty();
            }
        });
    }
}
