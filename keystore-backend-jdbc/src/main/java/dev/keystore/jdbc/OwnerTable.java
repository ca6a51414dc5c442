package dev.keystore.jdbc;

import dev.keystore.ContextOwnedException;
import dev.keystore.ContextPosition;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextOwner;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jdbi.v3.core.Handle;

/**
 * The table of owners: one row per context, with its owner, and the ids of its last commit and of the last commit
 * before the takeover. It is read and changed in the transactions that write entries (R53, R54).
 *
 * <p>A context never gets an epoch twice, so its former owners stay fenced. When the owner of a context that holds
 * nothing is closed, it deletes the row (R55). The row of the empty name, which no context has, keeps the highest epoch
 * of the deleted rows, and every new row begins above it. A context that was never taken over has no row, and its
 * batches carry the epoch 0.
 *
 * <p>Concurrency, on PostgreSQL: a takeover shares the lock of that row until it has committed, and reads the newest
 * version of it. Rows are deleted after it was raised to their epochs, and raising it waits for those takeovers. So no
 * new row begins at or below the epoch of a row that is being deleted. Commits lock only the rows of their contexts.
 */
final class OwnerTable {

    private static final long NO_OWNER = 0;

    /** The name in the row that keeps the highest epoch of deleted rows. */
    private static final String DELETED = "";

    /** Whether an owner's row is one of a backend, and its context holds no entry. */
    private static final String IS_EMPTY =
            "holder = :holder AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.context = owner.context)";

    /** The owner ids of the open backends of this process. */
    private static final Set<Long> OPEN_HERE = ConcurrentHashMap.newKeySet();

    private final Dialect dialect;

    OwnerTable(Dialect dialect) {
        this.dialect = dialect;
    }

    /** Records that this process has the backend open, for the message to a second opener in the same process. */
    void register() {
        OPEN_HERE.add(dialect.ownerId);
    }

    void unregister() {
        OPEN_HERE.remove(dialect.ownerId);
    }

    /**
     * Checks the epochs of a group, and records the id of each context's last batch, unless the group was written
     * before (R54).
     *
     * @return whether the group has to be written; false if it was written before
     * @throws OwnershipLostException if the epoch of a batch is not that of its context; the caller rolls back
     */
    boolean recordIfNew(Handle handle, List<Batch> group) {
        Map<String, Batch> owned = new LinkedHashMap<>();
        for (Batch batch : group) {
            if (batch.epoch() == 0) {
                requireNoOwner(handle, batch);
            } else {
                Batch former = owned.put(batch.context(), batch);
                if (former != null && former.epoch() != batch.epoch()) {
                    throw ownershipLost(batch);
                }
            }
        }
        return owned.isEmpty() || recordLastCommits(handle, owned);
    }

    private boolean recordLastCommits(Handle handle, Map<String, Batch> lastOfContexts) {
        List<Batch> refused = dialect.recordIds(handle, List.copyOf(lastOfContexts.values()));
        if (refused.isEmpty()) {
            return true;
        }
        for (Batch batch : refused) {
            if (wasWritten(handle, batch)) {
                return false;
            }
        }
        throw ownershipLost(refused.get(0));
    }

    private boolean wasWritten(Handle handle, Batch batch) {
        return lastCommit(handle, batch.context(), batch.epoch()).equals(OptionalLong.of(batch.sequence()));
    }

    /** Returns the sequence of an epoch's last commit, 0 if the epoch had none; empty if that is no longer recorded. */
    OptionalLong lastCommit(Handle handle, String context, long epoch) {
        return handle.createQuery("""
                        SELECT CASE WHEN commit_epoch < :epoch THEN 0
                            WHEN commit_epoch = :epoch THEN commit_sequence
                            WHEN former_epoch < :epoch THEN 0
                            WHEN former_epoch = :epoch THEN former_sequence END
                        FROM owner WHERE context = :context
                        """)
                .bind("epoch", epoch)
                .bind("context", dialect.stored(context))
                .mapTo(Long.class)
                .findOne()
                .map(OptionalLong::of)
                .orElseGet(OptionalLong::empty);
    }

    /** Returns the id of the last commit of a context, which no takeover changes; empty if there is none (R81). */
    Optional<ContextPosition> position(Handle handle, String context) {
        return handle.createQuery("""
                        SELECT commit_epoch, commit_sequence FROM owner WHERE context = ? AND commit_sequence > 0
                        """)
                .bind(0, dialect.stored(context))
                .map((row, columns) -> new ContextPosition(row.getLong(1), row.getLong(2)))
                .findOne();
    }

    /** Returns what no position of a deleted row is above; empty if there is none (R81). */
    static Optional<ContextPosition> highestForgotten(Handle handle) {
        long epoch = highestDeletedEpoch(handle);
        return epoch == 0 ? Optional.empty() : Optional.of(new ContextPosition(epoch, Long.MAX_VALUE));
    }

