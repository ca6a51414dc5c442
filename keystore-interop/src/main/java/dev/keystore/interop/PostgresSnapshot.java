package dev.keystore.interop;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.Properties;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The tables of a PostgreSQL database whose names begin alike, read in one read-only transaction as of one point in
 * time ({@code REPEATABLE READ}). A few rows at a time are in memory. Any failure of the server ends the reading.
 */
final class PostgresSnapshot implements ForeignTables {

    private static final int TIMEOUT_SECONDS = 60;
    private static final int ROWS_AT_A_TIME = 16;

    /** What the driver reads of those rows at most. */
    private static final int MAXIMUM_BYTES_AT_A_TIME = 64 << 20;

    private final String place;
    private final String prefix;
    private final Connection connection;

    private PostgresSnapshot(String place, String prefix, Connection connection) {
        this.place = place;
        this.prefix = prefix;
        this.connection = connection;
    }

    /**
     * Begins the transaction.
     *
     * @param prefix what the names of the tables begin with
     */
    static PostgresSnapshot open(String url, Properties properties, String prefix) {
        Properties all = new Properties();
        all.setProperty("loginTimeout", Integer.toString(TIMEOUT_SECONDS));
        all.setProperty("socketTimeout", Integer.toString(2 * TIMEOUT_SECONDS));
        all.setProperty("maxResultBuffer", Integer.toString(MAXIMUM_BYTES_AT_A_TIME));
        all.putAll(properties);
        String place = withoutParameters(url);
        Connection connection = null;
        try {
            connection = DriverManager.getConnection(url, all);
            connection.setReadOnly(true);
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setAutoCommit(false);
            setUp(connection);
            return new PostgresSnapshot(place, prefix, connection);
        } catch (SQLException e) {
            close(place, connection);
            throw failed(place, e);
        }
    }

    /**
     * Keeps PostgreSQL from beginning to read a large table where another query is, so that two readings of the same
     * rows have the same order, and from leaving out rows that a policy hides from the user, without a word.
     */
    private static void setUp(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET LOCAL synchronize_seqscans = off");
            statement.execute("SET LOCAL row_security = off");
        }
    }

    /** Returns a URL without its parameters, which may hold a password. */
    static String withoutParameters(String url) {
        int parameters = url.indexOf('?');
        return parameters < 0 ? url : url.substring(0, parameters);
    }

    private static ForeignStoreException failed(String place, SQLException e) {
        return new ForeignStoreException(
                place + ": could not import it: the database cannot be read (SQL state " + e.getSQLState()
                        + "); check the server, the permissions, and that PostgreSQL's driver is there",
                e);
    }

    @Override
    public Set<String> tables() {
        Set<String> tables = new HashSet<>();
        query(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid)"
                        + " AND starts_with(relname, '" + prefix + "')",
                row -> tables.add(row.getString(1)));
        return tables;
    }

    @Override
    public void query(String sql, Row each) {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setQueryTimeout(TIMEOUT_SECONDS);
            statement.setFetchSize(ROWS_AT_A_TIME);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    each.accept(rows);
                }
            }
        } catch (SQLException e) {
            throw failed(place, e); // the transaction is aborted, so that nothing else can be read
        }
    }

    @Override
    public void close() {
        close(place, connection);
    }

    private static void close(String place, @Nullable Connection connection) {
        try {
            if (connection != null) {
                connection.close();
            }
        } catch (SQLException e) {
            throw new ForeignStoreException(place + ": could not close the connection to the database", e);
        }
    }
}
