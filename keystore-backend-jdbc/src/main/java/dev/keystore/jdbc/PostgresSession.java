package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * The session that writes. It holds a shared advisory lock, by which other processes see that this one is alive, from
 * when it is opened until it ends.
 *
 * <p>Durability: the session sets {@code synchronous_commit} itself, to the value that the server, the database, the role
 * and the URL gave it when it connected, or to {@code on} if that was {@code off}. A later change of the configuration has
 * no effect on it.
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
     * Opens the session, and for the time of a query another one, which shows whether a pooler lets transactions share
     * the sessions of the server.
     *
     * @throws BackendException if the server does not write, or the session is not this connection's alone
     */
    Handle openFirst() {
        return open(true);
    }

    /**
     * Opens the session again.
     *
     * @throws BackendException if the server does not write, or the session has changed since it took the lock
     */
    Handle reopen() {
        return open(false);
    }

    private Handle open(boolean besideAnother) {
        PGSimpleDataSource source = url.source();
        Jdbi connections = Dialect.configured(Jdbi.create(source::getConnection));
        Handle handle = connections.open();
        try {
            handle.execute("SELECT pg_advisory_lock_shared(?)", holder);
            if (besideAnother) {
                connections.useTransaction(this::requireWithoutLock);
            }
            if (!holdsLock(handle)) {
                throw pooledByTransaction();
            }
            handle.execute(SETTINGS);
            requireWriting(handle);
            return handle;
        } catch (RuntimeException e) {
            Dialect.close(handle, e);
            throw e;
        }
    }

    /** A pooler gives the session that was used last to the next transaction, whichever client it is of. */
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
                        + ": could not open: a pooler shares the server's sessions between transactions, and the owner"
                        + " of a context is known to be alive by a lock of its session; let the pooler keep a session for"
                        + " each connection (pool_mode = session in PgBouncer), or connect to the server directly",
                null);
    }

    private void requireWriting(Handle handle) {
        String readOnly = handle.createQuery("SHOW transaction_read_only")
                .mapTo(String.class)
                .one();
        if (readOnly.equals("on")) {
            throw BackendException.transientFailure(
                    url.place() + ": could not open: " + PostgresDialect.READ_ONLY_ADVICE, null);
        }
    }
}
