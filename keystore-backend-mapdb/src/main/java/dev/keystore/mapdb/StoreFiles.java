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
 * The files that hold a store's entries: its newest checkpoint, and the journals after it, without a gap.
 *
 * @param checkpointed the number of the last record in the checkpoint; 0 if there is none
 * @param checkpoint {@code null} if there is none
 * @param journals those after the checkpoint, by the number of their first record
 */
record StoreFiles(long checkpointed, @Nullable Path checkpoint, NavigableMap<Long, Path> journals) {

    /** How many sources are merged at most, in addition to the checkpoint: each takes a file and some memory. */
    static final int MAXIMUM_RUNS = 128;

    /**
     * Lists the files of a folder.
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
            throw new DamagedFileException(folder + " lacks the journal "
                    + folder.numbered(MapdbFolder.JOURNAL, checkpointed + 1) + ", or a later checkpoint: records "
                    + (checkpointed + 1) + " to " + (journals.firstKey() - 1) + " would be lost");
        }
        return new StoreFiles(checkpointed, checkpoint == null ? null : checkpoint.getValue(), journals);
    }

    /** Returns the files up to a record, which is the last one of a journal. */
    StoreFiles upTo(long last) {
        return new StoreFiles(checkpointed, checkpoint, journals.headMap(last, true));
    }

    /**
     * Merges the entries of all files.
     *
     * @param last the number of the last record, or {@link Long#MAX_VALUE} for the end of the last journal
     * @throws DamagedFileException if a file is damaged
     */
    MergedEntries merged(MapdbFolder folder, long last) throws IOException {
        List<EntrySource> sources = new ArrayList<>();
        try {
            if (checkpoint != null) {
                sources.add(new EntryFileReader(checkpoint, checkpointed));
            }
            for (NavigableMap<Long, Path> run : runs()) {
                sources.add(SortedJournals.sort(folder, run, JournalReader.lastOf(journals, run.lastKey(), last)));
            }
            return new MergedEntries(sources);
        } catch (IOException | RuntimeException | Error e) {
            MergedEntries.closeAll(sources);
            throw e;
        }
    }

    /**
     * Returns the journals in their order: each by itself, or, if there are many, several together. Many small ones are
     * left if a process is killed again and again before it has written a checkpoint.
     */
    private List<NavigableMap<Long, Path>> runs() throws IOException {
        long bytesOfRun = journalBytes() / MAXIMUM_RUNS;
        List<NavigableMap<Long, Path>> runs = new ArrayList<>();
        NavigableMap<Long, Path> run = new TreeMap<>();
        long bytes = 0;
        for (Map.Entry<Long, Path> journal : journals.entrySet()) {
            run.put(journal.getKey(), journal.getValue());
            bytes += Files.size(journal.getValue());
            if (bytes > bytesOfRun) {
                runs.add(run);
                run = new TreeMap<>();
                bytes = 0;
            }
        }
        if (!run.isEmpty()) {
            runs.add(run);
        }
        return runs;
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
     * Makes all committed records of these files durable, before they are used (R11).
     *
     * <p>A process that died may have written the last record of the last journal without forcing it. Forcing the file
     * now would prove nothing: after an earlier fsync that failed, the system may consider its pages written. So the
     * valid part of the journal is written to a new file, which is forced and replaces the journal; a torn record after
     * it is dropped. Earlier journals and the checkpoint were forced before the next file was created.
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
