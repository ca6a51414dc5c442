package dev.keystore.jdbc;

import dev.keystore.jdbc.SqliteOpenFiles.Placement;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.TimedLock;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;

/**
 * The write-ahead log of an open store. It is checkpointed, that is, moved into the file, while the store is idle, when
 * the process exits, and when the store is closed; so the file alone, copied or mounted, has all acknowledged commits.
 *
 * <p>It has a connection that stays open as long as the store. So SQLite does not delete the log when other connections
 * are closed, and commits can be moved even after the log has lost its name.
 *
 * <p>Checkpoints hardly affect other connections: a PASSIVE one copies what readers and writers allow it to. If that
 * was everything, a TRUNCATE one empties the log, unless the store is being read or written; a commit that begins at
 * that moment waits for a few milliseconds (sqlite.org/c3ref/wal_checkpoint_v2.html).
 *
 * <p>Concurrency: {@link #lock} guards the connection. The committing threads, one at a time, count commits; the thread
 * of the {@link SqliteCheckpointer} compares the counts.
 */
final class SqliteWal {

    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration EXIT_PAUSE = Duration.ofMillis(5);
    private static final int EXIT_ATTEMPTS = 100;

    /** A commit that begins sooner than this after the check of the previous commit is not checked beforehand. */
    private static final long RECHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** Connections that are never closed, since SQLite would then delete a log that other connections use. */
    private static final Queue<Handle> ABANDONED = new ConcurrentLinkedQueue<>();

    private final SqliteOpenFiles files;
    private final TimedLock.Work<Boolean, RuntimeException> closing = this::closeOnce;
    private final TimedLock lock;

    /** Guarded by {@link #lock}, as {@link #closed} is. */
    private final Handle connection;

    private boolean closed;

    /** The number of commits; the content of the log at opening counts as one. */
    private final AtomicLong commits = new AtomicLong(1);

    /** The counts at the checkpointer's last visit, and at its last checkpoint. Used by its thread alone. */
    private long countAtLastVisit;

    private long checkpointedCount;

    private volatile boolean exiting;

    private final LongSupplier ticker;

    /** When a committing thread last checked the files. Used by one thread at a time. */
    private long checkedNanos;

    /** Takes over a connection to the store, which must not wait for locks. */
    SqliteWal(SqliteOpenFiles files, Handle connection, LongSupplier ticker) {
        this(files, connection, ticker, LOCK_TIMEOUT);
    }

    /** For tests, with the maximum time that a thread waits for a checkpoint of another thread. */
    SqliteWal(SqliteOpenFiles files, Handle connection, LongSupplier ticker, Duration lockTimeout) {
        this.lock = new TimedLock(files.path().toString(), "a checkpoint by another thread", lockTimeout);
        this.files = files;
        this.connection = connection;
        this.ticker = ticker;
        this.checkedNanos = ticker.getAsLong();
    }

    private String lostFileMessage(Placement placement) {
        return files.path() + ": could not commit: " + files.reason(placement);
    }

    /** Returns the path that the store was opened at. */
    Path path() {
        return files.path();
    }

    /** Returns whether the store was opened at {@code path}, and its files are no longer in place. */
    boolean isLost(Path path) {
        return files.path().equals(path) && files.check() != Placement.IN_PLACE;
    }

    /**
     * Checks before a commit that it can be found again, unless the last commit was checked just now.
     *
     * @throws BackendException (permanent) if it could not be found
     */
    void beforeCommit() {
        boolean recentlyChecked = ticker.getAsLong() - checkedNanos < RECHECK_NANOS;
        Placement placement = recentlyChecked ? files.lastPlacement() : files.checkForCommit();
        if (placement != Placement.IN_PLACE) {
            checkpointDetachedLog(placement);
            throw BackendException.permanent(lostFileMessage(placement), null);
        }
    }

    /**
     * Counts a commit before it is acknowledged, and checks that it can be found again. While the process exits, also
     * moves it into the file.
     *
     * @throws BackendException (outcome unknown) if the commit is in a file that the path does not lead to
     */
    void afterCommit(Handle writer) {
        Placement placement = files.checkForCommit();
        checkedNanos = ticker.getAsLong();
        if (placement != Placement.IN_PLACE && !checkpointDetachedLog(placement)) {
            throw BackendException.outcomeUnknown(lostFileMessage(placement), null);
        }
        commits.setOpaque(commits.getPlain() + 1);
        if (exiting) {
            checkpointCommitted(writer);
        }
    }