    private void requireNoOwner(Handle handle, Batch batch) {
        boolean owned = handle.createQuery("SELECT epoch FROM owner WHERE context = ?")
                .bind(0, dialect.stored(batch.context()))
                .mapTo(long.class)
                .findOne()
                .isPresent();
        if (owned) {
            throw ownershipLost(batch);
        }
    }

    private static OwnershipLostException ownershipLost(Batch batch) {
        return new OwnershipLostException(batch.context(), batch.epoch());
    }

    /**
     * Returns the epoch of a context and the id of its last commit; if it has no row, the epoch that a new row begins
     * above. The result is another one after each takeover, even if the row was deleted in the meantime.
     */
    List<Long> row(Handle handle, String context) {
        return handle.createQuery("SELECT epoch, commit_epoch, commit_sequence FROM owner WHERE context = ?")
                .bind(0, dialect.stored(context))
                .map((row, columns) -> List.of(row.getLong(1), row.getLong(2), row.getLong(3)))
                .findOne()
                .orElseGet(() -> List.of(highestDeletedEpoch(handle)));
    }

    private static long highestDeletedEpoch(Handle handle) {
        return handle.createQuery("SELECT epoch FROM owner WHERE context = ?")
                .bind(0, DELETED)
                .mapTo(Long.class)
                .findOne()
                .orElse(0L);
    }

    /**
     * Takes over contexts for this backend. The handle is that of the connection that writes.
     *
     * @return the new epochs, in the order of the contexts
     */
    Map<String, Long> takeOver(Handle handle, Collection<String> contexts) {
        Map<String, Long> epochs = new LinkedHashMap<>();
        String sql = insertOr("""
                epoch = owner.epoch + 1,
                former_epoch = owner.commit_epoch, former_sequence = owner.commit_sequence,
                holder = excluded.holder, host = excluded.host, process = excluded.process,
                since = excluded.since
                RETURNING epoch
                """);
        contexts.forEach(context ->
                epochs.put(context, insert(handle, () -> takeOver(handle, sql, dialect.stored(context)))));
        return epochs;
    }

    private Optional<Long> takeOver(Handle handle, String sql, String stored) {
        return StatementCache.read(handle, sql, insertion -> {
            insertion.setString(1, stored);
            insertion.setInt(2, 1);
            insertion.setLong(3, dialect.ownerId);
            insertion.setString(4, Host.NAME);
            insertion.setString(5, Long.toString(ProcessHandle.current().pid()));
            insertion.setString(6, Instant.now().toString());
            try (ResultSet row = insertion.executeQuery()) {
                return row.next() ? Optional.of(row.getLong(1)) : Optional.empty();
            }
        });
    }

    /**
     * Takes over the contexts of all other owners. The row {@link #DELETED} is raised first: no takeover can run
     * meanwhile on PostgreSQL, since it would share the lock of that row; and contexts that were opened while nothing
     * could be written, and have no row yet, count as changed.
     *
     * @return how many there were
     * @throws ContextOwnedException if one of these owners is alive; the caller rolls back
     */
    int takeOverAllUnlessOwned(Handle handle) {
        insertDeleted(handle);
        handle.createUpdate("UPDATE owner SET epoch = epoch + 1 WHERE context = ?")
                .bind(0, DELETED)
                .execute();
        handle.createQuery("""
                        SELECT holder, host, process, since, min(context) AS context
                        FROM owner WHERE holder NOT IN (:none, :holder) GROUP BY holder, host, process, since
                        """)
                .bind("none", NO_OWNER)
                .bind("holder", dialect.ownerId)
                .map((row, columns) -> Map.entry(row.getString(5), owner(row)))
                .list()
                .forEach(found -> requireNotAlive(
                        handle, dialect.context(handle, found.getKey()).orElse(found.getKey()), found.getValue()));
        return handle.createUpdate("""
                        UPDATE owner SET epoch = epoch + 1,
                        former_epoch = commit_epoch, former_sequence = commit_sequence,
                        holder = :holder, host = :host, process = :process, since = :since
                        WHERE holder NOT IN (:none, :holder)
                        """)
                .bind("none", NO_OWNER)
                .bind("holder", dialect.ownerId)
                .bind("host", Host.NAME)
                .bind("process", Long.toString(ProcessHandle.current().pid()))
                .bind("since", Instant.now().toString())
                .execute();
    }

    /**
     * Executes a statement that {@link #insertOr} returned, and creates the row {@link #DELETED} before if it is
     * missing.
     */
    private static <T> T insert(Handle handle, Supplier<Optional<T>> insertion) {
        return insertion
                .get()
                .or(() -> {
                    insertDeleted(handle);
                    return insertion.get();
                })
                .orElseThrow();
    }

    /** Creates the row {@link #DELETED} if it is missing. */
    private static void insertDeleted(Handle handle) {
        handle.createUpdate("""
                INSERT INTO owner (context, epoch, holder, host, process, since)
                VALUES (?, 0, 0, '', '', '')
                ON CONFLICT DO NOTHING
                """).bind(0, DELETED).execute();
    }

