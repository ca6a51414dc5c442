package dev.keystore.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.statement.StatementExceptions;
import org.jdbi.v3.core.statement.StatementExceptions.MessageRendering;
import org.jspecify.annotations.Nullable;

/**
 * What an engine has of its own: how its connections are opened, the statements in which it differs, and what its errors
 * mean.
 */
abstract sealed class Dialect permits SqliteDialect, PostgresDialect {

    /** What this process's takeovers are marked with, and what {@link #lives} is asked about by others. */
    final long holder = ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE);

    /** Opens the connection that writes, and creates the tables where there are none yet. */
    abstract Handle createAndOpenWriter();

    /** Opens the connection that writes once more, on what must still be the store. */
    abstract Handle reopenWriter();

    /** Makes the pool of connections that read; none is opened before it is needed. */
    abstract HikariDataSource openReaders();

    /** Begins what goes on alongside an open store; called once, when it is open and not damaged. */
    void opened() {}

    /**
     * Ends what {@link #opened} began, and closes what else is open; called after the connections of the store are
     * closed, and when opening it failed.
     *
     * @throws BackendException (permanent) after everything is closed, if what was committed can't be found again
     */
    void closed() {}

    abstract void begin(Handle handle);

    /**
     * Commits durably.
     *
     * @throws BackendException if this process knows that what it commits, or has committed, can't be found again
     */
    abstract void commit(Handle handle);

    abstract void rollBack(Handle handle);

    /**
     * Returns the one statement that commits a group by itself, outside of a transaction, where the engine has one: it
     * checks the epochs, notes the ids of the commits and writes the rows, all of it or nothing. It returns whether the
     * group is committed; if not, a transaction finds out why.
     */
    Optional<Predicate<Handle>> atOnce(List<Batch> group) {
        return Optional.empty();
    }

    /** Saves entries, over those that may be there. */
    abstract void upsert(Handle handle, Map<RowKey, byte[]> entries);

    abstract void delete(Handle handle, Set<RowKey> entries);

    /**
     * Makes the ids of batches, of a context each, those of their contexts' last commits, where these have the batch's
     * epoch and a lower sequence.
     *
     * @return the batches of the contexts that stay as they are
     */
    abstract List<Batch> advance(Handle handle, List<Batch> batches);

    /** Begins to live, as others see it, until {@link #endLife} or the end of the process. */
    abstract void beginLife();

    abstract void endLife();

    /** Returns whether the process lives that has marked its takeovers with {@code other}. */
    abstract boolean lives(Handle handle, long other);

    /** Returns a context or an id as it stands in the table. Rows are in the order of its code points. */
    String stored(String name) {
        return name;
    }

    /** Returns the beginning that the stored forms of all ids have in common that begin with {@code idPrefix}. */
    String storedPrefix(String idPrefix) {
        return idPrefix;
    }

    /** Returns the SQL of what tells the id of a row. */
    String idColumn() {
        return "id";
    }

    /** Returns the id of a row, from what {@link #idColumn} selected. */
    String id(String selected) {
        return selected;
    }

    /** Says what a failure means that came before COMMIT: nothing was written. */
    final BackendException failure(String doing, RuntimeException thrown) {
        SQLException cause = sqlException(thrown);
        if (cause == null) {
            return BackendException.permanent(message(doing, thrown), thrown);
        }
        String message = message(doing, cause) + advice(cause);
        return isPassing(cause) || isInterruptedLogin(cause)
                ? BackendException.transientFailure(message, cause)
                : BackendException.permanent(message, cause);
    }

    /** PostgreSQL's driver reports an interrupted login as an unexpected error of its code (SQLSTATE 99999). */
    private static boolean isInterruptedLogin(SQLException cause) {
        return "99999".equals(cause.getSQLState()) && Thread.currentThread().isInterrupted();
    }

    final String message(String doing, Throwable cause) {
        return place() + ": could not " + doing + ": " + reason(cause);
    }

    /** Returns what an exception of the driver or of the pool says went wrong. */
    @Nullable
    String reason(Throwable failure) {
        return failure.getMessage();
    }

    /** Returns where the store is, for messages; without credentials. */
    abstract String place();

    /** Returns whether another try may succeed after a failure. */
    abstract boolean isPassing(SQLException cause);

    /** Returns whether the connection that writes can be used after a failure in it; if not, it is closed. */
    boolean isUsableAfter(BackendException failure) {
        return failure.kind() == Kind.TRANSIENT;
    }

    /** Returns what to do about a failure, as the end of its message. */
    abstract String advice(SQLException cause);

    /**
     * Says what a failure of COMMIT, or of a statement that commits by itself, means, and makes it true: called with the
     * connection rolled back, before it closes.
     */
    abstract BackendException commitFailure(Handle handle, RuntimeException thrown);

    /** Returns what is wrong with the tables as a whole, so that a query may not find what is there; or null. */
    abstract @Nullable String damage(Handle handle);

    /** Returns what keeps the store from being written, and what to do, if it was opened for reading only; or null. */
    @Nullable
    String unwritable() {
        return null;
    }

    /** Called after each read; fails if the store was opened for reading only, and what was read may make no sense. */
    void requireUnchanged() {}

    /** Returns whether a context that could not be taken over because of a failure can be read all the same. */
    boolean leavesReading(BackendException failure) {
        return false;
    }

    /** Sets what every Jdbi here has in common. */
    static Jdbi configured(Jdbi jdbi) {
        jdbi.configure(StatementExceptions.class, it -> it.setMessageRendering(MessageRendering.NONE));
        return jdbi;
    }

    /** Returns the driver's or the pool's own exception beneath one of Jdbi's, whose message may hold what was bound. */
    static @Nullable SQLException sqlException(@Nullable Throwable thrown) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof SQLException found) {
                return found;
            }
        }
        return null;
    }

    /** Closes a connection that failed, and keeps to itself that closing failed as well. */
    static void close(Handle handle, Throwable failure) {
        try {
            handle.close();
        } catch (JdbiException e) {
            failure.addSuppressed(e);
        }
    }
}
