package dev.keystore.mapdb;

import java.io.IOException;
import java.nio.file.Path;
import java.util.NavigableMap;
import org.jspecify.annotations.Nullable;

/**
 * The net changes of one journal, or of several in a row: the last value of each entry that they change, sorted by key,
 * and the contexts that they clear of older entries.
 *
 * <p>The entries are held in memory while they are sorted, and then in a temporary file, which {@link #close} deletes.
 */
final class SortedJournals implements EntrySource {

    private final Path file;
    private final NetChanges changes;
    private final EntryFileReader entries;

    private SortedJournals(Path file, NetChanges changes, EntryFileReader entries) {
        this.file = file;
        this.changes = changes;
        this.entries = entries;
    }

    /**
     * Sorts the records of journals.
     *
     * @param folder where the temporary file is created
     * @param journals by the number of their first record, without a gap
     * @param lastRecord the number of the last record that counts
     */
    static SortedJournals sort(MapdbFolder folder, NavigableMap<Long, Path> journals, long lastRecord)
            throws IOException {
        NetChanges changes = new NetChanges();
        JournalReader.readAll(journals, lastRecord, changes);
        long first = journals.firstKey();
        Path file = folder.createTemporary(folder.numbered("run", first));
        try {
            write(file, first, changes);
            changes.dropEntries();
            return new SortedJournals(file, changes, new EntryFileReader(file, first));
        } catch (IOException | RuntimeException e) {
            MapdbFolder.deleteIfPossible(file);
            throw e;
        }
    }

    private static void write(Path file, long first, NetChanges changes) throws IOException {
        try (EntryFileWriter writer = new EntryFileWriter(file, first)) {
            for (FileEntry entry : changes.entries()) {
                writer.add(entry);
            }
            writer.finish();
        }
    }

    /** Returns whether the journals clear older values of a key. */
    boolean clears(byte[] key) {
        return changes.clears(key);
    }

    @Override
    public @Nullable FileEntry next() throws IOException {
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
