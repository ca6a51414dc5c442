package dev.keystore.jdbc;

import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jdbi.v3.core.ConnectionException;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * The dialect of PostgreSQL: connections, and statements for many rows.
 *
 * <p>Durability: see {@link PostgresSession}. There is no {@code statement_timeout}: it would end a commit's wait for a
 * synchronous standby, and the server would then report success.
 *
 * <p>Waits: a commit waits 2 s for a lock; a read waits 5 s for a lock and 5 s for a connection. If the next statement
 * of a transaction does not come within 10 s, the server ends the transaction, which releases the locks of a process
 * that was stopped. The five attempts of another process's commit take longer than that.
 */
final class PostgresDialect extends Dialect {

    private static final Duration READER_TIMEOUT = Duration.ofSeconds(5);

    private static final int CLOSE_WAIT_MILLIS = 5_000;

    private static final Duration READER_MAX_AGE = Duration.ofMinutes(30);

    /**
     * The isolation level is set because a server or role may have SERIALIZABLE as its default, at which even a read
     * may fail (SQLSTATE 40001). Each read is one statement, for which READ COMMITTED is a snapshot. A standby is
     * refused, since it may lag behind the commits.
     */
    private static final String READER_SETTINGS = """
            SET lock_timeout = '5s';
            SET default_transaction_isolation = 'read committed';
            DO $$ BEGIN
                IF pg_is_in_recovery() THEN RAISE 'the server is a standby' USING ERRCODE = '25006'; END IF;
            END $$
            """;

    private static final String FIND_ALL = """
            SELECT coalesce(long_id, id), value FROM entry WHERE context = ? AND type = ? AND id = ANY (?)
            """;

    private static final String RECORD_IDS = """
            UPDATE owner SET commit_epoch = batch.epoch, commit_sequence = batch.sequence
            FROM unnest(?, ?, ?) WITH ORDINALITY AS batch (context, epoch, sequence, position)
            WHERE owner.context = batch.context AND owner.epoch = batch.epoch
                AND (owner.commit_epoch, owner.commit_sequence) < (batch.epoch, batch.sequence)
            RETURNING batch.position
            """;

    private static final String UPSERT = """
            INSERT INTO entry (context, type, id, long_id, value) SELECT * FROM unnest(?, ?, ?, ?, ?)
            ON CONFLICT (context, type, id) DO UPDATE SET value = excluded.value
            """;

    private static final String DELETE = """
            DELETE FROM entry USING unnest(?, ?, ?) AS gone (context, type, id)
            WHERE entry.context = gone.context AND entry.type = gone.type AND entry.id = gone.id
            """;

    /** Division by zero (postgresql.org/docs/current/errcodes-appendix.html). */
    private static final String NOT_ALL_RECORDED = "22012";

    /** The parts of a commit that are not in all of them. */
    private static final int PUTS = 1;

    private static final int DELETES = 2;

    /** The statement that commits a group, by its parts. */
    private static final List<String> COMMITS = IntStream.rangeClosed(0, PUTS + DELETES)
            .mapToObj(PostgresDialect::commitOf)
            .toList();

    private static final BiFunction<PostgresSession, Consumer<Handle>, Handle> REOPEN = PostgresSession::reopen;
    private static final BiConsumer<String, Handle> VERIFY = PostgresFormat::verify;

    private final PostgresUrl url;
    private final boolean mustExist;

    PostgresDialect(PostgresUrl url, boolean mustExist) {
        super(new PostgresFailures(url.place()));
        this.url = url;
        this.mustExist = mustExist;
    }

    @Override
    String place() {
        return url.place();
    }

    @Override
    Handle createAndOpenWriter() {
        return openWriter(PostgresSession::openFirst, mustExist ? PostgresFormat::find : PostgresFormat::install);
    }

    @Override
    Handle reopenWriter() {
        try {
            return openWriter(REOPEN, VERIFY);
        } catch (UnsupportedFormatException e) {
            throw BackendException.permanent(String.valueOf(e.getMessage()), e);
        }
    }

    private Handle openWriter(
            BiFunction<PostgresSession, Consumer<Handle>, Handle> opening, BiConsumer<String, Handle> format) {
        PostgresSession session = new PostgresSession(url, ownerId);
        return failures().translate("open", () -> opening.apply(session, handle -> format.accept(url.place(), handle)));
    }

