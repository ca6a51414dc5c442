package dev.keystore.bench.commit;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** One connection with statements prepared once, used by one thread at a time. */
final class JdbcCommit implements CommitPeer {

    /** An id within a context. */
    record Id(String context, String id) {}

    private final ReentrantLock lock = new ReentrantLock();
    private final Connection connection;
    private final PreparedStatement select;
    private final PreparedStatement upsert;

    JdbcCommit(Path file) throws SQLException {
        connection = RawSqlite.open(file).getConnection();
        try (Statement statement = connection.createStatement()) {
            statement.execute(RawSqlite.TABLE);
        }
        connection.setAutoCommit(false);
        select = connection.prepareStatement(EntryTable.SELECT);
        upsert = connection.prepareStatement(EntryTable.UPSERT);
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
                byte[] session = Objects.requireNonNull(select(EntryKind.SESSION, one.context, one.id));
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

    private byte @Nullable [] select(EntryKind kind, String context, String id) throws SQLException {
        select.setString(1, context);
        select.setString(2, kind.type());
        select.setString(3, id);
        try (ResultSet rows = select.executeQuery()) {
            return rows.next() ? rows.getBytes(1) : null;
        }
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) throws SQLException {
        lock.lock();
        try {
            return select(kind, context, id);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
