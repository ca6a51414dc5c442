package dev.keystore.mapdb;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Journals that a checkpoint has replaced, and whose space is used again. To write over allocated space and force it
 * takes a fraction of what a file costs that grows: no zeros are written, and the file system's own journal is not
 * forced.
 *
 * <p>What is left of the earlier records does not count: the salt of the new header is not theirs. The values in them
 * stay in the folder until they are overwritten, or the store is closed or compacted.
 *
 * <p>Concurrency: the checkpointer's thread keeps files, committing threads take and delete them.
 */
final class SpareJournals {

    /** As many as a checkpoint replaces. */
    private static final int MOST = 4;

    private static final String SPARE = "spare";

    private final MapdbFolder folder;
    private final long mostBytes;
    private final Queue<Path> files = new ConcurrentLinkedQueue<>();
    private volatile boolean suspended;

    /** Creates the collection of a folder; a longer file than {@code mostBytes} is deleted instead of kept. */
    SpareJournals(MapdbFolder folder, long mostBytes) {
        this.folder = folder;
        this.mostBytes = mostBytes;
    }

    /** Keeps a journal that is no longer needed, or deletes it. */
    void keep(long first, Path journal) {
        try {
            if (!suspended && files.size() < MOST && Files.size(journal) <= mostBytes) {
                Path spare = folder.temporary(folder.numbered(SPARE, first));
                Files.move(journal, spare, StandardCopyOption.ATOMIC_MOVE);
                files.add(spare);
                return;
            }
        } catch (IOException e) {
            // It is deleted instead.
        }
        MapdbFolder.deleteIfPossible(journal);
    }

    /** Deletes all files, and keeps none until {@link #resume}. No thread may be in {@link #keep}. */
    void suspend() throws IOException {
        suspended = true;
        for (Path spare = files.peek(); spare != null; spare = files.peek()) {
            Files.deleteIfExists(spare);
            files.remove(spare);
        }
    }

    /** Keeps files again. */
    void resume() {
        suspended = false;
    }

    /** Renames one of the files, unless there is none; returns whether there was one. */
    boolean take(Path as) throws IOException {
        Path spare = files.poll();
        if (spare == null) {
            return false;
        }
        Files.move(spare, as, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        return true;
    }

    /** Deletes all of them. */
    void delete() {
        for (Path spare = files.poll(); spare != null; spare = files.poll()) {
            MapdbFolder.deleteIfPossible(spare);
        }
    }
}
