package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Journals in the space of former ones. */
@Timeout(120)
final class SpareJournalsTest {

    private static final int VALUE_BYTES = 3_000;

    @TempDir
    private Path folder;

    private final Map<String, byte[]> saved = new LinkedHashMap<>();
    private final Random random = new Random(1);

    @Test
    @DisplayName(
            "R11 what is left of a former journal does not count, neither after the last record nor after a torn one")
    void recovery_ofAReusedJournal_ignoresTheFormerRecords() throws IOException {
        Path store = folder.resolve("store");
        Path whole = folder.resolve("whole");
        Path torn = folder.resolve("torn");
        try (MapdbBackend backend = Mapdb.open(store, Mapdb.FEW_BYTES)) {
            do {
                save(backend);
            } while (leftBytes(store) < 2 * VALUE_BYTES);
            Mapdb.copyAsCrashed(backend, store, whole);
            Mapdb.copyAsCrashed(backend, store, torn);
        }
        assertHolds(whole);

        damageLastRecord(torn);
        saved.remove("id-" + (saved.size() - 1));
        assertHolds(torn);
    }

    private void save(MapdbBackend backend) {
        byte[] value = new byte[VALUE_BYTES];
        random.nextBytes(value);
        String id = "id-" + saved.size();
        backend.save("alice", "session", id, value);
        saved.put(id, value);
    }

    private void assertHolds(Path store) {
        try (MapdbBackend backend = Mapdb.open(store, Mapdb.FEW_BYTES)) {
            assertThat(backend.list("alice")).hasSize(saved.size());
            saved.forEach((id, value) ->
                    assertThat(backend.load("alice", "session", id)).hasValue(value));
        }
    }

    /** Returns how many bytes after the records of the last journal are not zero, if it has at least two records. */
    private static int leftBytes(Path store) throws IOException {
        List<Path> journals = journals(store);
        Path last = journals.get(journals.size() - 1);
        long end = end(last);
        byte[] bytes = Files.readAllBytes(last);
        byte[] rest = Arrays.copyOfRange(bytes, (int) end, bytes.length);
        int left = 0;
        for (byte one : rest) {
            left += one == 0 ? 0 : 1;
        }
        return end > 2 * VALUE_BYTES ? left : 0;
    }

    private static List<Path> journals(Path store) throws IOException {
        return Mapdb.files(store, "journal-").stream()
                .filter(file -> !file.toString().endsWith(".new"))
                .toList();
    }

    private static long end(Path journal) throws IOException {
        long first = Long.parseLong(journal.getFileName().toString().substring("journal-".length()));
        try (JournalReader reader = new JournalReader(journal, first)) {
            while (reader.next(Long.MAX_VALUE) != null) {}
            return reader.offset();
        }
    }

    private static void damageLastRecord(Path store) throws IOException {
        List<Path> journals = journals(store);
        Path last = journals.get(journals.size() - 1);
        byte[] bytes = Files.readAllBytes(last);
        bytes[(int) end(last) - VALUE_BYTES / 2] ^= 1;
        Files.write(last, bytes);
    }

    @Test
    @DisplayName("a checkpoint keeps journals for reuse, and closing the store deletes them")
    void close_deletesSpares() throws IOException {
        Path store = folder.resolve("store");
        try (MapdbBackend backend = Mapdb.open(store, Mapdb.FEW_BYTES)) {
            while (Mapdb.files(store, "spare-").isEmpty()) {
                save(backend);
            }
        }
        assertThat(Mapdb.files(store, "spare-")).isEmpty();
        assertHolds(store);
    }

    @Test
    @DisplayName("at most four files are kept, and none that is longer than the limit; they are deleted on request")
    void keep_manyFiles_keepsFour() throws IOException {
        MapdbFolder store = MapdbFolder.examine(folder.resolve("store"));
        store.open();
        SpareJournals spares = new SpareJournals(store, 100);

        for (int n = 1; n <= 6; n++) {
            Path journal = Files.write(store.numbered(MapdbFolder.JOURNAL, n), new byte[n == 1 ? 101 : 100]);
            spares.keep(n, journal);
            assertThat(journal).doesNotExist();
        }

        Path files = folder.resolve("store");
        assertThat(Mapdb.files(files, "spare-"))
                .hasSize(4)
                .allMatch(file -> file.toString().endsWith(".new"));
        assertThat(spares.take(files.resolve("taken"))).isTrue();
        assertThat(files.resolve("taken")).hasSize(100);
        spares.delete();
        assertThat(Mapdb.files(files, "spare-")).isEmpty();
        assertThat(spares.take(files.resolve("another"))).isFalse();
        store.close();
    }
}
