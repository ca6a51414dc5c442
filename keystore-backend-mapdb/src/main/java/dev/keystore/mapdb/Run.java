package dev.keystore.mapdb;

import dev.keystore.mapdb.Change.Clear;
import dev.keystore.mapdb.Change.Delete;
import dev.keystore.mapdb.Change.Put;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a journal adds up to: of each entry that it changes, the last value, sorted by key, and which contexts it clears of
 * what is older.
 *
 * <p>One journal's entries are in memory while they are sorted; then they are in a file, which is deleted with this.
 */
final class Run implements EntrySource {

    private final Path file;
    private final Map<byte[], Set<String>> clears;
    private final EntryFileReader entries;

    private Run(Path file, Map<byte[], Set<String>> clears, EntryFileReader entries) {
        this.file = file;
        this.clears = clears;
        this.entries = entries;
    }

    /**
     * Sorts the records of a journal.
     *
     * @param folder where it keeps the sorted entries
     * @param last the number of the last record that counts
     */
    static Run sort(MapdbFolder folder, Path journal, long first, long last) throws IOException {
        NavigableMap<byte[], StoredEntry> sorted = new TreeMap<>(Arrays::compareUnsigned);
        Map<byte[], Set<String>> clears = new TreeMap<>(Arrays::compareUnsigned);
        try (JournalReader reader = new JournalReader(journal, first)) {
            for (List<Change> changes = reader.next(last); changes != null; changes = reader.next(last)) {
                changes.forEach(change -> apply(change, sorted, clears));
            }
        }
        Path file = folder.createNew(folder.numbered("run", first));
        try {
            write(file, first, sorted);
            return new Run(file, clears, new EntryFileReader(file, first));
        } catch (IOException | RuntimeException e) {
            MapdbFolder.deleteIfPossible(file);
            throw e;
        }
    }

    private static void apply(
            Change change, NavigableMap<byte[], StoredEntry> sorted, Map<byte[], Set<String>> clears) {
        if (change instanceof Put put) {
            sorted.put(put.key(), new StoredEntry(put.key(), put.value()));
        } else if (change instanceof Delete delete) {
            sorted.put(delete.key(), new StoredEntry(delete.key(), null));
        } else if (change instanceof Clear clear) {
            range(sorted, clear.context())
                    .keySet()
                    .removeIf(key -> !clear.keptTypes().contains(EntryKey.typeOf(key)));
            clears.merge(clear.context(), clear.keptTypes(), Run::inBoth);
        }
    }

    private static Map<byte[], StoredEntry> range(NavigableMap<byte[], StoredEntry> sorted, byte[] prefix) {
        byte[] end = EntryKey.end(prefix);
        return end == null ? sorted.tailMap(prefix, true) : sorted.subMap(prefix, true, end, false);
    }

    private static Set<String> inBoth(Set<String> kept, Set<String> keptLater) {
        Set<String> both = new HashSet<>(kept);
        both.retainAll(keptLater);
        return both;
    }

    private static void write(Path file, long first, NavigableMap<byte[], StoredEntry> sorted) throws IOException {
        try (EntryFileWriter writer = new EntryFileWriter(file, first)) {
            for (StoredEntry entry : sorted.values()) {
                writer.add(entry);
            }
            writer.finish();
        }
    }

    /** Tells whether the journal deletes what older files hold under a key. */
    boolean clears(byte[] key) {
        if (clears.isEmpty()) {
            return false;
        }
        Set<String> keptTypes = clears.get(EntryKey.contextOf(key));
        return keptTypes != null && !keptTypes.contains(EntryKey.typeOf(key));
    }

    @Override
    public @Nullable StoredEntry next() throws IOException {
        return entries.next();
    }

    @Override
    public void close() throws IOException {
        try {
            entries.close();
        } finally {
            MapdbFolder.deleteIfPossible(file);
        }
    }
}
