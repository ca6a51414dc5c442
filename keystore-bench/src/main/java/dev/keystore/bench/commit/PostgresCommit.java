package dev.keystore.bench.commit;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.keystore.core.SignalKeyDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A pool of connections to PostgreSQL, on the tables that Keystore creates. A transaction is SELECT, a batch of two
 * upserts and COMMIT. The driver prepares the statements once per connection.
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
                add(upsert, context, id, Payload.first(id));
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
            add(upsert, context, id, Payload.next(session));
            upsert.executeBatch();
            connection.commit();
        }
    }

    private static void add(PreparedStatement upsert, String context, String id, byte[] value) throws SQLException {
        for (EntryKind kind : EntryKind.values()) {
            upsert.setString(1, context);
            upsert.setString(2, kind.type());
            upsert.setString(3, id);
            upsert.setBytes(4, value);
            upsert.addBatch();
        }
    }

    private static byte @Nullable [] select(Connection connection, EntryKind kind, String context, String id)
            throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(EntryTable.SELECT)) {
            select.setString(1, context);
            select.setString(2, kind.type());
            select.setString(3, id);
            try (ResultSet rows = select.executeQuery()) {
                return rows.next() ? rows.getBytes(1) : null;
            }
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
