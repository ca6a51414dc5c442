package dev.keystore.mapdb;

import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/** The entries that a checkpoint and the journals after it add up to, merged from their files as they are read. */
final class MergedEntries implements EntrySource {

    private final @Nullable EntryFileReader checkpoint;
    private final List<Run> runs;
    private final PriorityQueue<Head> heads =
            new PriorityQueue<>(Comparator.comparing(Head::key, Arrays::compareUnsigned)
                    .thenComparing(Head::age, Comparator.reverseOrder()));

    /** The next entry of a source, and the source's place from the oldest on. */
    private record Head(StoredEntry entry, int age, EntrySource source) {
        byte[] key() {
            return entry.key();
        }
    }

    /**
     * Merges a checkpoint and runs, which it closes when it is closed.
     *
     * @param runs the oldest first
     */
    MergedEntries(@Nullable EntryFileReader checkpoint, List<Run> runs) throws IOException {
        this.checkpoint = checkpoint;
        this.runs = List.copyOf(runs);
        if (checkpoint != null) {
            addHead(checkpoint, 0);
        }
        for (int i = 0; i < runs.size(); i++) {
            addHead(runs.get(i), i + 1);
        }
    }

    /** Returns the next entry, which has a value, or {@code null} after the last. */
    @Override
    public @Nullable StoredEntry next() throws IOException {
        while (true) {
            Head newest = heads.poll();
            if (newest == null) {
                return null;
            }
            addHead(newest.source, newest.age);
            for (Head older = heads.peek();
                    older != null && Arrays.equals(older.key(), newest.key());
                    older = heads.peek()) {
                heads.remove();
                addHead(older.source, older.age);
            }
            if (newest.entry.value() != null && !isClearedAfter(newest)) {
                return newest.entry;
            }
        }
    }

    private boolean isClearedAfter(Head head) {
        for (Run run : runs.subList(head.age, runs.size())) {
            if (run.clears(head.key())) {
                return true;
            }
        }
        return false;
    }

    private void addHead(EntrySource source, int age) throws IOException {
        StoredEntry entry = source.next();
        if (entry != null) {
            heads.add(new Head(entry, age, source));
        }
    }

    @Override
    public void close() throws IOException {
        try (EntryFileReader last = checkpoint) {
            for (Run run : runs) {
                run.close();
            }
        }
    }
}
