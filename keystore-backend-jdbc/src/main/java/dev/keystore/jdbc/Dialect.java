package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/**
 * The part of the backend that is specific to a database: how connections are opened, some statements, and how owners
 * are known to be alive.
 */
abstract class Dialect {

    /** Selects the value of one entry. */
    static final String FIND = "SELECT value FROM entry WHERE context = ? AND type = ? AND id = ?";

    /** Identifies this backend in the column {@code holder} of its takeovers; others pass it to {@link #isAlive}. */
    final long ownerId = ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE);

    private final SqlFailures failures;

    Dialect(SqlFailures failures) {
        this.failures = failures;
    }

    /** Returns the translation of the driver's exceptions. */
    final SqlFailures failures() {
        return failures;
    }

    /** Returns where the store is, for messages; without credentials. */
    abstract String place();

    /** Opens the writer connection, and creates the tables if there are none yet. */
    abstract Handle createAndOpenWriter();

    /** Opens the writer connection again; what it finds must still be the store. */
    abstract Handle reopenWriter();

    /** Creates the pool of connections that read, without opening any. */
    abstract ReaderPool openReaders();

    /**
     * Starts what runs in the background of an open store. Called once, when the store is open and not damaged.
     *
     * @param rollBackUnfinished rolls back a transaction of the writer that an error has left open
     */
    void startBackgroundTasks(Runnable rollBackUnfinished) {}

    /**
     * Stops what {@link #startBackgroundTasks} started, and closes what else is open. Called after the connections of
     * the store were closed, and when opening it failed.
     *
     * @throws BackendException (permanent) after everything was closed, if committed data can't be found again
     */
    void close() {}

    abstract void begin(Handle handle);

    /**
     * Commits durably.
     *
     * @throws BackendException if this process knows that the commit, or an earlier one, can't be found again
     */
    abstract void commit(Handle handle);

    abstract void rollBack(Handle handle);

    /** Begins a transaction on a reader connection, whose queries read as of one point in time. */
    abstract void beginSnapshot(Handle handle);

    /** Ends such a transaction. */
    abstract void endSnapshot(Handle handle);

    /**
     * Returns the single statement that commits a group outside of a transaction, if the database has one: it checks
     * the epochs, records the ids of the commits and writes the rows, all or nothing. The statement returns whether the
     * group is committed; if it is not, a transaction finds out why.
     */
    Optional<Predicate<Handle>> singleStatement(List<Batch> group) {
        return Optional.empty();
    }

    /** Writes entries, replacing existing ones. */
    abstract void upsert(Handle handle, Map<RowKey, byte[]> entries);

    abstract void delete(Handle handle, Set<RowKey> entries);

    /**
     * Records the ids of batches, one for each context, as those of their contexts' last commits, where the row of the
     * owner has the batch's epoch and a lower sequence.
     *
     * @return the batches whose rows were not changed
     */
    abstract List<Batch> recordIds(Handle handle, List<Batch> batches);

    /** Returns the value of an entry, if it exists. */
    final Optional<byte[]> find(Handle handle, String context, String type, String id) {
        return StatementCache.read(handle, FIND, statement -> value(statement, stored(context), type, stored(id)));
    }

    /** Finds the value of an entry with {@link #FIND}; its context and id are in their stored forms. */
    static Optional<byte[]> value(PreparedStatement statement, String context, String type, String id)
            throws SQLException {
        statement.setString(1, context);
        statement.setString(2, type);
        statement.setString(3, id);
        try (ResultSet row = statement.executeQuery()) {
            return row.next() ? Optional.of(value(row, 1)) : Optional.empty();
        }
    }

    /**
     * Returns the value in a row. A value is NULL only if it is damaged; it is returned as an empty array, so that it
     * does not count as absent.
     */
    static byte[] value(ResultSet row, int column) throws SQLException {
        byte[] value = row.getBytes(column);
        return value == null ? new byte[0] : value;
    }

    /** Returns the values of the entries that exist, all read as of one point in time. */
    abstract Map<String, byte[]> findAll(Handle handle, String context, String type, List<String> ids);

    /** Shows other processes that this owner is alive, until {@link #releaseLiveness} or the end of the process. */
    abstract void acquireLiveness();

    abstract void releaseLiveness();

    /** Returns whether the owner that marked its takeovers with {@code otherOwnerId} is alive. */
    abstract boolean isAlive(Handle handle, long otherOwnerId);

    /**
     * Returns the clause with which a query shares the locks of the rows that it selects, until the transaction ends.
     */
    String sharedLock() {
        return "";
    }

    /** Limits how long the last statements before a close wait for a server that does not answer. */
    void limitWaits(Handle handle) {}

    /** Returns the stored form of a context or an id. Rows are ordered by the code points of the stored forms. */
    String stored(String name) {
        return name;
    }

    /** Returns the common beginning of the stored forms of all ids that begin with {@code idPrefix}. */
    String storedPrefix(String idPrefix) {
        return idPrefix;
    }

    /** Returns the SQL expression from which {@link #id} restores the id of a row. */
    String idColumn() {
        return "id";
    }

    /** Returns the id of a row, from what {@link #idColumn} selected. */
    String id(String selected) {
        return selected;
    }

    /** Returns the context with a stored form, or empty if it can't be restored and no longer has an entry. */
    Optional<String> context(Handle handle, String stored) {
        return Optional.of(stored);
    }

    /** Returns what is wrong with the tables as a whole, so that a query may miss existing rows; or null. */
    @Nullable
    String findDamage(Handle handle) {
        return null;
    }

    /** Returns why the store was opened for reading only, and what to do; or null if it can be written. */
    @Nullable
    String readOnlyReason() {
        return null;
    }

    /** Called after each read. Fails if the store was opened for reading only and has changed since. */
    void requireReadOnlyFileUnchanged() {}
}
