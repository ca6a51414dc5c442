package dev.keystore.mapdb;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/** The entries of a checkpoint after the changes of later journals, merged while the files are read. */
final class MergedEntries implements EntrySource {

    private final List<EntrySource> sources;
    private final PriorityQueue<Head> heads = new PriorityQueue<>();

    /**
     * The next entry of a source, and the position of the source; that of the oldest is 0. Sorted by key; of several
     * values of a key, the newest comes first.
     */
    private record Head(FileEntry entry, int position, EntrySource source) implements Comparable<Head> {
        @Override
        public int compareTo(Head other) {
            int order = Arrays.compareUnsigned(key(), other.key());
            return order == 0 ? Integer.compare(other.position, position) : order;
        }

        byte[] key() {
            return entry.key();
        }
    }

    /**
     * Merges sources. {@link #close} closes them.
     *
     * @param sources the oldest first; sorted journals may clear older entries
     */
    MergedEntries(List<EntrySource> sources) throws IOException {
        this.sources = List.copyOf(sources);
        for (int position = 0; position < sources.size(); position++) {
            addHead(sources.get(position), position);
        }
    }

    /** Returns the next entry, which has a value, or {@code null} after the last one. */
    @Override
    public @Nullable FileEntry next() throws IOException {
        while (true) {
            Head newest = heads.poll();
            if (newest == null) {
                return null;
            }
            addHead(newest.source, newest.position);
            for (Head older = heads.peek();
                    older != null && Arrays.equals(older.key(), newest.key());
                    older = heads.peek()) {
                heads.remove();
                addHead(older.source, older.position);
            }
            if (newest.entry.value() != null && !isClearedAfter(newest)) {
                return newest.entry;
            }
        }
    }

    private boolean isClearedAfter(Head head) {
        for (EntrySource later : sources.subList(head.position + 1, sources.size())) {
            if (later instanceof SortedJournals journals && journals.clears(head.key())) {
                return true;
            }
        }
        return false;
    }

    private void addHead(EntrySource source, int position) throws IOException {
        FileEntry entry = source.next();
        if (entry != null) {
            heads.add(new Head(entry, position, source));
        }
    }

    @Override
    public void close() throws IOException {
        closeAll(sources);
    }

    /** Closes all sources, even if one of them fails. */
    static void closeAll(List<EntrySource> sources) throws IOException {
        IOException failure = null;
        for (EntrySource source : sources) {
            try {
                source.close();
            } catch (IOException e) {
                failure = e;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
