package dev.keystore.mapdb;

import dev.keystore.spi.support.Await;
import dev.keystore.spi.support.TimedLock;
import java.io.IOException;
import java.lang.System.Logger;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Limits the size of the journals: merges them with the last checkpoint into the next one, on a dedicated thread.
 *
 * <p>A checkpoint is due when the closed journals reach the configured number of bytes, or half the bytes of the last
 * checkpoint if that is more. So each committed byte is rewritten a small number of times, however large the store is.
 * A checkpoint is built from files that no longer change, and never from MapDB; meanwhile, commits are appended to a
 * later journal. The checkpoint gets its name once it is complete and forced, and the files that it replaces are
 * deleted once the name is durable.
 *
 * <p>A checkpoint that fails, on a full disk for example, is retried when the next journal is full. One that fails
 * because a file is damaged ends all commits: see {@link #damage}. A commit that finds the disk full requests one
 * immediately: see {@link #requestDiskSpace}.
 */
final class Checkpointer {

    private static final Logger LOGGER = System.getLogger(Checkpointer.class.getName());

    /** How long a thread of the backend waits until another one has finished with the files. */
    private static final Duration FILES_TIMEOUT = Duration.ofSeconds(60);

    private static final long PAUSE_NANOS = 60_000_000_000L;

    private final MapdbFolder folder;
    private final SpareJournals spares;
    private final long checkpointBytes;
    private final TimedLock files;
    private final Thread thread = new Thread(this::run, "keystore-mapdb-checkpoint");
    private volatile Task task;
    private volatile Task done;

    /** The last record when an urgent checkpoint was last requested. */
    private volatile long lastUrgent = -1;

    private volatile boolean closed;
    private volatile @Nullable Throwable failure;
    private volatile @Nullable DamagedFileException damage;

    /**
     * Creates the checkpointer of a folder.
     *
     * @param last the number of the last record in a closed journal
     */
    Checkpointer(MapdbFolder folder, SpareJournals spares, long checkpointBytes, long last) {
        this.folder = folder;
        this.files = new TimedLock(folder.toString(), "a checkpoint or a rebuild of MapDB's file", FILES_TIMEOUT);
        this.spares = spares;
        this.checkpointBytes = checkpointBytes;
        this.done = new Task(0, last, false);
        this.task = new Task(1, last, false);
    }

    /** Starts the thread. */
    void start() {
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Requests a checkpoint if one is due, now that all journals up to a record are closed. Does nothing if they were
     * closed before: a checkpoint that has just failed on a full disk would fail again, and take the space that a
     * commit needs. Only the thread that holds the writer's lock calls this.
     */
    void journalsClosed(long lastClosed) {
        if (lastClosed > task.upTo) {
            add(lastClosed, false);
        }
    }

    /**
     * Requests space on a full disk: a checkpoint of the closed journals, however small they are, after which they are
     * deleted. Does nothing if no record was committed since the last request. Only the thread that holds the writer's
     * lock calls this.
     *
     * @param lastClosed the last record; all journals are closed
     */
    void requestDiskSpace(long lastClosed) {
        if (lastUrgent != lastClosed) {
            lastUrgent = lastClosed;
            add(lastClosed, true);
        }
    }

    private void add(long lastClosed, boolean urgent) {
        Task newest = task;
        task = new Task(newest.number + 1, lastClosed, urgent || (newest.urgent && newest.number > done.number));
        LockSupport.unpark(thread);
    }

    /** Returns how many tasks have ended, successfully or not. */
    long tasksDone() {
        return done.number;
    }

    /**
     * Waits until all current tasks have ended: a checkpoint that is being written takes space until then. An interrupt
     * ends the wait; the thread's flag is preserved.
     *
     * @param before what {@link #tasksDone} returned before a commit found the disk full
     * @return whether there may be more space now than there was then
     */
    boolean awaitDiskSpace(long before, Duration timeout) {
        long newest = task.number;
        BooleanSupplier ended = new BooleanSupplier() {
            @Override
            public boolean getAsBoolean() {
                return done.number >= newest || closed;
            }
        };
        return Await.until(ended, timeout) == Await.Outcome.DONE && done.number > before && !closed;
    }

    /**
     * Returns the damage that a checkpoint has found, or {@code null}. Later commits would be lost when the process
     * exits, so the store must not accept any.
     */
    @Nullable
    DamagedFileException damage() {
        return damage;
    }

    /**
     * A checkpoint that may be due.
     *
     * @param number one more than that of the previous task
     * @param upTo the last record that the checkpoint includes
     * @param urgent whether it is written however few bytes the journals have
     */
    private record Task(long number, long upTo, boolean urgent) {}

    /**
     * Runs work while no checkpoint is being written.
     *
     * @throws dev.keystore.spi.BackendException a transient one, if a checkpoint has not ended within a minute
     */
    <T> T exclusively(TimedLock.Work<T, IOException> work) throws IOException {
        return files.hold("use the checkpoint and the journals", work);
    }

    /** Stops the thread, which abandons a checkpoint that it is writing. Does not wait for the thread. */
    void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    /** Returns whether the thread has ended, so that it no longer uses any file. */
    boolean hasEnded() {
        return !thread.isAlive();
    }

    private void run() {
        while (!closed) {
            try {
                reportFailure();
                awaitTask();
                make(task);
            } catch (DamagedFileException e) {
                damage = e;
            } catch (IOException | RuntimeException | Error e) {
                failure = e;
                spares.delete();
            }
        }
    }

    private void reportFailure() {
        Throwable e = failure;
        failure = null;
        if (e != null) {
            LOGGER.log(
                    Logger.Level.WARNING,
                    "Could not write a checkpoint of " + folder + "; it is retried when the next journal is full",
                    e);
        }
    }

    private void awaitTask() {
        while (task.number == done.number && !closed) {
            LockSupport.parkNanos(this, PAUSE_NANOS);
        }
    }

    private void make(Task next) throws IOException {
        try {
            exclusively(new TimedLock.Work<Boolean, IOException>() {
                @Override
                public Boolean run() throws IOException {
                    return checkpoint(next);
                }
            });
        } finally {
            done = next;
        }
    }

    private boolean checkpoint(Task next) throws IOException {
        if (closed) {
            return false;
        }
        folder.requireInPlace();
        StoreFiles history = StoreFiles.of(folder).upTo(next.upTo);
        long bytes = history.journalBytes();
        boolean isDue = bytes >= Math.max(checkpointBytes, history.checkpointBytes() / 2);
        if (!isDue && (!next.urgent || bytes == 0)) {
            return false;
        }
        boolean written = write(history, next.upTo);
        if (written && next.urgent) {
            spares.delete();
        }
        return written;
    }

    /**
     * Replaces all files up to a record by one checkpoint, however small they are.
     *
     * @param upTo the last record; all journals up to it are closed
     * @return whether that was done; if not, the checkpointer was closed meanwhile
     */
    boolean compact(long upTo) throws IOException {
        return exclusively(new TimedLock.Work<Boolean, IOException>() {
            @Override
            public Boolean run() throws IOException {
                return checkpointAll(upTo);
            }
        });
    }

    private boolean checkpointAll(long upTo) throws IOException {
        folder.requireInPlace();
        StoreFiles history = StoreFiles.of(folder).upTo(upTo);
        if (history.journals().isEmpty()) {
            deleteReplaced(history.checkpointed());
            return true;
        }
        return write(history, upTo);
    }

    private boolean write(StoreFiles history, long upTo) throws IOException {
        Path file = folder.numbered(MapdbFolder.CHECKPOINT, upTo);
        Path temporary = folder.createTemporary(file);
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
        deleteReplaced(upTo);
        return true;
    }

    private void deleteReplaced(long checkpointed) throws IOException {
        for (Path file : folder.numbered(MapdbFolder.CHECKPOINT)
                .headMap(checkpointed, false)
                .values()) {
            MapdbFolder.deleteIfPossible(file);
        }
        for (Map.Entry<Long, Path> journal :
                folder.numbered(MapdbFolder.JOURNAL).headMap(checkpointed, true).entrySet()) {
            spares.keep(journal.getKey(), journal.getValue());
        }
    }

    private boolean copy(StoreFiles history, long upTo, Path temporary) throws IOException {
        try (MergedEntries entries = history.merged(folder, upTo);
                EntryFileWriter writer = new EntryFileWriter(temporary, upTo)) {
            for (FileEntry entry = entries.next(); entry != null; entry = entries.next()) {
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
