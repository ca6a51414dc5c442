package dev.keystore.jdbc;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import java.sql.SQLException;
import java.util.function.Supplier;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;

/**
 * Translates the exceptions of a database's driver into those of the backend: whether anything was written, whether a
 * retry may succeed, and what to do.
 */
abstract class SqlFailures {

    private final String place;

    /**
     * Creates a translation.
     *
     * @param place where the store is, for messages; without credentials
     */
    SqlFailures(String place) {
        this.place = place;
    }

    /** Runs an operation that writes nothing unless it returns, and translates what the driver throws. */
    final <T> T translate(String operation, Supplier<T> call) {
        try {
            return call.get();
        } catch (JdbiException e) {
            throw failure(operation, e);
        }
    }

    /**
     * Runs an operation that may wait.
     *
     * @throws OperationInterruptedException in place of a transient failure, if the thread is interrupted
     */
    final <T> T interruptible(String operation, Supplier<T> call) {
        try {
            return call.get();
        } catch (BackendException e) {
            if (e.kind() == Kind.TRANSIENT && Thread.currentThread().isInterrupted()) {
                OperationInterruptedException interrupted =
                        new OperationInterruptedException(place + " to " + operation);
                interrupted.addSuppressed(e);
                throw interrupted;
            }
            throw e;
        }
    }

    /** Translates a failure before COMMIT: nothing was written. */
    final BackendException failure(String operation, RuntimeException thrown) {
        if (thrown instanceof BackendException known) {
            return known;
        }
        SQLException cause = sqlException(thrown);
        if (cause == null) {
            return BackendException.permanent(message(operation, thrown), thrown);
        }
        String message = message(operation, cause) + advice(cause);
        return isTransient(cause) || isInterruptedLogin(cause)
                ? BackendException.transientFailure(message, cause)
                : BackendException.permanent(message, cause);
    }

    /** PostgreSQL's driver reports an interrupted login as an unexpected error (SQLSTATE 99999). */
    private static boolean isInterruptedLogin(SQLException cause) {
        return "99999".equals(cause.getSQLState()) && Thread.currentThread().isInterrupted();
    }

    /** Returns whether a retry may succeed after a failure to open a connection. */
    final boolean isTransient(JdbiException thrown) {
        SQLException cause = sqlException(thrown);
        return cause != null && isTransient(cause);
    }

    /**
     * Translates a failure of COMMIT, or of a statement that commits by itself. Called after the rollback, while the
     * connection is still open; the implementation may use it to make sure that nothing was written.
     */
    abstract BackendException commitFailure(Handle handle, RuntimeException thrown);

    /** Returns whether a retry may succeed after a failure. */
    abstract boolean isTransient(SQLException cause);

    /** Returns whether the writer connection can still be used after a failure on it; otherwise it is closed. */
    boolean isUsableAfter(BackendException failure) {
        return failure.kind() == Kind.TRANSIENT;
    }

    /** Returns whether a context that could not be taken over because of a failure can still be read. */
    boolean leavesReading(BackendException failure) {
        return false;
    }

    /** Returns what to do about a failure, as the end of its message. */
    abstract String advice(SQLException cause);

    /** Returns the reason that a driver's exception gives, or the name of its class if it gives none. */
    String reason(Throwable failure) {
        String message = failure.getMessage();
        return message == null ? failure.getClass().getName() : message;
    }

    final String message(String operation, Throwable cause) {
        return place + ": could not " + operation + ": " + reason(cause);
    }

    /** Returns the driver's exception beneath one of Jdbi's, whose own message may hold bound values. */
    static @Nullable SQLException sqlException(@Nullable Throwable thrown) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof SQLException found) {
                return found;
            }
        }
        return null;
    }
}