    /** Counts a compaction like a commit: if its checkpoint fails, the log is checkpointed once the store is idle. */
    void countCompaction() {
        commits.setOpaque(commits.getPlain() + 1);
    }

    private static void checkpointCommitted(Handle writer) {
        try {
            for (int attempts = 0; attempts < EXIT_ATTEMPTS && !checkpoint(writer, "PASSIVE"); attempts++) {
                LockSupport.parkNanos(EXIT_PAUSE.toNanos());
            }
        } catch (JdbiException e) {
            // The commit is durable in the log.
        }
    }

    /**
     * Checkpoints the log if there was no commit since the last call, and no checkpoint since the last commit. Called
     * from one thread.
     *
     * <p>If the log is in use, the next call tries again. After a checkpoint that fails, there is none until the next
     * commit.
     */
    void checkpointIfIdle() {
        long count = commits.getOpaque();
        if (count != countAtLastVisit) {
            countAtLastVisit = count;
        } else if (count != checkpointedCount) {
            try {
                if (lock.holdIfFree(() -> closed || checkpointAndEmpty())) {
                    checkpointedCount = count;
                }
            } catch (JdbiException e) {
                checkpointedCount = count;
            }
        }
    }

    /** From now on, each commit moves itself into the file before it is acknowledged. */
    void exit() {
        exiting = true;
    }

    /** Checkpoints until the whole log is in the file, or the deadline has passed; after {@link #exit}. */
    void checkpointBefore(long deadlineNanos) throws InterruptedException {
        try {
            while (System.nanoTime() - deadlineNanos < 0 && !lock.holdIfFree(this::isCheckpointed)) {
                TimeUnit.NANOSECONDS.sleep(EXIT_PAUSE.toNanos());
            }
        } catch (JdbiException e) {
            // The log stays, and has all commits.
        }
    }

    private boolean isCheckpointed() {
        return closed || files.check() != Placement.IN_PLACE || checkpoint(connection, "PASSIVE");
    }

    /** Checkpoints a log that has lost its name. Returns whether all commits are in the file at the path now. */
    private boolean checkpointDetachedLog(Placement placement) {
        if (placement == Placement.DATABASE_GONE) {
            return false;
        }
        try {
            return lock.holdUninterruptibly(
                    "checkpoint the log",
                    () -> !closed
                            && !files.areOthersInPlace()
                            && checkpoint(connection, "PASSIVE")
                            && files.isFileInPlace());
        } catch (JdbiException | BackendException e) {
            return false;
        }
    }

    /**
     * Returns whether nothing is left to do: the log is empty and all of it is in the file, or it must be left alone.
     */
    private boolean checkpointAndEmpty() {
        return files.check() != Placement.IN_PLACE
                || (checkpoint(connection, "PASSIVE") && checkpoint(connection, "TRUNCATE"));
    }

    /** Returns whether the whole log is in the file now. */
    static boolean checkpoint(Handle handle, String mode) {
        return handle.createQuery("PRAGMA wal_checkpoint(" + mode + ")")
                .map((row, columns) -> row.getInt("busy") == 0 && row.getInt("log") == row.getInt("checkpointed"))
                .one();
    }

    /**
     * Closes the connection, after the other connections of the store. Closing the last connection of a file moves the
     * log into it. Waits up to 10 s for a running checkpoint; an interrupt does not end the wait.
     *
     * <p>If there are other files at the paths by now, the connection stays open until the process exits: closing it
     * would delete their log, and a checkpoint could remove commits from that log.
     *
     * @throws BackendException (permanent) after closing, if not all commits are in the file at the path; (transient)
     *     if a checkpoint did not end in time, and the connection stays open
     */
    void close() {
        lock.holdUninterruptibly("close the log", closing);
    }

    private boolean closeOnce() {
        if (!closed) {
            closed = true;
            closeConnection();
        }
        return closed;
    }

    private void closeConnection() {
        Placement placement = files.check();
        if (placement == Placement.IN_PLACE) {
            connection.close();
        } else {
            closeLost(placement);
        }
    }

    private void closeLost(Placement placement) {
        boolean complete = false;
        if (files.areOthersInPlace()) {
            ABANDONED.add(connection);
        } else {
            try (Handle closing = connection) {
                complete = checkpoint(closing, "TRUNCATE");
            }
        }
        if (!complete || !files.isFileInPlace()) {
            throw BackendException.permanent(
                    files.path() + ": could not move the last commits into the file, and they are lost: "
                            + files.finding(placement) + "; open the file that is to be used",
                    null);
        }
    }
}
