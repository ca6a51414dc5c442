package dev.keystore.mapdb;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.support.TimedLock;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Commits groups: first to the journal, then to the entries that are read. One thread at a time commits one group.
 *
 * <p>Durability: a group is one record and one fsync. It is acknowledged, and can be read, once the record is durable;
 * no later failure can undo it.
 *
 * <p>Recovery: a group is committed when it is added to {@link Entries}. Until then no journal is in use: if anything
 * fails before that, the next group begins a new journal with the number of the failed record, and records of the
 * earlier journal from that number on do not count. So nothing is appended after a record whose outcome is unknown, and
 * nothing has to be done while an error unwinds the stack. If no group follows, {@link #close} begins that journal.
 *
 * <p>Where the disk may be full, a commit is retried once a checkpoint has freed space.
 */
final class CommitWriter {

    /** How long a commit waits for a checkpoint to free disk space. */
    private static final Duration DISK_SPACE_TIMEOUT = Duration.ofSeconds(8);

    private static final long LARGEST_GROUP_BYTES = 1 << 30;

    private final MapdbFolder folder;
    private final Entries entries;
    private final Checkpointer checkpointer;
    private final SpareJournals spares;
    private final long journalBytes;
    private final TimedLock lock;
    private final TimedLock.Work<Boolean, RuntimeException> diskSpaceRequest = this::requestDiskSpace;
    private final TimedLock.Work<Long, IOException> compaction = this::closeJournalAndBegin;
    private final TimedLock.Work<Boolean, IOException> closing = this::closeJournalForGood;
    private volatile LongConsumer fsyncTimes = nanos -> {};

    /** Guarded by {@link #lock}, as the next two fields are. */
    private @Nullable Journal journal;

    /** Whether the last journal may end with a record that does not count; creating the next journal settles that. */
    private boolean unsettled;

    private boolean closed;

    /** Creates a writer that begins a new journal. A commit waits for another one for up to {@code timeout}. */
    CommitWriter(
            MapdbFolder folder,
            Entries entries,
            Checkpointer checkpointer,
            SpareJournals spares,
            long journalBytes,
            Duration timeout) {
        this.folder = folder;
        this.entries = entries;
        this.checkpointer = checkpointer;
        this.spares = spares;
        this.journalBytes = journalBytes;
        this.lock = new TimedLock(folder.toString(), "another thread's commit", timeout);
    }

    /** Sets the receiver of the times of the fsyncs of groups. */
    void reportFsyncs(LongConsumer nanos) {
        fsyncTimes = nanos;
    }

    /**
     * Commits a group, durably.
     *
     * <p>Waits for the group of another thread, and for capacity, with a deadline for each. Never waits while holding
     * the lock: a virtual thread could then lose its carrier to a thread that waits for the lock.
     *
     * @param positions the positions of contexts that it changes
     * @throws BackendException if it was not committed, or its outcome is unknown
     */
    void commit(List<Batch> group, Positions positions) {
        List<Change> changes = Change.of(group);
        long bytes = Change.bytes(positions.appendedTo(changes, 0));
        if (bytes > LARGEST_GROUP_BYTES) {
            throw BackendException.permanent(
                    refused("a group has " + bytes + " bytes, and the maximum is " + LARGEST_GROUP_BYTES
                            + "; commit less at once"),
                    null);
        }
        try {
            commitFreeingSpace(changes, positions, bytes);
        } catch (OperationInterruptedException e) {
            throw BackendException.transientFailure(refused(e.getMessage()), e);
        } catch (Journal.UnknownOutcomeException e) {
            throw BackendException.outcomeUnknown(refused(e.getMessage()), e);
        } catch (IOException e) {
            throw BackendException.permanent(refused(Remedy.explain(e)), e);
        }
    }

    private String refused(@Nullable String why) {
        return folder + ": could not commit: " + why;
    }

    /** Commits; repeats that after a failure that wrote nothing, once a checkpoint has freed disk space. */
    private void commitFreeingSpace(List<Change> changes, Positions positions, long bytes) throws IOException {
        long deadlineNanos = System.nanoTime() + DISK_SPACE_TIMEOUT.toNanos();
        while (true) {
            long tasksBefore = checkpointer.tasksDone();
            try {
                commitWhenCapacity(changes, positions, bytes);
                return;
            } catch (Journal.UnknownOutcomeException | FileMovedException e) {
                throw e;
            } catch (IOException e) {
                if (deadlineNanos - System.nanoTime() <= 0 || !freeDiskSpace(tasksBefore)) {
                    throw e;
                }
                // A checkpoint has freed space, or has failed on the full disk and freed what it took.
            }
        }
    }

    /** Requests a checkpoint of the journals, and waits for it without holding the lock. */
    private boolean freeDiskSpace(long tasksBefore) {
        lock.hold("commit", diskSpaceRequest);
        return checkpointer.awaitDiskSpace(tasksBefore, DISK_SPACE_TIMEOUT);
    }

    private boolean requestDiskSpace() {
        closeJournal();
        spares.delete();
        checkpointer.requestDiskSpace(entries.last());
        return true;
    }

    private void commitWhenCapacity(List<Change> changes, Positions positions, long bytes) throws IOException {
        do {
            entries.awaitCapacity(bytes);
        } while (!lock.hold("commit", new TimedLock.Work<Boolean, IOException>() {
            @Override
            public Boolean run() throws IOException {
                return commitIfCapacity(changes, positions, bytes);
            }
        }));
    }

    private boolean commitIfCapacity(List<Change> changes, Positions positions, long bytes) throws IOException {
        requireOpen();
        requireUndamaged();
        if (!entries.hasCapacity(bytes)) {
            return false;
        }
        List<Change> all = positions.appendedTo(changes, entries.last() + 1);
        UnappliedGroups.Group group = entries.prepare(all);
        Journal current = openOrCreateJournal();
        journal = null;
        unsettled = true;
        try {
            long fsyncNanos = current.append(group.number(), all);
            entries.add(group);
            journal = current;
            unsettled = false;
            fsyncTimes.accept(fsyncNanos);
        } catch (Journal.UnknownOutcomeException e) {
            throw e;
        } catch (IOException e) {
            // Nothing of the record is left.
            unsettled = false;
            throw e;
        } catch (RuntimeException e) {
            throw BackendException.outcomeUnknown(refused(e.toString()), e);
        } finally {
            if (journal == null) {
                close(current);
            }
        }
        return true;
    }

    /** Returns the journal to append to: a new one if there is none, or it is full. */
    private Journal openOrCreateJournal() throws IOException {
        Journal current = journal;
        if (current != null && !current.isFull()) {
            return current;
        }
        closeJournal();
        Journal created = Journal.create(folder, entries.last() + 1, journalBytes, spares);
        unsettled = false;
        journal = created;
        checkpointer.journalsClosed(entries.last());
        return created;
    }

    /**
     * Begins a new journal, in a new file, and deletes the spare ones. From then on, no journal has former records
     * after its last one until spares are kept again.
     *
     * @return the number of the last record before the new journal
     * @throws BackendException a transient one, if a commit has not ended within the timeout
     */
    long beginJournal() throws IOException {
        return lock.hold("compact", compaction);
    }

    private long closeJournalAndBegin() throws IOException {
        requireOpen();
        closeJournal();
        spares.suspend();
        openOrCreateJournal();
        return entries.last();
    }

    private void closeJournal() {
        Journal closing = journal;
        journal = null;
        if (closing != null) {
            close(closing);
        }
    }

    private static void close(Journal closing) {
        try {
            if (closing.isFull()) {
                closing.closeWhenFull();
            } else {
                closing.close();
            }
        } catch (IOException e) {
            // Every acknowledged record was forced.
        }
    }

    /**
     * Closes the journal, once no commit is running, and refuses commits from then on. The next opening does not count
     * a record that is not in the entries.
     *
     * @throws IOException if that can't be ensured
     * @throws BackendException a transient one, if a commit has not ended within the timeout
     */
    void close() throws IOException {
        lock.hold("close", closing);
    }

    private boolean closeJournalForGood() throws IOException {
        closed = true;
        if (unsettled) {
            openOrCreateJournal();
        }
        closeJournal();
        return closed;
    }

    /** For tests: returns the journal that the next group is appended to, or {@code null} if it begins a new one. */
    @Nullable
    Journal current() {
        return journal;
    }

    /** For tests: runs work while holding the lock of committing threads. */
    <T> T whileLocked(TimedLock.Work<T, RuntimeException> work) {
        return lock.hold("run a test's work", work);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(folder + ": the backend is closed");
        }
    }

    private void requireUndamaged() {
        DamagedFileException damage = checkpointer.damage();
        if (damage != null) {
            throw BackendException.permanent(
                    refused("the commit would be lost when the process exits, since " + damage.getMessage()), damage);
        }
    }
}
