package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Opens the session of the writer connection. The session holds a shared advisory lock as long as it exists, which shows
 * other processes that the owner is alive.
 *
 * <p>Durability: the session sets {@code synchronous_commit} to the value that the server, the database, the role and the
 * URL gave it when it connected, or to {@code on} if that was {@code off}. Later changes of the configuration have no effect
 * on it.
 */
final class PostgresSession {

    private static final String SETTINGS = """
            SET lock_timeout = '2s';
            SET idle_in_transaction_session_timeout = '10s';
            SET statement_timeout = 0;
            SELECT set_config('synchronous_commit',
                CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                    ELSE current_setting('synchronous_commit') END, false)
            """;

    private final PostgresUrl url;
    private final long holder;

    PostgresSession(PostgresUrl url, long holder) {
        this.url = url;
        this.holder = holder;
    }

    /**
     * Opens the session and sets it up. A second session, opened for one query, shows whether a pooler lets transactions
     * share the server's sessions.
     *
     * @throws BackendException if the server does not write, or other connections share the session
     */
    Handle openFirst(Consumer<Handle> setUp) {
        return open(setUp, true);
    }

    /**
     * Opens the session again and sets it up.
     *
     * @throws BackendException if the server does not write, or the connection no longer leads to the session with the lock
     */
    Handle reopen(Consumer<Handle> setUp) {
        return open(setUp, false);
    }

    private Handle open(Consumer<Handle> setUp, boolean comparesSessions) {
        PGSimpleDataSource source = url.source();
        Jdbi connections = Connections.jdbi(source::getConnection);
        return Connections.open(connections, handle -> {
            handle.execute("SELECT pg_advisory_lock_shared(?)", holder);
            if (comparesSessions) {
                connections.useTransaction(this::requireWithoutLock);
            }
            if (!holdsLock(handle)) {
                throw pooledByTransaction();
            }
            handle.execute(SETTINGS);
            requireWriting(handle);
            setUp.accept(handle);
        });
    }

    /** A pooler gives the most recently used session to the next transaction, whichever client begins it. */
    private void requireWithoutLock(Handle other) {
        if (holdsLock(other)) {
            other.execute("SELECT pg_advisory_unlock_shared(?)", holder);
            throw pooledByTransaction();
        }
    }

    private boolean holdsLock(Handle handle) {
        return handle.createQuery("""
                        SELECT EXISTS (
                            SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid = 1
                                AND (classid::bigint << 32 | objid::bigint) = ?)
                        """).bind(0, holder).mapTo(boolean.class).one();
    }

    private BackendException pooledByTransaction() {
        return BackendException.permanent(
                url.place()
                        + ": could not open: a pooler shares the server's sessions between transactions, but a lock of"
                        + " its session shows that the owner of a context is alive; configure the pooler to keep a session"
                        + " for each connection (pool_mode = session in PgBouncer), or connect to the server directly",
                null);
    }

    private void requireWriting(Handle handle) {
        String readOnly = handle.createQuery("SHOW transaction_read_only")
                .mapTo(String.class)
                .one();
        if (readOnly.equals("on")) {
            throw BackendException.transientFailure(
                    url.place() + ": could not open: " + PostgresFailures.READ_ONLY_ADVICE, null);
        }
    }
}
