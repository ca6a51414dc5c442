package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Commits random groups, and compares the open store, and a copy of it as a crash would leave it, with a plain map.
 * {@code -Dkeystore.recovery.seed=} repeats a run.
 */
@Timeout(600)
final class MapdbRecoveryTest {

    private static final List<String> CONTEXTS = List.of("alice", "alice\0", "bob", "\ud83d\ude00");
    private static final List<String> TYPES = List.of("session", "pre-key", "credentials", "s");

    @TempDir
    Path folder;

    private final Map<String, Map<EntryId, byte[]>> expected = new TreeMap<>();
    private Path path;

    @BeforeEach
    void path() {
        path = folder.resolve("store");
        CONTEXTS.forEach(context -> expected.put(context, new TreeMap<>(Comparator.comparing(EntryId::toString))));
    }

    @Test
    @DisplayName("R11 a group of commits is one record of the journal, and so one fsync")
    void group_ofMany_isOneRecord() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(IntStream.range(0, 16)
                    .mapToObj(number -> Mapdb.pair("alice", number, new byte[] {1}))
                    .toList());
            Path journal = Mapdb.files(path, "journal-").get(0);
            try (JournalReader reader = new JournalReader(journal, 1)) {
                assertThat(reader.next(Long.MAX_VALUE)).hasSize(33);
                assertThat(reader.next(Long.MAX_VALUE)).isNull();
            }
        }
    }

    @Test
    @DisplayName("R11 R12 the checkpoint and journals have all committed entries, whenever the process dies")
    void chance() throws Exception {
        run(1_500, 30);
    }

    @Test
    @Tag("long")
    @DisplayName(
            "R11 R12 the checkpoint and journals have all committed entries, whenever the process dies (15,000 groups)")
    void chanceLong() throws Exception {
        run(15_000, 300);
    }

    @Test
    @DisplayName(
            "R11 hundreds of small journals, which no checkpoint has replaced, are merged with few files and all count")
    void manyJournals() throws Exception {
        int journals = 3 * StoreFiles.MAXIMUM_RUNS;
        Path copy = folder.resolve("copy");
        try (MapdbBackend backend = Mapdb.open(path, Mapdb.FEW_BYTES)) {
            backend.checkpointer().exclusively(() -> {
                for (int i = 0; i < journals; i++) {
                    backend.save("alice", "session", "id-" + i, new byte[(int) Mapdb.FEW_BYTES / 4]);
                }
                backend.commit(List.of(new Batch("alice", 0, 1, List.of(new Delete("session", "id-7")))));
                Mapdb.copy(path, copy);
                return true;
            });
        }
        MapdbFolder crashed = MapdbFolder.examine(copy);
        crashed.open();
        assertThat(StoreFiles.of(crashed).journals()).hasSizeGreaterThan(journals - 1);
        try (MergedEntries entries = StoreFiles.of(crashed).merged(crashed, Long.MAX_VALUE)) {
            assertThat(Mapdb.files(copy, "run-")).hasSizeBetween(2, StoreFiles.MAXIMUM_RUNS);
            assertThat(entries.next()).isNotNull();
        }
        crashed.close();
        try (MapdbBackend recovered = Mapdb.open(copy, Mapdb.FEW_BYTES)) {
            assertThat(recovered.list("alice")).hasSize(journals - 1);
            assertThat(recovered.load("alice", "session", "id-7")).isEmpty();
            assertThat(recovered.load("alice", "session", "id-" + (journals - 1)))
                    .isPresent();
        }
    }

    private void run(int groups, int crashes) throws Exception {
        long seed = Long.getLong("keystore.recovery.seed", System.nanoTime());
        Random random = new Random(seed);
        int checkpoints = 0;
        long checkpointed = 0;
        MapdbBackend backend = Mapdb.open(path, Mapdb.FEW_BYTES);
        try {
            for (int i = 1; i <= groups; i++) {
                List<Batch> group = group(random, i);
                backend.commit(group);
                group.forEach(this::apply);
                if (random.nextInt(groups / crashes) == 0) {
                    Path copy = folder.resolve("copy");
                    Mapdb.copyAsCrashed(backend, path, copy);
                    backend.close();
                    if (random.nextBoolean()) {
                        Mapdb.delete(path);
                        Files.move(copy, path);
                    } else {
                        Mapdb.delete(copy);
                    }
                    backend = Mapdb.open(path, Mapdb.FEW_BYTES);
                    assertHolds(backend);
                    long newest = Mapdb.files(path, "checkpoint-").stream()
                            .map(file -> file.getFileName().toString().substring("checkpoint-".length()))
                            .filter(number -> !number.endsWith(".new"))
                            .mapToLong(Long::parseLong)
                            .max()
                            .orElse(0);
                    checkpoints += newest > checkpointed ? 1 : 0;
                    checkpointed = newest;
                }
            }
            assertHolds(backend);
        } catch (Throwable e) {
            throw new AssertionError("keystore.recovery.seed=" + seed, e);
        } finally {
            backend.close();
        }
        System.out.printf(
                "%d groups, about %d deaths and closes, checkpoints seen %d, keystore.recovery.seed=%d%n",
                groups, crashes, checkpoints, seed);
        assertThat(checkpoints).isGreaterThan(2);
    }

    private static List<Batch> group(Random random, int number) {
        List<Batch> group = new ArrayList<>();
        for (int i = random.nextInt(4); i >= 0; i--) {
            List<Mutation> mutations = new ArrayList<>();
            for (int j = random.nextInt(8); j >= 0; j--) {
                mutations.add(mutation(random));
            }
            group.add(new Batch(pick(CONTEXTS, random), 0, number, mutations));
        }
        return group;
    }

    private static Mutation mutation(Random random) {
        int kind = random.nextInt(100);
        if (kind == 0) {
            Set<String> kept = new HashSet<>();
            TYPES.stream().filter(type -> random.nextInt(3) > 0).forEach(kept::add);
            return new Clear(kept);
        }
        String id = "id " + random.nextInt(1 + random.nextInt(400));
        if (kind < 25) {
            return new Delete(pick(TYPES, random), id);
        }
        byte[] value = new byte[kind == 25 ? random.nextInt(200_000) : random.nextInt(300)];
        random.nextBytes(value);
        return new Put(pick(TYPES, random), id, value);
    }

    private static String pick(List<String> from, Random random) {
        return from.get(random.nextInt(from.size()));
    }

    private void apply(Batch batch) {
        Map<EntryId, byte[]> entries = expected.get(batch.context());
        for (Mutation mutation : batch.mutations()) {
            if (mutation instanceof Put put) {
                entries.put(new EntryId(put.type(), put.id()), put.value());
            } else if (mutation instanceof Delete delete) {
                entries.remove(new EntryId(delete.type(), delete.id()));
            } else if (mutation instanceof Clear clear) {
                entries.keySet().removeIf(entry -> !clear.keptTypes().contains(entry.type()));
            }
        }
    }

    private void assertHolds(MapdbBackend backend) {
        expected.forEach((context, entries) -> {
            assertThat(backend.list(context)).containsExactlyInAnyOrderElementsOf(entries.keySet());
            entries.forEach((entry, value) -> assertThat(backend.load(context, entry.type(), entry.id()))
                    .as("%s of %s", entry, context)
                    .hasValueSatisfying(found -> assertThat(found).isEqualTo(value)));
        });
    }

    @Test
    @DisplayName("R11 a group larger than a journal is recovered, and so are its neighbours")
    void largeGroup() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, new byte[10]));
            backend.commit(Mapdb.pair("alice", 1, new byte[9 << 20]));
            backend.commit(Mapdb.pair("alice", 2, new byte[10]));
            backend.commit(Mapdb.pair("alice", 3, new byte[600_000]));
            backend.commit(Mapdb.pair("alice", 4, new byte[10]));
            Mapdb.copyAsCrashed(backend, path, folder.resolve("copy"));
        }
        try (MapdbBackend backend = Mapdb.open(folder.resolve("copy"))) {
            assertThat(backend.list("alice")).hasSize(10);
            assertThat(backend.load("alice", "session", "right.1"))
                    .hasValueSatisfying(value -> assertThat(value).hasSize(9 << 20));
        }
    }

    @Test
    @DisplayName("R11 a value that contains a copy of a journal is not taken for records before a torn tail")
    void valueLikeAJournal() throws Exception {
        Path copy = folder.resolve("copy");
        try (MapdbBackend backend = Mapdb.open(path)) {
            for (int i = 0; i < 20; i++) {
                backend.commit(Mapdb.pair("alice", i, new byte[100]));
            }
        }
        byte[] records = Files.readAllBytes(Mapdb.files(path, "journal-").get(0));
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.save("alice", "session", "copy", records);
            Mapdb.copyAsCrashed(backend, path, copy);
        }
        Path journal = Mapdb.files(copy, "journal-").get(1);
        try (RandomAccessFile file = new RandomAccessFile(journal.toFile(), "rw")) {
            file.seek(Journal.HEADER_BYTES + JournalRecord.HEADER_BYTES + 3);
            file.write(0xFF);
        }
        try (MapdbBackend backend = Mapdb.open(copy)) {
            assertThat(backend.list("alice")).hasSize(40);
        }
    }

    @Test
    @DisplayName("the journals and checkpoints that a checkpoint replaces are deleted")
    void bounded() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path, Mapdb.FEW_BYTES)) {
            long checkpointed = 0;
            for (int checkpoints = 0; checkpoints < 5; checkpoints++) {
                for (int i = 0; i < 40; i++) {
                    backend.commit(Mapdb.pair("alice", i, new byte[2_000]));
                }
                checkpointed = Mapdb.awaitCheckpoint(path, checkpointed);
            }
            long last = checkpointed;
            backend.checkpointer().exclusively(() -> {
                assertThat(Mapdb.files(path, "checkpoint-")).hasSize(1);
                assertThat(Mapdb.files(path, "journal-"))
                        .allSatisfy(file -> assertThat(Long.parseLong(
                                        file.getFileName().toString().substring("journal-".length())))
                                .isGreaterThan(last));
                return true;
            });
        }
    }

    @Test
    @DisplayName("unfinished files that a crash left are removed by the next opening")
    void unfinished() throws Exception {
        Mapdb.open(path).close();
        for (String name : List.of("checkpoint-0000000000000000009.new", "run-0000000000000000001.new", "closed.new")) {
            Files.writeString(path.resolve(name), "half");
        }
        Mapdb.open(path).close();
        assertThat(Mapdb.contents(path).keySet()).noneMatch(name -> name.endsWith(".new"));
    }
}
