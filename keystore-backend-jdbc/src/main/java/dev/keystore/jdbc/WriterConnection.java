package dev.keystore.jdbc;

import dev.keystore.ContextOwnedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.TimedLock;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;

/**
 * The one connection that writes. One thread at a time holds it, for one transaction or for one statement that commits
 * by itself.
 *
 * <p>Recovery: after a failure that makes the connection unusable, or a failed rollback, the connection is closed,
 * which rolls back its transaction, and the next transaction opens a new one. If an error ends a thread inside a
 * transaction, and another error occurs while the first is handled, {@link #unfinished} stays set, and the next thread
 * closes the connection (R31). On SQLite, {@link #rollBackUnfinished} closes it if no thread comes.
 */
final class WriterConnection {

    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(10);

    private final Dialect dialect;
    private final SqlFailures failures;
    private final TimedLock lock;
    private final TimedLock.Work<Boolean, RuntimeException> closing = this::closeConnection;

    /** Guarded by {@link #lock}. */
    private @Nullable Handle handle;

    /** Whether the connection is in a transaction, or was left in one by an error. Guarded by {@link #lock}. */
    private boolean unfinished;

    WriterConnection(Dialect dialect, Handle handle) {
        this.dialect = dialect;
        this.failures = dialect.failures();
        this.lock = new TimedLock(dialect.place(), "another thread's transaction", LOCK_TIMEOUT);
        this.handle = handle;
    }

    /**
     * Runs work in one transaction, and commits it durably.
     *
     * <p>Waits up to 10 s for another thread's transaction, and then as long as the dialect waits for a lock.
     *
     * @param operation what the work does, for messages, for example "commit"
     * @return what the work returned
     * @throws BackendException if the transaction was not committed, or its outcome is unknown
     */
    <T> T inTransaction(String operation, Function<Handle, T> work) {
        return withConnection(operation, open -> runAndCommit(operation, open, work));
    }

    /**
     * Executes a statement that commits by itself, or a query. Waits as long as {@link #inTransaction} does.
     *
     * @param operation what the statement does, for messages, for example "commit"
     * @param statement returns whether it has committed, or what the query found; if false, nothing was written
     * @return what the statement returned
     * @throws BackendException if the statement was not committed, or its outcome is unknown
     */
    boolean runAutoCommitted(String operation, Predicate<Handle> statement) {
        return withConnection(operation, open -> execute(open, statement));
    }

    /**
     * Runs work on other connections while no thread uses this one. Waits up to 10 s for another thread's transaction.
     *
     * @param operation for messages, for example "compact"
     * @return what the work returned
     * @throws BackendException (transient) if the wait took too long or was interrupted; the work did not run
     */
    <T> T whileUnused(String operation, Supplier<T> work) {
        return lock.<T, RuntimeException>hold(operation, () -> {
            if (unfinished) {
                discardUnfinished();
            }
            return work.get();
        });
    }

    private <T> T withConnection(String operation, Function<Handle, T> work) {
        return lock.<T, RuntimeException>hold(operation, () -> {
            if (unfinished) {
                discardUnfinished();
            }
            Handle open = handle;
            if (open == null) {
                open = dialect.reopenWriter();
                handle = open;
            }
            return work.apply(open);
        });
    }

    /**
     * Rolls back a transaction that an error has left open, and closes the connection, unless another thread uses it.
     * Called by a background thread, so that other processes can write although this process commits nothing more.
     */
    void rollBackUnfinished() {
        boolean ignored = lock.holdIfFree(() -> {
            if (unfinished) {
                discardUnfinished();
            }
            return true;
        });
    }

    /**
     * Closes the connection. Waits up to 10 s for another thread's transaction; an interrupt does not end the wait.
     * When the last connection of a file closes, SQLite moves the log into the file.
     */
    void close() {
        lock.holdUninterruptibly("close", closing);
    }

    /** Returns whether a connection was open. */
    private boolean closeConnection() {
        if (unfinished) {
            discardUnfinished();
        }
        Handle open = handle;
        if (open != null) {
            try {
                open.close();
            } catch (JdbiException e) {
                throw failures.failure("close", e);
            }
            handle = null;
        }
        return open != null;
    }

    /** Returns the connection that the next transaction uses, or null if it has to open one. */
    @Nullable
    Handle handle() {
        return handle;
    }

    private <T> T runAndCommit(String operation, Handle open, Function<Handle, T> work) {
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
            BackendException failure = committing ? failures.commitFailure(open, e) : failures.failure(operation, e);
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

    private boolean execute(Handle open, Predicate<Handle> statement) {
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
}
