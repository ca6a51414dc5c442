package dev.keystore.bench.commit;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * One connection with statements prepared once, used by one thread at a time. {@link #find} uses another one, on which
 * each query is a transaction.
 *
 * <p>If it is fenced, each transaction also does what ownership of a context costs: one statement, on one more page,
 * checks the owner's epoch and stores the number of the commit.
 */
final class JdbcCommit implements CommitPeer {

    /** An id within a context. */
    record Id(String context, String id) {}

    private final ReentrantLock lock = new ReentrantLock();
    private final Connection connection;
    private final PreparedStatement select;
    private final PreparedStatement upsert;
    private final Connection reader;
    private final PreparedStatement find;
    private final @Nullable PreparedStatement fence;
    private long commits;

    JdbcCommit(DataSource sqlite) throws SQLException {
        this(sqlite, false);
    }

    private JdbcCommit(DataSource sqlite, boolean fenced) throws SQLException {
        connection = sqlite.getConnection();
        try (Statement statement = connection.createStatement()) {
            statement.execute(RawSqlite.TABLE);
            if (fenced) {
                statement.execute(RawSqlite.OWNER_TABLE);
            }
        }
        select = connection.prepareStatement(EntryTable.SELECT);
        upsert = connection.prepareStatement(EntryTable.UPSERT);
        reader = sqlite.getConnection();
        find = reader.prepareStatement(EntryTable.SELECT);
        fence = fenced ? connection.prepareStatement(RawSqlite.FENCE) : null;
    }

    static JdbcCommit fenced(DataSource sqlite) throws SQLException {
        return new JdbcCommit(sqlite, true);
    }

    @Override
    public void fill(String context, List<String> ids) throws SQLException {
        lock.lock();
        try {
            begin();
            for (String id : ids) {
                upsert(context, id, Payload.first(id));
            }
            if (fence != null) {
                RawSqlite.takeOver(connection, context);
            }
            connection.setAutoCommit(true);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void commit(String context, String id) throws SQLException {
        commit(List.of(new Id(context, id)));
    }

    /** Commits several ids in one transaction. */
    void commit(List<Id> ids) throws SQLException {
        lock.lock();
        try {
            begin();
            if (fence != null) {
                RawSqlite.fence(fence, ++commits, ids.get(0).context);
            }
            for (Id one : ids) {
                byte[] session =
                        Objects.requireNonNull(EntryTable.select(select, EntryKind.SESSION, one.context, one.id));
                upsert(one.context, one.id, Payload.next(session));
            }
            connection.commit();
        } catch (SQLException | RuntimeException e) {
            connection.rollback();
            throw e;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Begins a transaction, unless the driver has begun one at the end of the previous one. So a store that is only
     * read has no open transaction, which would save the reading connection two system calls for each query.
     */
    private void begin() throws SQLException {
        if (connection.getAutoCommit()) {
            connection.setAutoCommit(false);
        }
    }

    private void upsert(String context, String id, byte[] value) throws SQLException {
        for (EntryKind kind : EntryKind.values()) {
            upsert.setString(1, context);
            upsert.setString(2, kind.type());
            upsert.setString(3, id);
            upsert.setBytes(4, value);
            upsert.executeUpdate();
        }
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) throws SQLException {
        lock.lock();
        try {
            return EntryTable.select(find, kind, context, id);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() throws SQLException {
        reader.close();
        connection.close();
    }
}
