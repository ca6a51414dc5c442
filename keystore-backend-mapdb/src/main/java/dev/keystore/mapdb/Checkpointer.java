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
 * file is damaged is not: see {@link #damage}.
 */
final class Checkpointer {

    private static final Logger LOGGER = System.getLogger(Checkpointer.class.getName());

    private final MapdbFolder folder;
    private final long checkpointBytes;
    private final ReentrantLock files = new ReentrantLock();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Thread thread = new Thread(this::run, "keystore-mapdb-checkpoint");
    private long last;
    private boolean due = true;
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
     * Returns which file is damaged, if one is. The store then works only until its process dies, so nothing more should
     * be committed to it.
     */
    @Nullable
    DamagedFileException damage() {
        return damage;
    }

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
        while (awaitDue()) {
            try {
                long upTo = last();
                exclusively(() -> checkpoint(upTo));
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

    private boolean awaitDue() {
        lock.lock();
        try {
            while (!due && !closed) {
                changed.awaitUninterruptibly();
            }
            due = false;
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    private long last() {
        lock.lock();
        try {
            return last;
        } finally {
            lock.unlock();
        }
    }

    private boolean checkpoint(long upTo) throws IOException {
        History history = History.of(folder).upTo(upTo);
        return history.journalBytes() >= Math.max(checkpointBytes, history.checkpointBytes() / 2)
                && write(history, upTo);
    }

    private boolean write(History history, long upTo) throws IOException {
        Path file = folder.numbered(MapdbFolder.CHECKPOINT, upTo);
        Path temporary = folder.createNew(file);
        try {
            if (!copy(history, upTo, temporary)) {
                return false;
            }
            folder.publish(temporary, file);
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
