package dev.keystore.mapdb;

import java.io.IOException;
import java.lang.System.Logger;
import java.nio.file.Path;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Bounds the journals: merges them with the last checkpoint into the next, in a thread of its own.
 *
 * <p>A checkpoint is due when the closed journals have so many bytes as the configuration says, or half of the last
 * checkpoint's if that is more; so each byte committed is written a small number of times, whatever the store holds. It is
 * made from files that are no longer changed and never from MapDB; commits go on, to a later journal. It gets its name
 * when it is whole and forced, and what it replaces is deleted once the name is durable.
 *
 * <p>One that fails, on a full disk for example, is tried again when the next journal is full. One that fails because a
 * file is damaged is not: see {@link #damage}. A commit that finds the disk full has one made at once: see
 * {@link #makeRoom}.
 */
final class Checkpointer {

    private static final Logger LOGGER = System.getLogger(Checkpointer.class.getName());

    private final MapdbFolder folder;
    private final long checkpointBytes;
    private final ReentrantLock files = new ReentrantLock();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Thread thread = new Thread(this::run, "keystore-mapdb-checkpoint");
    private final Condition ended = lock.newCondition();
    private long last;
    private boolean due = true;
    private boolean running;

    /** Whether the next checkpoint is made however few bytes the journals have. */
    private boolean urgent;

    /** The last record of the newest journal that an urgent checkpoint was tried with. */
    private long lastUrgent = -1;

    private volatile boolean closed;
    private volatile @Nullable DamagedFileException damage;

    /**
     * Starts to watch a folder.
     *
     * @param last the number of the last record in a journal that is closed
     */
    Checkpointer(MapdbFolder folder, long checkpointBytes, long last) {
        this.folder = folder;
        this.checkpointBytes = checkpointBytes;
        this.last = last;
        thread.setDaemon(true);
        thread.start();
    }

    /** Tells it that all journals up to a record are closed. */
    void closed(long lastClosed) {
        lock.lock();
        try {
            last = lastClosed;
            due = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Makes room on a full disk: waits for the checkpoint that is being made, whose files take room until it ends, and has
     * one made of the closed journals, which are then deleted. That is tried once until a record is committed.
     *
     * @param lastClosed the last record; all journals are closed
     * @param waitNanos how long to wait at most; an interrupt ends the wait, and the flag stays
     * @return whether there may be more room now
     */
    boolean makeRoom(long lastClosed, long waitNanos) {
        lock.lock();
        try {
            last = lastClosed;
            if (lastUrgent != lastClosed) {
                lastUrgent = lastClosed;
                urgent = true;
                due = true;
                changed.signal();
            } else if (!running && !due) {
                return false;
            }
            long left = waitNanos;
            while ((running || due) && !closed && left > 0) {
                left = ended.awaitNanos(left);
            }
            return !running && !due;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Returns which file is damaged, if one is. The store then works only until its process dies, so nothing more should
     * be committed to it.
     */
    @Nullable
    DamagedFileException damage() {
        return damage;
    }

    /**
     * A checkpoint that may have to be made.
     *
     * @param upTo the last record that it is to hold
     * @param urgent whether it is made however few bytes the journals have
     */
    private record Task(long upTo, boolean urgent) {}

    /** What uses checkpoints and journals. */
    interface Work<T> {
        T run() throws IOException;
    }

    /** Does work while no checkpoint is made. */
    <T> T exclusively(Work<T> work) throws IOException {
        files.lock();
        try {
            return work.run();
        } finally {
            files.unlock();
        }
    }

    /** Stops, and gives up the checkpoint that is being made. */
    void close() {
        lock.lock();
        try {
            closed = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        for (Task task = awaitDue(); task != null; task = awaitDue()) {
            try {
                Task next = task;
                exclusively(() -> checkpoint(next));
            } catch (DamagedFileException e) {
                damage = e;
            } catch (IOException | RuntimeException | Error e) {
                LOGGER.log(
                        Logger.Level.WARNING,
                        () -> "No checkpoint could be made of " + folder
                                + "; it is tried again when the next journal is full",
                        e);
            }
        }
    }

    /** Ends the task that was done, and waits for the next; there is none once this is closed. */
    private @Nullable Task awaitDue() {
        lock.lock();
        try {
            running = false;
            ended.signalAll();
            while (!due && !closed) {
                changed.awaitUninterruptibly();
            }
            Task next = closed ? null : new Task(last, urgent);
            running = next != null;
            due = false;
            urgent = false;
            return next;
        } finally {
            lock.unlock();
        }
    }

    private boolean checkpoint(Task task) throws IOException {
        folder.requireInPlace();
        History history = History.of(folder).upTo(task.upTo);
        long bytes = history.journalBytes();
        boolean isDue = bytes >= Math.max(checkpointBytes, history.checkpointBytes() / 2);
        return (isDue || (task.urgent && bytes > 0)) && write(history, task.upTo);
    }

    private boolean write(History history, long upTo) throws IOException {
        Path file = folder.numbered(MapdbFolder.CHECKPOINT, upTo);
        Path temporary = folder.createNew(file);
        try {
            if (!copy(history, upTo, temporary)) {
                return false;
            }
            folder.requireInPlace();
            folder.publish(temporary, file);
            folder.requireInPlace();
        } finally {
            MapdbFolder.deleteIfPossible(temporary);
        }
        folder.numbered(MapdbFolder.CHECKPOINT).headMap(upTo, false).values().forEach(MapdbFolder::deleteIfPossible);
        folder.numbered(MapdbFolder.JOURNAL).headMap(upTo, true).values().forEach(MapdbFolder::deleteIfPossible);
        return true;
    }

    private boolean copy(History history, long upTo, Path temporary) throws IOException {
        try (MergedEntries entries = history.merged(folder, upTo);
                EntryFileWriter writer = new EntryFileWriter(temporary, upTo)) {
            for (StoredEntry entry = entries.next(); entry != null; entry = entries.next()) {
                if (closed) {
                    return false;
                }
                writer.add(entry);
            }
            writer.finish();
            return true;
        }
    }
}
