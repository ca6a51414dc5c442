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

    JdbcCommit(DataSource sqlite) throws SQLException {
        connection = sqlite.getConnection();
        try (Statement statement = connection.createStatement()) {
            statement.execute(RawSqlite.TABLE);
        }
        connection.setAutoCommit(false);
        select = connection.prepareStatement(EntryTable.SELECT);
        upsert = connection.prepareStatement(EntryTable.UPSERT);
        reader = sqlite.getConnection();
        find = reader.prepareStatement(EntryTable.SELECT);
    }

    @Override
    public void fill(String context, List<String> ids) throws SQLException {
        lock.lock();
        try {
            for (String id : ids) {
                upsert(context, id, Payload.first(id));
            }
            connection.commit();
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
