package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import java.sql.SQLException;
import java.util.function.Consumer;
import org.jdbi.v3.core.ConnectionException;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Opens the session of the writer connection. The session holds a shared advisory lock as long as it exists, which
 * shows other processes that the owner is alive.
 *
 * <p>Durability: the session sets {@code synchronous_commit} to the value that the server, the database, the role or
 * the URL gave it when it connected, or to {@code on} if that was {@code off}. Later changes of the configuration have
 * no effect on it.
 *
 * <p>Isolation: a commit that has waited for a takeover must see the new epoch, and report that the ownership is lost.
 * READ COMMITTED does so; at the levels above, which a server or role may have as its default, the statement would fail
 * with a serialization error instead.
 */
final class PostgresSession {

    private static final String SETTINGS = """
            SET lock_timeout = '2s';
            SET idle_in_transaction_session_timeout = '10s';
            SET statement_timeout = 0;
            SET default_transaction_isolation = 'read committed';
            SELECT set_config('synchronous_commit',
                CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                    ELSE current_setting('synchronous_commit') END, false)
            """;

    private static final int COMPARISONS = 5;

    /** The maximum number of attempts to reach the session of a pooler that has the lock. */
    private static final int MAXIMUM_SESSIONS = 100;

    private static final String TOO_MANY_CONNECTIONS = "53300";

    private final PostgresUrl url;
    private final long ownerId;

    PostgresSession(PostgresUrl url, long ownerId) {
        this.url = url;
        this.ownerId = ownerId;
    }

    /**
     * Opens the session and sets it up. A second session, which is closed again, shows whether a pooler lets
     * transactions share the server's sessions.
     *
     * @throws BackendException if the server is read-only, or other connections share the session
     */
    Handle openFirst(Consumer<Handle> setUp) {
        return open(setUp, false);
    }

    /**
     * Opens the session again and sets it up. If the server admits no second session, since the readers use all that it
     * allows, only transactions of this one are compared.
     *
     * @throws BackendException as {@link #openFirst}
     */
    Handle reopen(Consumer<Handle> setUp) {
        return open(setUp, true);
    }

    private Handle open(Consumer<Handle> setUp, boolean again) {
        PGSimpleDataSource source = url.source();
        Jdbi connections = Connections.jdbiWithCache(source::getConnection);
        return Connections.open(connections, handle -> {
            boolean unshared = again ? compareIfAdmitted(connections, handle) : compareSessions(connections, handle);
            if (!unshared) {
                unlock(handle);
                throw pooledByTransaction();
            }
            handle.execute(SETTINGS);
            requireWriting(handle);
            setUp.accept(handle);
        });
    }

    private boolean compareIfAdmitted(Jdbi connections, Handle handle) {
        try {
            return compareSessions(connections, handle);
        } catch (ConnectionException e) {
            SQLException cause = SqlFailures.sqlException(e);
            if (cause == null || !TOO_MANY_CONNECTIONS.equals(cause.getSQLState())) {
                throw e;
            }
            return keepsSession(handle, lock(handle));
        }
    }

    /**
     * Locks, and compares the sessions of several transactions on two connections.
     *
     * <p>A pooler that shares sessions may by chance give the first connection the same session each time, for example
     * if it uses its sessions in turn, or has other clients. Therefore the order of the transactions varies, and the
     * second connection is in some of them while the first one is checked.
     */
    private boolean compareSessions(Jdbi connections, Handle handle) {
        try (Handle other = connections.open()) {
            int session = lock(handle);
            for (int i = 0; i < COMPARISONS; i++) {
                other.begin();
                boolean shared = session(other) == session;
                boolean kept = !shared && keepsSession(handle, session);
                other.rollback();
                if (!kept || !keepsSession(handle, session)) {
                    return false;
                }
            }
            return true;
        }
    }

    /** Takes the lock, and returns the session that has it. */
    private int lock(Handle handle) {
        return handle.createQuery("SELECT pg_backend_pid() FROM pg_advisory_lock_shared(?)")
                .bind(0, ownerId)
                .mapTo(int.class)
                .one();
    }

    private static int session(Handle handle) {
        return handle.createQuery("SELECT pg_backend_pid()").mapTo(int.class).one();
    }

    /** Returns whether two transactions in succession use a session, which has the lock. */
    private boolean keepsSession(Handle handle, int session) {
        return session(handle) == session && holdsLock(handle, session);
    }

    private boolean holdsLock(Handle handle, int session) {
        return handle.createQuery("""
                        SELECT EXISTS (
                            SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND pid = ? AND locktype = 'advisory'
                                AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = ?)
                        """)
                .bind(0, session)
                .bind(1, ownerId)
                .mapTo(boolean.class)
                .one();
    }

    /** Releases the lock, if one of the attempts reaches the pooler's session that has it. */
    private void unlock(Handle handle) {
        boolean unlocked = false;
        for (int i = 0; i < MAXIMUM_SESSIONS && !unlocked; i++) {
            unlocked = handle.createQuery("SELECT pg_advisory_unlock_shared(?)")
                    .bind(0, ownerId)
                    .mapTo(boolean.class)
                    .one();
        }
    }

    private BackendException pooledByTransaction() {
        return BackendException.permanent(
                url.place()
                        + ": could not open: a pooler shares the server's sessions between transactions, but the"
                        + " session has to keep a lock, which shows that the owner of a context is alive; configure the"
                        + " pooler to keep a session for each connection (pool_mode = session in PgBouncer), or"
                        + " connect to the server directly",
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
