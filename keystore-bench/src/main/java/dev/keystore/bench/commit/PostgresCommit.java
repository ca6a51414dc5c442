package dev.keystore.bench.commit;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.keystore.core.SignalKeyDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A pool of connections to PostgreSQL, on the tables that Keystore creates. A transaction is SELECT, a batch of two
 * upserts and COMMIT. The driver prepares the statements once per connection, and has its default settings.
 */
final class PostgresCommit implements CommitPeer {

    private static final int CONNECTIONS = 16;

    private final HikariDataSource pool;

    PostgresCommit(String url) {
        SignalKeyDatabase.open(url).close();
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setMaximumPoolSize(CONNECTIONS);
        config.setAutoCommit(false);
        pool = new HikariDataSource(config);
    }

    @Override
    public void fill(String context, List<String> ids) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement upsert = connection.prepareStatement(EntryTable.UPSERT)) {
            for (String id : ids) {
                EntryTable.addBoth(upsert, context, id, Payload.first(id));
            }
            upsert.executeBatch();
            connection.commit();
        }
    }

    @Override
    public void commit(String context, String id) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement upsert = connection.prepareStatement(EntryTable.UPSERT)) {
            byte[] session = Objects.requireNonNull(select(connection, EntryKind.SESSION, context, id));
            EntryTable.addBoth(upsert, context, id, Payload.next(session));
            upsert.executeBatch();
            connection.commit();
        }
    }

    private static byte @Nullable [] select(Connection connection, EntryKind kind, String context, String id)
            throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(EntryTable.SELECT)) {
            return EntryTable.select(select, kind, context, id);
        }
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            byte[] value = select(connection, kind, context, id);
            connection.rollback();
            return value;
        }
    }

    @Override
    public void close() {
        pool.close();
    }
}