    @Override
    ReaderPool openReaders() {
        PGSimpleDataSource source = url.source();
        source.setLoginTimeout(Math.min(source.getLoginTimeout(), Math.toIntExact(READER_TIMEOUT.toSeconds())));
        return new ReaderPool(
                new ReaderPool.Limits(url.connections() - 1, READER_TIMEOUT, READER_MAX_AGE, true),
                new ReaderSlot.Source(
                        source::getConnection, handle -> handle.execute(READER_SETTINGS), failures()::isTransient));
    }

    @Override
    void begin(Handle handle) {
        handle.begin();
    }

    @Override
    void commit(Handle handle) {
        handle.commit();
    }

    @Override
    void rollBack(Handle handle) {
        handle.rollback();
    }

    /**
     * The first query determines the point in time. A role may have a limit for idle transactions, which a slow
     * consumer must not meet.
     */
    @Override
    void beginSnapshot(Handle handle) {
        handle.begin();
        handle.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
        handle.execute("SET LOCAL idle_in_transaction_session_timeout = 0");
    }

    @Override
    void endSnapshot(Handle handle) {
        handle.commit();
    }

    @Override
    Optional<Predicate<Handle>> singleStatement(List<Batch> group) {
        return OwnedGroup.of(group).map(owned -> handle -> commitSingleStatement(handle, owned));
    }

    /**
     * Commits in one round trip; a transaction takes three or four.
     *
     * <p>If not all ids are recorded, a division by zero ends the statement, and nothing of it is written. If a
     * takeover, or an earlier attempt of this statement, holds one of the rows, this statement waits, and then sees the
     * changed row.
     */
    private static boolean commitSingleStatement(Handle handle, OwnedGroup group) {
        Map<RowKey, byte[]> puts = group.rows().puts();
        Set<RowKey> deletes = group.rows().deletes();
        String sql = COMMITS.get((puts.isEmpty() ? 0 : PUTS) + (deletes.isEmpty() ? 0 : DELETES));
        return StatementCache.read(handle, sql, commit -> {
            Arguments arguments = new Arguments(commit).batches(group.lastOfContexts());
            if (!puts.isEmpty()) {
                arguments.entries(puts);
            }
            if (!deletes.isEmpty()) {
                arguments.keys(deletes);
            }
            arguments.number(group.lastOfContexts().size());
            boolean committed = isCommitted(commit);
            // Otherwise the prepared statement keeps the bound values.
            commit.clearParameters();
            return committed;
        });
    }

    private static boolean isCommitted(PreparedStatement commit) throws SQLException {
        try {
            commit.executeQuery().close();
            return true;
        } catch (SQLException e) {
            if (NOT_ALL_RECORDED.equals(e.getSQLState())) {
                return false;
            }
            throw e;
        }
    }

    private static String commitOf(int parts) {
        return "WITH recorded AS (" + RECORD_IDS + ")"
                + ((parts & PUTS) == 0 ? "" : ", put AS (" + UPSERT + ")")
                + ((parts & DELETES) == 0 ? "" : ", deleted AS (" + DELETE + ")")
                + " SELECT 1 / (count(*) = ?)::integer FROM recorded";
    }

    @Override
    void upsert(Handle handle, Map<RowKey, byte[]> entries) {
        StatementCache.use(handle, UPSERT, upsert -> {
            new Arguments(upsert).entries(entries);
            upsert.executeUpdate();
            upsert.clearParameters();
        });
    }

    @Override
    void delete(Handle handle, Set<RowKey> entries) {
        StatementCache.use(handle, DELETE, delete -> {
            new Arguments(delete).keys(entries);
            delete.executeUpdate();
        });
    }

