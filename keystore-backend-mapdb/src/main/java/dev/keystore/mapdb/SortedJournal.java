package dev.keystore.mapdb;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The net changes of a journal: the last value of each entry that it changes, sorted by key, and the contexts that it
 * clears of older entries.
 *
 * <p>The entries are held in memory while they are sorted, and then in a temporary file, which {@link #close} deletes.
 */
final class SortedJournal implements EntrySource {

    private final Path file;
    private final NetChanges changes;
    private final EntryFileReader entries;

    private SortedJournal(Path file, NetChanges changes, EntryFileReader entries) {
        this.file = file;
        this.changes = changes;
        this.entries = entries;
    }

    /**
     * Sorts the records of a journal.
     *
     * @param folder where the temporary file is created
     * @param lastRecord the number of the last record that counts
     */
    static SortedJournal sort(MapdbFolder folder, Path journal, long first, long lastRecord) throws IOException {
        NetChanges changes = new NetChanges();
        try (JournalReader reader = new JournalReader(journal, first)) {
            for (List<Change> next = reader.next(lastRecord); next != null; next = reader.next(lastRecord)) {
                changes.addAll(next);
            }
        }
        Path file = folder.createTemporary(folder.numbered("run", first));
        try {
            write(file, first, changes);
            changes.dropEntries();
            return new SortedJournal(file, changes, new EntryFileReader(file, first));
        } catch (IOException | RuntimeException e) {
            MapdbFolder.deleteIfPossible(file);
            throw e;
        }
    }

    private static void write(Path file, long first, NetChanges changes) throws IOException {
        try (EntryFileWriter writer = new EntryFileWriter(file, first)) {
            for (StoredEntry entry : changes.entries()) {
                writer.add(entry);
            }
            writer.finish();
        }
    }

    /** Returns whether the journal clears older values of a key. */
    boolean clears(byte[] key) {
        return changes.clears(key);
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
