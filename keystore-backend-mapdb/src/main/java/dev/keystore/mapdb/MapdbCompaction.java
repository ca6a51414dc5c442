package dev.keystore.mapdb;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.Await;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Replaces all files of an open store by new ones, which hold the current values only.
 *
 * <p>In this order: the next commits get a new journal, in a file that no earlier journal has used; a checkpoint
 * replaces all earlier journals and checkpoints; MapDB's file is rebuilt from the checkpoint and the new journal. The
 * files that were replaced are deleted, and the folder is forced.
 *
 * <p>Durability: each step is one that also runs at other times, so that a kill or power loss at any point loses
 * nothing: a checkpoint deletes only what it replaces, and MapDB's file is not used after a crash.
 *
 * <p>Concurrency: the work runs on a separate platform thread, and the rebuild on the maintenance thread. The caller
 * waits. If it is interrupted, the work continues without it; {@link #stop} ends it.
 */
final class MapdbCompaction {

    /** The work itself has no deadline: it ends after a time that depends on the size of the store. */
    private static final Duration NO_TIMEOUT = Duration.ofDays(365);

    private final MapdbFolder folder;
    private final Entries entries;
    private final Checkpointer checkpointer;
    private final CommitWriter writer;
    private final SpareJournals spares;
    private final Duration timeout;
    private final AtomicReference<@Nullable Work> running = new AtomicReference<>();
    private volatile boolean stopped;

    /** Creates the compaction of a store. A call waits for another one for up to {@code timeout}. */
    MapdbCompaction(
            MapdbFolder folder,
            Entries entries,
            Checkpointer checkpointer,
            CommitWriter writer,
            SpareJournals spares,
            Duration timeout) {
        this.folder = folder;
        this.entries = entries;
        this.checkpointer = checkpointer;
        this.writer = writer;
        this.spares = spares;
        this.timeout = timeout;
    }

    /**
     * Compacts the store, and waits until that is done.
     *
     * @throws BackendException if it failed, the store was closed during the call, or another call has not ended in
     *     time; all entries are unchanged, and former values may remain
     * @throws OperationInterruptedException if this thread was interrupted; the work continues
     */
    void run() {
        Work work = new Work();
        switch (Await.until(() -> running.compareAndSet(null, work), timeout)) {
            case DONE -> start(work);
            case TIMED_OUT ->
                throw BackendException.transientFailure(
                        folder + ": could not compact: another call has been compacting it for " + timeout.toMillis()
                                + " ms; wait for that call",
                        null);
            case INTERRUPTED -> throw new OperationInterruptedException("another compaction of " + folder + " to end");
        }
        if (Await.until(() -> work.ended, NO_TIMEOUT) == Await.Outcome.INTERRUPTED) {
            throw new OperationInterruptedException(
                    folder + " to be compacted",
                    "all entries are unchanged, and the compaction continues in the background",
                    null);
        }
        Throwable failure = work.failure;
        if (failure != null) {
            throw translated(failure);
        }
    }

    private void start(Work work) {
        boolean started = false;
        try {
            if (stopped) {
                throw new IllegalStateException(folder + ": could not compact: the backend is closed");
            }
            Thread thread = new Thread(null, work, "keystore-mapdb-compaction", 0, false);
            thread.setDaemon(true);
            thread.start();
            started = true;
        } finally {
            if (!started) {
                running.set(null);
            }
        }
    }

    private RuntimeException translated(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure instanceof BackendException known) {
            return known;
        }
        if (stopped) {
            return closedMeanwhile();
        }
        String advice = failure instanceof DamagedFileException || failure instanceof FileMovedException
                ? ""
                : "; " + Remedy.of(failure);
        return BackendException.permanent(folder + ": could not compact: " + failure.getMessage() + advice, failure);
    }

    /** Refuses further calls, and ends a running one after its current step. Does not wait. */
    void stop() {
        stopped = true;
    }

    /** Returns whether no work is running, so that no file is used. */
    boolean hasEnded() {
        return running.get() == null;
    }

    /** The work of the platform thread. */
    private final class Work implements Runnable {

        private volatile @Nullable Throwable failure;
        private volatile boolean ended;

        @Override
        public void run() {
            try {
                compact();
            } catch (IOException | RuntimeException | Error e) {
                failure = e;
            } finally {
                spares.resume();
                running.set(null);
                ended = true;
            }
        }

        private void compact() throws IOException {
            // Meanwhile no checkpoint keeps a journal for reuse.
            long last = checkpointer.exclusively(writer::beginJournal);
            if (!checkpointer.compact(last)) {
                throw closedMeanwhile();
            }
            renew();
            requireReplaced(last);
            folder.force();
        }
    }

    private void renew() throws IOException {
        Entries.Renewal renewal = entries.requestRenewal();
        Await.uninterruptibly(() -> renewal.hasEnded() || stopped, NO_TIMEOUT);
        if (!renewal.hasEnded()) {
            throw closedMeanwhile();
        }
        Throwable failure = renewal.failure();
        if (failure instanceof IOException known) {
            throw known;
        }
        if (failure instanceof RuntimeException known) {
            throw known;
        }
        if (failure != null) {
            throw new IOException(failure);
        }
    }

    private BackendException closedMeanwhile() {
        return BackendException.permanent(
                folder + ": could not compact: the store was closed meanwhile; open it and compact it again", null);
    }

    /** Some systems refuse to delete a file that is mapped. */
    private void requireReplaced(long last) throws IOException {
        List<Path> left = new ArrayList<>();
        left.addAll(folder.numbered(MapdbFolder.JOURNAL).headMap(last, true).values());
        left.addAll(folder.numbered(MapdbFolder.CHECKPOINT).headMap(last, false).values());
        left.addAll(folder.numbered(MapdbFolder.WORKING).values());
        WorkingMap map = entries.map();
        if (map != null) {
            left.remove(map.path());
        }
        if (!left.isEmpty()) {
            throw BackendException.permanent(
                    folder + ": could not compact: the system did not delete " + left
                            + "; close the store and open it again, which deletes them",
                    null);
        }
    }
}
