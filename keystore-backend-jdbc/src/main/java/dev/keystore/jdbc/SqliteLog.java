package dev.keystore.jdbc;

import dev.keystore.jdbc.SqliteOpenFiles.Loss;
import dev.keystore.spi.BackendException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;

/**
 * The log of an open store, which is moved into its file while nobody commits, when the process exits, and at closing: so
 * that the file by itself, copied or mounted, has what was acknowledged.
 *
 * <p>It has a connection that stays open as long as the store. So the log stays the same file, whichever connections of
 * the store come and go, and what was committed can be moved even after the log has lost its name.
 *
 * <p>Moving disturbs nobody: a checkpoint in the mode PASSIVE copies what readers and writers let it copy. Only when that
 * was all, one in the mode TRUNCATE empties the log, unless somebody reads or writes just then; a commit that begins in
 * that moment waits some milliseconds (sqlite.org/c3ref/wal_checkpoint_v2.html).
 *
 * <p>Concurrency: {@link #moving} guards the connection and {@link #closed}. The committing thread counts commits, one
 * thread at a time; the thread of {@link SqliteLogMover} compares the counts.
 */
final class SqliteLog {

    private static final Duration MOVE_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration EXIT_PAUSE = Duration.ofMillis(5);
    private static final int EXIT_TRIES = 100;

    /** How long a commit need not look where the one before it has looked. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** Connections that are never closed, since SQLite would remove somebody else's log. */
    private static final Queue<Handle> ABANDONED = new ConcurrentLinkedQueue<>();

    private final SqliteOpenFiles files;
    private final Handle connection;
    private final ReentrantLock moving = new ReentrantLock();
    private boolean closed;

    /** How many commits there were; what the log held at opening counts as one. */
    private final AtomicLong commits = new AtomicLong(1);

    /** The counts when the mover looked last, and when it moved the log last. */
    private long seen;

    private long moved;

    private volatile boolean exiting;

    private final LongSupplier ticker;
    private long lookedNanos;

    /**
     * Takes over a connection that has the store open, and does not wait for locks.
     */
    SqliteLog(SqliteOpenFiles files, Handle connection, LongSupplier ticker) {
        this.files = files;
        this.connection = connection;
        this.ticker = ticker;
        this.lookedNanos = ticker.getAsLong();
    }

    /** Returns whether this is the log of a store that was opened at a path, and has since lost its file or log. */
    boolean isLost(Path path) {
        return files.path().equals(path) && files.loss() != null;
    }

    /**
     * Checks that what is about to be committed can be found again, unless the last commit has just been checked.
     *
     * @throws BackendException (permanent) if not
     */
    void beforeCommit() {
        boolean looked = ticker.getAsLong() - lookedNanos < LOOK_NANOS;
        Loss loss = looked ? files.knownLoss() : files.loss();
        if (loss != null) {
            moveLost(loss);
            throw BackendException.permanent(files.message(loss), null);
        }
    }

    /**
     * Notes a commit, before it is acknowledged, and checks that it can be found; while the process exits, moves it into
     * the file.
     *
     * @throws BackendException (outcome unknown) if it is in a file that the path does not lead to
     */
    void committed(Handle writer) {
        Loss loss = files.loss();
        lookedNanos = ticker.getAsLong();
        if (loss != null && !moveLost(loss)) {
            throw BackendException.outcomeUnknown(files.message(loss), null);
        }
        commits.setOpaque(commits.getPlain() + 1);
        if (exiting) {
            moveCommitted(writer);
        }
    }

    private static void moveCommitted(Handle writer) {
        try {
            for (int tries = 0; tries < EXIT_TRIES && !checkpoint(writer, "PASSIVE"); tries++) {
                LockSupport.parkNanos(EXIT_PAUSE.toNanos());
            }
        } catch (JdbiException e) {
            // It is committed, and durable with the log.
        }
    }

    /**
     * Moves the log if there was no commit since the last call, once until there is one. Called from one thread.
     *
     * <p>A log that is in use is left until the next call, one that can't be moved until after the next commit.
     */
    void moveIfIdle() {
        long count = commits.getOpaque();
        if (count != seen) {
            seen = count;
        } else if (count != moved && moving.tryLock()) {
            try {
                if (closed || moveAndEmpty()) {
                    moved = count;
                }
            } catch (JdbiException e) {
                moved = count;
            } finally {
                moving.unlock();
            }
        }
    }

    /** Lets each commit move itself into the file from now on, before it is acknowledged. */
    void exit() {
        exiting = true;
    }

    /** Moves the log until the whole of it is in the file, or the deadline; after {@link #exit}. */
    void moveBefore(long deadlineNanos) throws InterruptedException {
        while (System.nanoTime() - deadlineNanos < 0) {
            if (moving.tryLock(Math.max(0, deadlineNanos - System.nanoTime()), TimeUnit.NANOSECONDS)) {
                try {
                    if (closed || files.loss() != null || checkpoint(connection, "PASSIVE")) {
                        return;
                    }
                } catch (JdbiException e) {
                    return;
                } finally {
                    moving.unlock();
                }
            }
            TimeUnit.NANOSECONDS.sleep(EXIT_PAUSE.toNanos());
        }
    }

    /** Moves a log that has lost its path, and returns whether all that was committed is in the file at its path now. */
    private boolean moveLost(Loss loss) {
        if (loss == Loss.FILE || !lock()) {
            return false;
        }
        try {
            return !closed && !files.areOthersInPlace() && checkpoint(connection, "PASSIVE") && files.isFileInPlace();
        } catch (JdbiException e) {
            return false;
        } finally {
            moving.unlock();
        }
    }

    /** Returns whether there is nothing left to move: the whole log is in the file and empty, or is not to be touched. */
    private boolean moveAndEmpty() {
        return files.loss() != null || (checkpoint(connection, "PASSIVE") && checkpoint(connection, "TRUNCATE"));
    }

    /** Returns whether the whole log is in the file now. */
    private static boolean checkpoint(Handle handle, String mode) {
        return handle.createQuery("PRAGMA wal_checkpoint(" + mode + ")")
                .map((row, columns) -> row.getInt("busy") == 0 && row.getInt("log") == row.getInt("checkpointed"))
                .one();
    }

    /**
     * Closes the connection; the store's others are closed. As the last one of the file, it moves the log into it.
     *
     * <p>Where there are other files at the paths by now, it stays open until the process exits: closing would remove a
     * log that may be theirs, and a checkpoint could take commits out of it.
     *
     * @throws BackendException (permanent) after closing, if what was committed is not in the file at the path
     */
    void close() {
        if (!lock()) {
            throw BackendException.permanent(files.path() + ": could not close its log: it is still being moved", null);
        }
        try {
            if (!closed) {
                closed = true;
                Loss loss = files.loss();
                if (loss == null) {
                    connection.close();
                } else {
                    closeLost(loss);
                }
            }
        } finally {
            moving.unlock();
        }
    }

    private void closeLost(Loss loss) {
        boolean whole = false;
        if (files.areOthersInPlace()) {
            ABANDONED.add(connection);
        } else {
            try (connection) {
                whole = checkpoint(connection, "TRUNCATE");
            }
        }
        if (!whole || !files.isFileInPlace()) {
            throw BackendException.permanent(
                    "closed, but what was committed last is lost: " + files.message(loss), null);
        }
    }

    /** Waits up to 10 s for a move that is under way, deaf to interrupts. */
    private boolean lock() {
        long deadlineNanos = System.nanoTime() + MOVE_TIMEOUT.toNanos();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return moving.tryLock(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