    /**
     * Returns a statement that inserts a row for a new context, and changes that of a known one. It does nothing if
     * there is no row {@link #DELETED}.
     */
    private String insertOr(String change) {
        // The row of a new context says that nothing is known of the commits of earlier epochs.
        return """
                WITH deleted AS (SELECT epoch FROM owner WHERE context = '' %s)
                INSERT INTO owner (context, epoch, commit_epoch, former_epoch, holder, host, process, since)
                SELECT ?, epoch + ?, epoch + 1, epoch + 1, ?, ?, ?, ?
                FROM deleted WHERE TRUE
                ON CONFLICT (context) DO UPDATE SET
                """.formatted(dialect.sharedLock()) + change;
    }

    /** Makes the rows of all contexts have an epoch of at least {@code floor}, and returns how many were changed. */
    int raiseEpochs(Handle handle, long floor) {
        return handle.createUpdate("""
                        INSERT INTO owner (context, epoch, holder, host, process, since)
                        VALUES (:deleted, :floor, 0, '', '', '')
                        ON CONFLICT (context) DO NOTHING
                        """)
                        .bind("deleted", DELETED)
                        .bind("floor", floor)
                        .execute()
                + handle.createUpdate("UPDATE owner SET epoch = :floor WHERE epoch < :floor")
                        .bind("floor", floor)
                        .execute();
    }

    /** Returns whether this backend owns a context that holds no entry. */
    boolean ownsEmptyContexts(Handle handle) {
        return handle.createQuery("SELECT EXISTS (SELECT 1 FROM owner WHERE " + IS_EMPTY + ")")
                .bind("holder", dialect.ownerId)
                .mapTo(boolean.class)
                .one();
    }

    /** Deletes the rows of the contexts that this backend owns and that hold no entry, and returns their number. */
    int deleteEmptyContexts(Handle handle) {
        long highest = handle.createQuery("SELECT coalesce(max(epoch), 0) FROM owner WHERE holder = ?")
                .bind(0, dialect.ownerId)
                .mapTo(long.class)
                .one();
        // A condition, and not the maximum of both: it is checked on the row's newest version, after a wait for it.
        handle.createUpdate("UPDATE owner SET epoch = :highest WHERE context = '' AND epoch < :highest")
                .bind("highest", highest)
                .execute();
        return handle.createUpdate("DELETE FROM owner WHERE " + IS_EMPTY)
                .bind("holder", dialect.ownerId)
                .execute();
    }

    /**
     * Checks that no other owner of a context is alive, and keeps others from taking it over until the transaction
     * ends.
     *
     * @throws ContextOwnedException if another owner is alive; the caller rolls back
     */
    void requireNoLiveOwner(Handle handle, String context) {
        Row owner = lock(handle, context);
        if (owner.ownerId != dialect.ownerId && owner.ownerId != NO_OWNER) {
            requireNotAlive(handle, context, owner);
        }
    }

    private void requireNotAlive(Handle handle, String context, Row owner) {
        if (dialect.isAlive(handle, owner.ownerId)) {
            throw new ContextOwnedException(
                    context, owner.host, owner.process, Instant.parse(owner.since), OPEN_HERE.contains(owner.ownerId));
        }
    }

    /** Returns the last owner of a context; whether it is alive is determined after its row was read. */
    Optional<ContextOwner> owner(Handle handle, String context) {
        Optional<Map.Entry<Row, Long>> found = StatementCache.read(
                handle, "SELECT holder, host, process, since, epoch FROM owner WHERE context = ?", statement -> {
                    statement.setString(1, dialect.stored(context));
                    try (ResultSet row = statement.executeQuery()) {
                        return row.next() ? Optional.of(Map.entry(owner(row), row.getLong(5))) : Optional.empty();
                    }
                });
        return found.filter(row -> row.getKey().ownerId != NO_OWNER)
                .map(row -> described(handle, row.getKey(), row.getValue()));
    }

    private ContextOwner described(Handle handle, Row row, long epoch) {
        return new ContextOwner(
                row.host, row.process, Instant.parse(row.since), dialect.isAlive(handle, row.ownerId), epoch);
    }

    private record Row(long ownerId, String host, String process, String since) {}

    private static Row owner(ResultSet row) throws SQLException {
        return new Row(row.getLong("holder"), row.getString("host"), row.getString("process"), row.getString("since"));
    }

    /**
     * Locks the row of a context, and inserts it first if there is none, so that concurrent callers lock the same row.
     */
    private Row lock(Handle handle, String context) {
        String sql = insertOr("""
                epoch = owner.epoch
                RETURNING holder, host, process, since
                """);
        return insert(
                handle,
                () -> handle.createQuery(sql)
                        .bind(0, dialect.stored(context))
                        .bind(1, 0)
                        .bind(2, NO_OWNER)
                        .bind(3, "")
                        .bind(4, "")
                        .bind(5, "")
                        .map((row, columns) -> owner(row))
                        .findOne());
    }

    /** Looked up once, since that may query a name server. */
    private static final class Host {

        static final String NAME = name();

        private static String name() {
            try {
                return InetAddress.getLocalHost().getHostName();
            } catch (UnknownHostException e) {
                return "unknown";
            }
        }
    }
}
