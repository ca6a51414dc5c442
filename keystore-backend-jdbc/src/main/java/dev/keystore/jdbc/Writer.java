package dev.keystore.jdbc;

import dev.keystore.ContextOwnedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.BackendException;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;

/**
 * The one connection that writes, held by one thread at a time for one transaction, or for one statement that is one.
 *
 * <p>Recovery: after a failure that leaves the connection of no use, or a rollback that fails, the connection is closed,
 * which rolls back what may be left, and the next transaction opens a new one. A thread that leaves within a transaction,
 * by an error that may come again in whatever handles it, leaves {@link #unfinished} set; the next one closes the
 * connection then (R31).
 */
final class Writer {

    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(10);

    private final Dialect dialect;
    private final WriterLock lock = new WriterLock();
    private @Nullable Handle handle;

    /** Whether the connection is in a transaction, or was left in one. */
    private boolean unfinished;

    Writer(Dialect dialect, Handle handle) {
        this.dialect = dialect;
        this.handle = handle;
    }

    /**
     * Does work in one transaction, and commits it durably.
     *
     * <p>Waits up to 10 s for another thread's transaction, and then as long as the dialect waits for a lock.
     *
     * @return what the work returned
     * @throws BackendException if it was not committed, or its outcome is unknown
     */
    <T> T commit(Function<Handle, T> work) {
        return withConnection(open -> commit(open, work));
    }

    /**
     * Executes a statement that commits by itself. Waits as {@link #commit} does.
     *
     * @param statement returns whether it has committed; if not, nothing was written
     * @throws BackendException if it was not committed, or its outcome is unknown
     */
    boolean commitAtOnce(Predicate<Handle> statement) {
        return withConnection(open -> commitAtOnce(open, statement));
    }

    private <T> T withConnection(Function<Handle, T> work) {
        WriterLock.Hold hold = acquire();
        try {
            if (unfinished) {
                discardUnfinished();
            }
            if (handle == null) {
                handle = dialect.reopenWriter();
            }
            return work.apply(handle);
        } finally {
            hold.over = true;
            lock.wakeNext();
        }
    }

    /**
     * Closes the connection; with the last one of its file, SQLite moves the log into it. Waits up to 10 s for another
     * thread's transaction.
     */
    void close() {
        WriterLock.Hold hold = acquireUninterruptibly();
        try {
            if (unfinished) {
                discardUnfinished();
            }
            if (handle != null) {
                handle.close();
                handle = null;
            }
        } catch (JdbiException e) {
            throw dialect.failure("close", e);
        } finally {
            hold.over = true;
            lock.wakeNext();
        }
    }

    private WriterLock.Hold acquireUninterruptibly() {
        boolean interrupted = Thread.interrupted();
        try {
            return acquire();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Returns the connection that the next transaction uses, unless it has to open one. */
    @Nullable
    Handle handle() {
        return handle;
    }

    private <T> T commit(Handle open, Function<Handle, T> work) {
        boolean committing = false;
        unfinished = true;
        try {
            dialect.begin(open);
            T result = work.apply(open);
            committing = true;
            dialect.commit(open);
            unfinished = false;
            return result;
        } catch (OwnershipLostException | ContextOwnedException | OperationInterruptedException e) {
            if (rollBack(open)) {
                unfinished = false;
            } else {
                discard(open, e);
            }
            throw e;
        } catch (RuntimeException e) {
            boolean rolledBack = rollBack(open);
            BackendException failure = committing ? dialect.commitFailure(open, e) : dialect.failure("commit", e);
            if (rolledBack && dialect.isUsableAfter(failure)) {
                unfinished = false;
            } else {
                discard(open, failure);
            }
            throw failure;
        } catch (Error e) {
            discard(open, e);
            throw e;
        }
    }

    private boolean commitAtOnce(Handle open, Predicate<Handle> statement) {
        unfinished = true;
        try {
            boolean committed = statement.test(open);
            unfinished = false;
            return committed;
        } catch (RuntimeException e) {
            BackendException failure = dialect.commitFailure(open, e);
            if (dialect.isUsableAfter(failure)) {
                unfinished = false;
            } else {
                discard(open, failure);
            }
            throw failure;
        } catch (Error e) {
            discard(open, e);
            throw e;
        }
    }

    private boolean rollBack(Handle open) {
        try {
            dialect.rollBack(open);
            return true;
        } catch (RuntimeException e) {
            return false;
        }
    }

    /** Closes the connection. Until that is done it counts as unfinished: what is left of it may hold SQLite's lock. */
    private void discard(Handle open, Throwable failure) {
        Dialect.close(open, failure);
        handle = null;
        unfinished = false;
    }

    private void discardUnfinished() {
        Handle left = handle;
        if (left != null) {
            rollBack(left);
            discard(left, new IllegalStateException("a thread has left its transaction"));
        }
        unfinished = false;
    }

    private WriterLock.Hold acquire() {
        try {
            WriterLock.Hold hold = lock.acquire(LOCK_TIMEOUT.toNanos());
            if (hold == null) {
                throw BackendException.transientFailure(
                        "another thread has been writing for " + LOCK_TIMEOUT.toSeconds() + " s", null);
            }
            return hold;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw BackendException.transientFailure("interrupted while waiting for another thread's write", e);
        }
    }
}
