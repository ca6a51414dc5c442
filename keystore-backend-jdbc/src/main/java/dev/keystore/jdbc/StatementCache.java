package dev.keystore.jdbc;

import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;
import org.jdbi.v3.core.ConnectionException;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.StatementBuilder;
import org.jdbi.v3.core.statement.StatementContext;

/**
 * Keeps the statements of a connection prepared. Closing the connection closes them.
 *
 * <p>For one thread at a time, and for a small set of SQL texts.
 */
class StatementCache implements StatementBuilder {

    private final Map<String, PreparedStatement> prepared = new HashMap<>();

    /** Uses a prepared statement. */
    @FunctionalInterface
    interface Use {
        void accept(PreparedStatement statement) throws SQLException;
    }

    /** Reads with a prepared statement, and closes its result. */
    @FunctionalInterface
    interface Read<T> {
        T apply(PreparedStatement statement) throws SQLException;
    }

    /**
     * Uses a statement of a connection that has such a cache, without Jdbi. Its overhead exceeds SQLite's own time, and
     * that of a commit's other work in the JVM on PostgreSQL.
     */
    static void use(Handle handle, String sql, Use use) {
        read(handle, sql, statement -> {
            use.accept(statement);
            return statement;
        });
    }

    /** Uses a statement like {@link #use}, and returns what was read. */
    static <T> T read(Handle handle, String sql, Read<T> read) {
        StatementCache cache = (StatementCache) handle.getStatementBuilder();
        try {
            return read.apply(cache.prepare(handle.getConnection(), sql));
        } catch (SQLException e) {
            throw new ConnectionException(e); // Jdbi's unchecked wrapper; SqlFailures looks at the cause only
        }
    }

    PreparedStatement prepare(Connection connection, String sql) throws SQLException {
        PreparedStatement statement = prepared.get(sql);
        if (statement == null) {
            statement = connection.prepareStatement(sql);
            prepared.put(sql, statement);
        }
        return statement;
    }

    @Override
    public Statement create(Connection connection, StatementContext context) throws SQLException {
        return connection.createStatement();
    }

    @Override
    public PreparedStatement create(Connection connection, String sql, StatementContext context) throws SQLException {
        return prepare(connection, sql);
    }

    @Override
    public CallableStatement createCall(Connection connection, String sql, StatementContext context)
            throws SQLException {
        return connection.prepareCall(sql);
    }

    @Override
    public void close(Connection connection, String sql, Statement statement) throws SQLException {
        // Not by its SQL: Jdbi passes the unparsed text here, but the parsed one to create.
        if (!prepared.containsValue(statement)) {
            statement.close();
        }
    }
}