    @Override
    Map<String, byte[]> findAll(Handle handle, String context, String type, List<String> ids) {
        return StatementCache.read(handle, FIND_ALL, statement -> {
            statement.setString(1, PostgresNames.key(context));
            statement.setString(2, type);
            statement.setArray(
                    3,
                    statement
                            .getConnection()
                            .createArrayOf(
                                    "text", ids.stream().map(PostgresNames::key).toArray()));
            Map<String, byte[]> found = new HashMap<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    found.put(PostgresNames.id(rows.getString(1)), value(rows, 2));
                }
            }
            return found;
        });
    }

    @Override
    List<Batch> recordIds(Handle handle, List<Batch> batches) {
        BitSet recorded = new BitSet();
        StatementCache.use(handle, RECORD_IDS, update -> {
            new Arguments(update).batches(batches);
            try (ResultSet positions = update.executeQuery()) {
                while (positions.next()) {
                    recorded.set(positions.getInt(1) - 1);
                }
            }
        });
        return IntStream.range(0, batches.size())
                .filter(i -> !recorded.get(i))
                .mapToObj(batches::get)
                .toList();
    }

    /**
     * Binds the arguments of a statement from left to right, one array for each column. The driver sends them binary.
     */
    private static final class Arguments {

        private final PreparedStatement statement;
        private int position = 1;

        Arguments(PreparedStatement statement) {
            this.statement = statement;
        }

        Arguments batches(List<Batch> batches) throws SQLException {
            String[] contexts = new String[batches.size()];
            Long[] epochs = new Long[batches.size()];
            Long[] sequences = new Long[batches.size()];
            for (int i = 0; i < contexts.length; i++) {
                Batch batch = batches.get(i);
                contexts[i] = PostgresNames.key(batch.context());
                epochs[i] = batch.epoch();
                sequences[i] = batch.sequence();
            }
            return add("text", contexts).add("bigint", epochs).add("bigint", sequences);
        }

        Arguments keys(Collection<RowKey> keys) throws SQLException {
            String[] contexts = new String[keys.size()];
            String[] types = new String[keys.size()];
            String[] ids = new String[keys.size()];
            int i = 0;
            for (RowKey key : keys) {
                contexts[i] = PostgresNames.key(key.context());
                types[i] = key.type();
                ids[i++] = PostgresNames.key(key.id());
            }
            return add("text", contexts).add("text", types).add("text", ids);
        }

        Arguments entries(Map<RowKey, byte[]> entries) throws SQLException {
            keys(entries.keySet());
            @Nullable String[] longIds = new String[entries.size()];
            int i = 0;
            for (RowKey key : entries.keySet()) {
                longIds[i++] = PostgresNames.longId(key.context(), key.id());
            }
            return add("text", longIds).add("bytea", entries.values().toArray(byte[][]::new));
        }

        void number(long number) throws SQLException {
            statement.setLong(position++, number);
        }

        private Arguments add(String type, @Nullable Object[] elements) throws SQLException {
            statement.setArray(position++, statement.getConnection().createArrayOf(type, elements));
            return this;
        }
    }

    /** The writer's session acquires the lock when it is opened. */
    @Override
    void acquireLiveness() {}

    /** The lock is released with the connection. */
    @Override
    void releaseLiveness() {}

    @Override
    boolean isAlive(Handle handle, long otherOwnerId) {
        return handle.createQuery("""
                        SELECT EXISTS (
                            SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
                            WHERE datname = current_database() AND locktype = 'advisory' AND objsubid = 1
                                AND (classid::bigint << 32 | objid::bigint) = ?)
                        """)
                .bind(0, otherOwnerId)
                .mapTo(boolean.class)
                .one();
    }

    @Override
    String stored(String name) {
        return PostgresNames.key(name);
    }

    @Override
    String storedPrefix(String idPrefix) {
        return PostgresNames.keyPrefix(idPrefix);
    }

    @Override
    String idColumn() {
        return "coalesce(long_id, id)";
    }

    @Override
    String id(String selected) {
        return PostgresNames.id(selected);
    }

    /** A context whose stored form is truncated is restored from one of its rows. */
    @Override
    Optional<String> context(Handle handle, String stored) {
        if (!PostgresNames.isTruncated(stored)) {
            return Optional.of(PostgresNames.unescape(stored));
        }
        return handle.createQuery("SELECT coalesce(long_id, id) FROM entry WHERE context = ? LIMIT 1")
                .bind(0, stored)
                .mapTo(String.class)
                .findOne()
                .map(selected -> PostgresNames.longContext(selected)
                        .orElseThrow(() -> BackendException.permanent(
                                place()
                                        + ": could not list the contexts: an earlier version of Keystore has written"
                                        + " entries of one whose name has more than 1,000 bytes: " + stored
                                        + "; delete the entries and write them again",
                                null)));
    }

    @Override
    String sharedLock() {
        return "FOR SHARE";
    }

    @Override
    void limitWaits(Handle handle) {
        try {
            handle.getConnection().setNetworkTimeout(Connections.ON_CALLING_THREAD, CLOSE_WAIT_MILLIS);
        } catch (SQLException e) {
            throw failures().failure("limit the waits of a connection", new ConnectionException(e));
        }
    }
}
