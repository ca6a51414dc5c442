package dev.keystore.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.argument.Argument;
import org.jdbi.v3.core.statement.Query;
import org.jdbi.v3.core.statement.SqlStatement;
import org.jdbi.v3.core.statement.Update;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;

/**
 * What is particular to PostgreSQL: how its connections are opened, its statements for many rows, and what its errors
 * mean.
 *
 * <p>Durability: see {@link PostgresSession}. No {@code statement_timeout}: it would end a commit's wait for a synchronous
 * standby, and the server would answer as if it had not.
 *
 * <p>Waits: a commit waits 2 s for a lock, and a read 5 s for a lock and 5 s for a connection of the pool. A transaction
 * that waits 10 s for its next statement is ended by the server, so that the locks of a process that was stopped are free
 * again; five attempts of a commit take longer than that.
 */
final class PostgresDialect extends Dialect {

    /** Serialization failure, deadlock, a lock not free in time, a server that is read-only or has no connection left. */
    private static final Set<String> PASSING = Set.of("40001", "40P01", "55P03", "25006", "53300");

    /** The server is a standby, or {@code default_transaction_read_only} is on. */
    private static final String READ_ONLY = "25006";

    static final String READ_ONLY_ADVICE = "the server does not write: it is a standby, or"
            + " default_transaction_read_only is on; connect to the primary, for example with targetServerType=primary";

    private static final Duration READER_TIMEOUT = Duration.ofSeconds(5);

    /** A standby may be behind: what it has could be older than what was committed. */
    private static final String READER_SETTINGS = """
            SET lock_timeout = '5s';
            DO $$ BEGIN
                IF pg_is_in_recovery() THEN RAISE 'the server is a standby' USING ERRCODE = '25006'; END IF;
            END $$
            """;

