package dev.keystore.mapdb;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The files that hold what a store holds: its newest checkpoint, and the journals after it, without a gap.
 *
 * @param checkpointed the number of the last record in the checkpoint; 0 if there is none
 * @param checkpoint {@code null} if there is none
 * @param journals by the number of their first record; those after the checkpoint
 */
record StoreFiles(long checkpointed, @Nullable Path checkpoint, NavigableMap<Long, Path> journals) {

    /**
     * Looks at what is in a folder.
     *
     * @throws DamagedFileException if a file is missing
     */
    static StoreFiles of(MapdbFolder folder) throws IOException {
        Map.Entry<Long, Path> checkpoint =
                folder.numbered(MapdbFolder.CHECKPOINT).lastEntry();
        long checkpointed = checkpoint == null ? 0 : checkpoint.getKey();
        NavigableMap<Long, Path> journals =
                new TreeMap<>(folder.numbered(MapdbFolder.JOURNAL).tailMap(checkpointed + 1, true));
        if (!journals.isEmpty() && journals.firstKey() != checkpointed + 1) {
            throw new DamagedFileException(folder + " lacks the file with the records "
                    + (checkpointed + 1) + " to " + (journals.firstKey() - 1) + ", which would be lost: "
                    + folder.numbered(MapdbFolder.JOURNAL, checkpointed + 1) + ", or a checkpoint after it");
        }
        return new StoreFiles(checkpointed, checkpoint == null ? null : checkpoint.getValue(), journals);
    }

    /** Returns the part of it up to a record, which is the last of a journal. */
    StoreFiles upTo(long last) {
        return new StoreFiles(checkpointed, checkpoint, journals.headMap(last, true));
    }

    /**
     * Merges all of it.
     *
     * @param last the number of the last record, or {@link Long#MAX_VALUE} if it is what the last journal ends with
     * @throws DamagedFileException if a journal is not what was written
     */
    MergedEntries merged(MapdbFolder folder, long last) throws IOException {
        List<EntrySource> sources = new ArrayList<>();
        try {
            if (checkpoint != null) {
                sources.add(new EntryFileReader(checkpoint, checkpointed));
            }
            for (Map.Entry<Long, Path> journal : journals.entrySet()) {
                long first = journal.getKey();
                sources.add(SortedJournal.sort(folder, journal.getValue(), first, lastOf(first, last)));
            }
            return new MergedEntries(sources);
        } catch (IOException | RuntimeException | Error e) {
            MergedEntries.closeAll(sources);
            throw e;
        }
    }

    /**
     * Returns the number of the last record of a journal.
     *
     * @param first the number of its first record
     * @param last the number of the last record of all
     */
    long lastOf(long first, long last) {
        Long next = journals.higherKey(first);
        return next == null ? last : next - 1;
    }

    long checkpointBytes() throws IOException {
        return checkpoint == null ? 0 : Files.size(checkpoint);
    }

    long journalBytes() throws IOException {
        long bytes = 0;
        for (Path journal : journals.values()) {
            bytes += Files.size(journal);
        }
        return bytes;
    }

    /**
     * Makes durable what these files say is committed, before anything is built on it (R11).
     *
     * <p>The last record of the last journal may have been written and never forced, by a process that died. Forcing the
     * file now would prove nothing: where an earlier fsync has failed, the system may take its pages for written. So what
     * counts of the journal is written to a new file, which is forced and takes the journal's name; a torn record behind it
     * is gone then. Earlier journals and the checkpoint were forced before the next file was begun.
     *
     * @param last the number of the last record
     */
    void makeDurable(MapdbFolder folder, long last) throws IOException {
        Map.Entry<Long, Path> journal = journals.lastEntry();
        if (journal == null) {
            folder.force();
            return;
        }
        try (JournalReader reader = new JournalReader(journal.getValue(), journal.getKey())) {
            while (reader.next(last) != null) {}
            Journal.rewrite(folder, journal.getValue(), reader.offset());
        }
    }

    /** Returns the number of the last record that can be read. */
    long last() throws IOException {
        Map.Entry<Long, Path> journal = journals.lastEntry();
        if (journal == null) {
            return checkpointed;
        }
        try (JournalReader reader = new JournalReader(journal.getValue(), journal.getKey())) {
            while (reader.next(Long.MAX_VALUE) != null) {}
            return reader.number() - 1;
        }
    }
}
