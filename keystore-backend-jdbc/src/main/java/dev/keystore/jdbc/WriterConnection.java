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
 * The one connection that writes. One thread at a time holds it, for one transaction or for one statement that commits by
 * itself.
 *
 * <p>Recovery: after a failure that makes the connection unusable, or a failed rollback, the connection is closed, which
 * rolls back its transaction, and the next transaction opens a new one. If an error ends a thread inside a transaction, and
 * strikes again while it is handled, {@link #unfinished} stays set, and the next thread closes the connection (R31).
 */
final class WriterConnection {

    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(10);

    private final Dialect dialect;
    private final SqlFailures failures;
    private final WriterLock lock = new WriterLock();
    private @Nullable Handle handle;

    /** Whether the connection is in a transaction, or was left in one by an error. */
    private boolean unfinished;

    WriterConnection(Dialect dialect, Handle handle) {
        this.dialect = dialect;
        this.failures = dialect.failures();
        this.handle = handle;
    }

    /**
     * Runs work in one transaction, and commits it durably.
     *
     * <p>Waits up to 10 s for another thread's transaction, and then as long as the dialect waits for a lock.
     *
     * @return what the work returned
     * @throws BackendException if the transaction was not committed, or its outcome is unknown
     */
    <T> T commit(Function<Handle, T> work) {
        return withConnection(open -> commit(open, work));
    }

    /**
     * Executes a statement that commits by itself. Waits as long as {@link #commit} does.
     *
     * @param statement returns whether it has committed; if not, nothing was written
     * @throws BackendException if the statement was not committed, or its outcome is unknown
     */
    boolean commitSingleStatement(Predicate<Handle> statement) {
        return withConnection(open -> commitSingleStatement(open, statement));
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
     * Closes the connection. Waits up to 10 s for another thread's transaction; an interrupt does not end the wait. When
     * the last connection of a file closes, SQLite moves the log into the file.
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
            throw failures.failure("close", e);
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

    /** Returns the connection that the next transaction uses, or null if it has to open one. */
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
            BackendException failure = committing ? failures.commitFailure(open, e) : failures.failure("commit", e);
            if (rolledBack && failures.isUsableAfter(failure)) {
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

    private boolean commitSingleStatement(Handle open, Predicate<Handle> statement) {
        unfinished = true;
        try {
            boolean committed = statement.test(open);
            unfinished = false;
            return committed;
        } catch (RuntimeException e) {
            BackendException failure = failures.commitFailure(open, e);
            if (failures.isUsableAfter(failure)) {
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

    /** Closes the connection. It counts as unfinished until that is done: what is left of it may hold SQLite's lock. */
    private void discard(Handle open, Throwable failure) {
        Connections.close(open, failure);
        handle = null;
        unfinished = false;
    }

    private void discardUnfinished() {
        Handle left = handle;
        if (left != null) {
            rollBack(left);
            Connections.closeQuietly(left);
            handle = null;
        }
        unfinished = false;
    }

    private WriterLock.Hold acquire() {
        try {
            WriterLock.Hold hold = lock.acquire(LOCK_TIMEOUT.toNanos());
            if (hold == null) {
                throw BackendException.transientFailure(
                        failures.message(
                                "commit", "another thread has been writing for " + LOCK_TIMEOUT.toSeconds() + " s"),
                        null);
            }
            return hold;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw BackendException.transientFailure(
                    failures.message("commit", "interrupted while waiting for another thread's transaction"), e);
        }
    }
}
