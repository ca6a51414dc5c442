package dev.keystore.bench.commit;

import dev.keystore.core.SignalKeyDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Connections to PostgreSQL with the driver and session settings of Keystore's writing connection, and statements
 * prepared once for each. A transaction is SELECT, a batch of two upserts and COMMIT. {@link #find} uses one further
 * connection, on which each query is a transaction.
 */
final class PostgresTunedCommit implements CommitPeer {

    private static final int LOGIN_SECONDS = 4;
    private static final int ANSWER_SECONDS = 10;

    private static final String SETTINGS = """
            SET lock_timeout = '2s';
            SET idle_in_transaction_session_timeout = '10s';
            SET statement_timeout = 0
            """;

    private final BlockingQueue<Writer> writers = new LinkedBlockingQueue<>();
    private final ReentrantLock readLock = new ReentrantLock();
    private final Connection reader;
    private final PreparedStatement find;

    PostgresTunedCommit(String url, int connections) throws SQLException {
        SignalKeyDatabase.open(url).close();
        for (int n = 0; n < connections; n++) {
            writers.add(Writer.of(connect(url)));
        }
        reader = connect(url);
        find = reader.prepareStatement(EntryTable.SELECT);
    }

    private static Connection connect(String url) throws SQLException {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setURL(url);
        source.setLogServerErrorDetail(false);
        source.setLoginTimeout(LOGIN_SECONDS);
        source.setSocketTimeout(ANSWER_SECONDS);
        Connection connection = source.getConnection();
        try (Statement statement = connection.createStatement()) {
            statement.execute(SETTINGS);
        }
        return connection;
    }

    private record Writer(Connection connection, PreparedStatement select, PreparedStatement upsert) {

        private static Writer of(Connection connection) throws SQLException {
            connection.setAutoCommit(false);
            return new Writer(
                    connection,
                    connection.prepareStatement(EntryTable.SELECT),
                    connection.prepareStatement(EntryTable.UPSERT));
        }

        private void fill(String context, List<String> ids) throws SQLException {
            for (String id : ids) {
                EntryTable.addBoth(upsert, context, id, Payload.first(id));
            }
            upsert.executeBatch();
            connection.commit();
        }

        private void commit(String context, String id) throws SQLException {
            byte[] session = Objects.requireNonNull(EntryTable.select(select, EntryKind.SESSION, context, id));
            EntryTable.addBoth(upsert, context, id, Payload.next(session));
            upsert.executeBatch();
            connection.commit();
        }
    }

    @Override
    public void fill(String context, List<String> ids) throws SQLException, InterruptedException {
        Writer writer = writers.take();
        try {
            writer.fill(context, ids);
        } finally {
            writers.add(writer);
        }
    }

    @Override
    public void commit(String context, String id) throws SQLException, InterruptedException {
        Writer writer = writers.take();
        try {
            writer.commit(context, id);
        } catch (SQLException | RuntimeException e) {
            writer.connection.rollback();
            throw e;
        } finally {
            writers.add(writer);
        }
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) throws SQLException {
        readLock.lock();
        try {
            return EntryTable.select(find, kind, context, id);
        } finally {
            readLock.unlock();
        }
    }

    @Override
    public void close() throws SQLException {
        reader.close();
        for (Writer writer : writers) {
            writer.connection.close();
        }
    }
}