    private static final String ADVANCE = """
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
    private static final String NOT_ALL_ADVANCED = "22012";

    /** What the driver could not put into a message, since it is too large. */
    private static final String NOT_SENT = "22023";

    private final PostgresUrl url;
    private final boolean mustExist;

    PostgresDialect(PostgresUrl url, boolean mustExist) {
        this.url = url;
        this.mustExist = mustExist;
    }

    @Override
    Handle createAndOpenWriter() {
        return openWriter(PostgresSession::openFirst, mustExist ? PostgresFormat::find : PostgresFormat::install);
    }

    @Override
    Handle reopenWriter() {
        try {
            return openWriter(PostgresSession::reopen, PostgresFormat::verify);
        } catch (UnsupportedFormatException e) {
            throw BackendException.permanent(String.valueOf(e.getMessage()), e);
        }
    }

    private Handle openWriter(Function<PostgresSession, Handle> opening, BiConsumer<String, Handle> format) {
        try {
            Handle handle = opening.apply(new PostgresSession(url, holder));
            try {
                format.accept(url.place(), handle);
                return handle;
            } catch (RuntimeException e) {
                close(handle, e);
                throw e;
            }
        } catch (JdbiException e) {
            throw failure("open", e);
        }
    }

    /** Those that read do so in snapshots, so that many ids loaded in several statements are of one point in time. */
    @Override
    HikariDataSource openReaders() {
        HikariConfig pool = new HikariConfig();
        pool.setDataSource(url.source());
        pool.setPoolName("keystore-postgresql-readers");
        pool.setReadOnly(true);
        pool.setTransactionIsolation("TRANSACTION_REPEATABLE_READ");
        pool.setMaximumPoolSize(url.connections() - 1);
        pool.setMinimumIdle(0);
        pool.setConnectionTimeout(READER_TIMEOUT.toMillis());
        pool.setInitializationFailTimeout(-1);
        pool.setConnectionInitSql(READER_SETTINGS);
        return new HikariDataSource(pool);
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

    @Override
    Optional<Predicate<Handle>> atOnce(List<Batch> group) {
        return OwnedGroup.of(group).map(owned -> handle -> commitAtOnce(handle, owned));
    }

    /**
     * Commits in one round trip, where a transaction takes three or four.
     *
     * <p>The rows of all owners must advance, else a division by zero ends the statement, and leaves nothing of it. It
     * waits for a takeover, or for its own first sending, that holds one of them, and then sees the row as they left it.
     */
    private static boolean commitAtOnce(Handle handle, OwnedGroup group) {
        Map<RowKey, byte[]> puts = group.rows().puts();
        Set<RowKey> deletes = group.rows().deletes();
        String sql = "WITH advanced AS (" + ADVANCE + ")"
                + (puts.isEmpty() ? "" : ", put AS (" + UPSERT + ")")
                + (deletes.isEmpty() ? "" : ", deleted AS (" + DELETE + ")")
                + " SELECT 1 / (count(*) = ?)::integer FROM advanced";
        try (Query query = handle.createQuery(sql)) {
            Arguments arguments = new Arguments(query).batches(group.lastOfContexts());
            if (!puts.isEmpty()) {
                arguments.entries(puts);
            }
            if (!deletes.isEmpty()) {
                arguments.keys(deletes);
            }
            arguments.number(group.lastOfContexts().size());
            query.mapTo(int.class).one();
            return true;
        } catch (JdbiException e) {
            SQLException cause = sqlException(e);
            if (cause != null && NOT_ALL_ADVANCED.equals(cause.getSQLState())) {
                return false;
            }
            throw e;
        }
    }

    @Override
    void upsert(Handle handle, Map<RowKey, byte[]> entries) {
        try (Update update = handle.createUpdate(UPSERT)) {
            new Arguments(update).entries(entries);
            update.execute();
        }
    }

    @Override
    void delete(Handle handle, Set<RowKey> entries) {
        try (Update update = handle.createUpdate(DELETE)) {
            new Arguments(update).keys(entries);
            update.execute();
        }
    }

    @Override
    List<Batch> advance(Handle handle, List<Batch> batches) {
        try (Query query = handle.createQuery(ADVANCE)) {
            new Arguments(query).batches(batches);
            Set<Integer> advanced = query.mapTo(Integer.class).set();
            return IntStream.range(0, batches.size())
                    .filter(i -> !advanced.contains(i + 1))
                    .mapToObj(batches::get)
                    .toList();
        }
    }

    /** Binds to a statement, one after the other, what its parts want. */
    private static final class Arguments {

        private final SqlStatement<?> statement;
        private int position;

        Arguments(SqlStatement<?> statement) {
            this.statement = statement;
        }

        Arguments batches(List<Batch> batches) {
            add("text", batches, String[]::new, batch -> PostgresNames.key(batch.context()));
            add("bigint", batches, Long[]::new, Batch::epoch);
            return add("bigint", batches, Long[]::new, Batch::sequence);
        }

        Arguments keys(Set<RowKey> keys) {
            add("text", keys, String[]::new, key -> PostgresNames.key(key.context()));
            add("text", keys, String[]::new, RowKey::type);
            return add("text", keys, String[]::new, key -> PostgresNames.key(key.id()));
        }

        Arguments entries(Map<RowKey, byte[]> entries) {
            keys(entries.keySet());
            add("text", entries.keySet(), String[]::new, key -> PostgresNames.longId(key.id()));
            return add("bytea", entries.values(), byte[][]::new, value -> value);
        }

        void number(long number) {
            statement.bind(position++, number);
        }

        private <T, E> Arguments add(
                String type, Collection<T> rows, IntFunction<E[]> array, Function<T, @Nullable E> element) {
            E[] elements = rows.stream().map(element).toArray(array);
            Argument argument = (at, prepared, context) ->
                    prepared.setArray(at, prepared.getConnection().createArrayOf(type, elements));
            statement.bind(position++, argument);
            return this;
        }
    }

    /** The session that writes holds a lock since it was opened. */
    @Override
    void beginLife() {}

    /** The lock ends with the connection. */
    @Override
    void endLife() {}

    @Override
    boolean lives(Handle handle, long other) {
        return handle.createQuery("""
                        SELECT EXISTS (
                            SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
                            WHERE datname = current_database() AND locktype = 'advisory' AND objsubid = 1
                                AND (classid::bigint << 32 | objid::bigint) = ?)
                        """).bind(0, other).mapTo(boolean.class).one();
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
        return PostgresNames.unescape(selected);
    }

    @Override
    String place() {
        return url.place();
    }

    @Override
    BackendException commitFailure(Handle handle, RuntimeException thrown) {
        SQLException cause = sqlException(thrown);
        return cause instanceof PSQLException known && isRefusal(known)
                ? failure("commit", thrown)
                : BackendException.outcomeUnknown(
                        message("commit", cause == null ? thrown : cause), cause == null ? thrown : cause);
    }

    /** Else it may have been committed before the connection broke. */
    private static boolean isRefusal(PSQLException known) {
        boolean serverGoesOn = known.getServerErrorMessage() != null && !isOfConnection(known);
        return serverGoesOn || NOT_SENT.equals(known.getSQLState());
    }

    /** The connection, the server, or a lock of somebody else. */
    @Override
    boolean isPassing(SQLException cause) {
        return isOfConnection(cause) || PASSING.contains(cause.getSQLState());
    }

    @Override
    boolean isUsableAfter(BackendException failure) {
        return super.isUsableAfter(failure)
                && failure.getCause() instanceof SQLException cause
                && !isOfConnection(cause)
                && !READ_ONLY.equals(cause.getSQLState());
    }

    private static boolean isOfConnection(SQLException cause) {
        String state = cause.getSQLState();
        return state == null
                || state.startsWith("08")
                || state.startsWith("57P")
                || state.equals("25P03")
                || state.equals("25P04");
    }

    @Override
    String advice(SQLException cause) {
        String state = String.valueOf(cause.getSQLState());
        return switch (state) {
            case READ_ONLY -> "; " + READ_ONLY_ADVICE;
            case "42501" -> "; grant the role the privileges that dev/keystore/jdbc/keystore.sql of this jar lists";
            case "53100" -> "; free some space on the server's volume";
            case "53300" -> "; lower the property connections, or raise the server's max_connections";
            default -> "";
        };
    }

    /** Returns what the server says, without the severity, the code and the position that the driver adds. */
    @Override
    @Nullable
    String reason(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof PSQLException known && known.getServerErrorMessage() != null) {
                return known.getServerErrorMessage().getMessage();
            }
        }
        return super.reason(failure);
    }

    /** PostgreSQL checks its pages when it reads them, and fails where they are damaged. */
    @Override
    @Nullable
    String damage(Handle handle) {
        return null;
    }
}
