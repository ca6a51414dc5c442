package dev.keystore.mapdb;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The one who commits: to the journal, and then to the entries that are read. Held by one thread at a time for one group.
 *
 * <p>Durability: a group is one record and one fsync. It is acknowledged, and can be read, once the record is durable; then
 * nothing that fails can take it back.
 *
 * <p>Recovery: if a record can't be made durable, it is taken back, and the next group begins a new journal, before which
 * nothing of a failed record counts. Where the disk may be full, that is tried once more when a checkpoint has made room.
 * If MapDB fails, its file is made again before the next group.
 */
final class Writer {

    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(10);

    /** Less than others wait for this one's group. */
    private static final Duration ROOM_TIMEOUT = Duration.ofSeconds(8);

    private static final long LARGEST_GROUP_BYTES = 1 << 30;
    private static final long LARGEST_JOURNAL_BYTES = 16 << 20;

    private final MapdbFolder folder;
    private final Entries entries;
    private final Checkpointer checkpointer;
    private final long journalBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Journal journal;
    private long last;

    /** Whether the journal that was closed last may hold a record that does not count; the next journal settles it. */
    private boolean outcomeUnknown;

    Writer(MapdbFolder folder, Entries entries, Checkpointer checkpointer, long checkpointBytes, long last) {
        this.folder = folder;
        this.entries = entries;
        this.checkpointer = checkpointer;
        this.journalBytes = Math.min(LARGEST_JOURNAL_BYTES, checkpointBytes / 4);
        this.last = last;
    }

    /**
     * Commits a group, durably.
     *
     * <p>Waits up to 10 s for another thread's group.
     *
     * @throws BackendException if it was not committed, or its outcome is unknown
     */
    void commit(List<Batch> group) {
        List<Change> changes = Change.of(group);
        if (Change.bytes(changes) > LARGEST_GROUP_BYTES) {
            throw BackendException.permanent(
                    "could not commit: a group has " + Change.bytes(changes) + " bytes, and at most "
                            + LARGEST_GROUP_BYTES + " can be written as one; commit less at once",
                    null);
        }
        acquire();
        try {
            requireUndamaged();
            rebuildIfFailed();
            append(changes);
            entries.add(changes);
        } finally {
            lock.unlock();
        }
    }

    /** Makes MapDB's file again if it is of no use any more. */
    void repair() {
        acquire();
        try {
            rebuildIfFailed();
        } finally {
            lock.unlock();
        }
    }

    /** Closes the files, and marks the folder as closed unless MapDB has failed. */
    void close() throws IOException {
        lock.lock();
        try {
            closeJournal();
            WorkingMap map = entries.release();
            if (map != null) {
                map.close();
                settle();
                ClosedMark.write(folder, last, map.path());
            }
        } finally {
            lock.unlock();
        }
    }

    /** Returns the journal that the next group is appended to, unless that has to begin one. */
    @Nullable
    Journal current() {
        return journal;
    }

    private void append(List<Change> changes) {
        try {
            if (!appendWhereRoom(changes)) {
                appendOnce(changes);
            }
        } catch (Journal.UnknownOutcomeException e) {
            outcomeUnknown = true;
            throw BackendException.outcomeUnknown("could not commit: " + e.getMessage(), e);
        } catch (MovedException e) {
            throw BackendException.permanent("could not commit: " + e.getMessage(), e);
        } catch (IOException e) {
            throw BackendException.permanent(
                    "could not commit to " + folder + ": " + e.getMessage() + "; if the disk is full, free some space",
                    e);
        }
    }

    /** Appends; or returns {@code false} if that failed, nothing of it is left, and there may be more room now. */
    private boolean appendWhereRoom(List<Change> changes) throws IOException {
        try {
            appendOnce(changes);
            return true;
        } catch (Journal.UnknownOutcomeException | MovedException e) {
            throw e;
        } catch (IOException e) {
            if (!checkpointer.makeRoom(last, ROOM_TIMEOUT.toNanos())) {
                throw e;
            }
            return false;
        }
    }

    private void appendOnce(List<Change> changes) throws IOException {
        boolean appended = false;
        try {
            entries.reserve(changes);
            journal().append(last + 1, changes);
            last++;
            appended = true;
        } finally {
            if (!appended) {
                closeJournal();
            }
        }
    }

    /** Makes sure that a record of unknown outcome, which the entries don't hold, is not counted by the next opening. */
    private void settle() throws IOException {
        if (outcomeUnknown) {
            journal();
            closeJournal();
        }
    }

    /** Returns the journal to append to: a new one if there is none yet, or it is full. */
    private Journal journal() throws IOException {
        if (journal != null && journal.size() >= journalBytes) {
            closeJournal();
        }
        if (journal == null) {
            journal = Journal.create(folder, last + 1);
            outcomeUnknown = false;
            checkpointer.closed(last);
        }
        return journal;
    }

    private void closeJournal() {
        if (journal != null) {
            Journal closing = journal;
            journal = null;
            try {
                closing.close();
            } catch (IOException e) {
                // All that it acknowledged was forced.
            }
        }
    }

    private void rebuildIfFailed() {
        if (!entries.isFailed()) {
            return;
        }
        closeJournal();
        entries.discard();
        try {
            entries.replace(checkpointer.exclusively(() -> Recovery.rebuild(folder, last)));
        } catch (IOException e) {
            throw BackendException.permanent("could not make MapDB's file again after it failed: " + e.getMessage(), e);
        }
    }

    private void requireUndamaged() {
        DamagedFileException damage = checkpointer.damage();
        if (damage != null) {
            throw BackendException.permanent(
                    "could not commit: what is committed would be lost when the process dies, as "
                            + damage.getMessage(),
                    damage);
        }
    }

    private void acquire() {
        try {
            if (!lock.tryLock(LOCK_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS)) {
                throw BackendException.transientFailure(
                        "another thread has been writing for " + LOCK_TIMEOUT.toSeconds() + " s", null);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw BackendException.transientFailure("interrupted while waiting for another thread's write", e);
        }
    }
}
