package dev.keystore.bench.commit;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.JournalMode;
import org.sqlite.SQLiteConfig.Pragma;
import org.sqlite.SQLiteConfig.SynchronousMode;
import org.sqlite.SQLiteConfig.TempStore;
import org.sqlite.SQLiteConfig.TransactionMode;
import org.sqlite.SQLiteDataSource;

/** SQLite for the peers, with Keystore's durability and table. */
final class RawSqlite {

    static final String TABLE = """
            CREATE TABLE IF NOT EXISTS entry (
                context TEXT NOT NULL,
                type TEXT NOT NULL,
                id TEXT NOT NULL,
                value BLOB NOT NULL,
                PRIMARY KEY (context, type, id)
            ) STRICT
            """;

    static final String OWNER_TABLE = """
            CREATE TABLE IF NOT EXISTS owner (
                context TEXT NOT NULL PRIMARY KEY,
                epoch INTEGER NOT NULL,
                commit_sequence INTEGER NOT NULL
            ) STRICT
            """;

    private static final String TAKE_OVER = "INSERT INTO owner (context, epoch, commit_sequence) VALUES (?, 1, 0)"
            + " ON CONFLICT (context) DO NOTHING";

    static final String FENCE = "UPDATE owner SET commit_sequence = ? WHERE context = ? AND epoch = 1";

    private static final int BUSY_TIMEOUT_MILLIS = 30_000;

    /** What the SQLite backend sets: pages in the log before a commit moves them into the file. */
    private static final String PAGES_PER_CHECKPOINT = "10000";

    private RawSqlite() {}

    /** Returns connections that otherwise have the driver's default settings. */
    static SQLiteDataSource withDefaults(Path file) {
        return source(durable(), file);
    }

    /** Returns connections with the pragmas and driver settings of the SQLite backend's writing connection. */
    static SQLiteDataSource withKeystoreSettings(Path file) {
        SQLiteConfig config = durable();
        config.setTempStore(TempStore.MEMORY);
        config.setPragma(Pragma.WAL_AUTOCHECKPOINT, PAGES_PER_CHECKPOINT);
        config.setGetGeneratedKeys(false);
        config.setTransactionMode(TransactionMode.IMMEDIATE);
        return source(config, file);
    }

    /** Makes this process the owner of a context that has none. */
    static void takeOver(Connection connection, String context) throws SQLException {
        try (PreparedStatement owner = connection.prepareStatement(TAKE_OVER)) {
            owner.setString(1, context);
            owner.executeUpdate();
        }
    }

    /** Executes {@link #FENCE}: checks the owner of a context, and stores the number of a commit. */
    static void fence(PreparedStatement statement, long commit, String context) throws SQLException {
        statement.setLong(1, commit);
        statement.setString(2, context);
        if (statement.executeUpdate() != 1) {
            throw new SQLException("another owner has taken over context " + context);
        }
    }

    private static SQLiteConfig durable() {
        SQLiteConfig config = new SQLiteConfig();
        config.setJournalMode(JournalMode.WAL);
        config.setSynchronous(SynchronousMode.FULL);
        config.setBusyTimeout(BUSY_TIMEOUT_MILLIS);
        return config;
    }

    private static SQLiteDataSource source(SQLiteConfig config, Path file) {
        SQLiteDataSource source = new SQLiteDataSource(config);
        source.setUrl("jdbc:sqlite:" + file);
        return source;
    }
}
