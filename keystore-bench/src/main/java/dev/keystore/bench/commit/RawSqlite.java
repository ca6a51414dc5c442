package dev.keystore.bench.commit;

import java.nio.file.Path;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.JournalMode;
import org.sqlite.SQLiteConfig.SynchronousMode;
import org.sqlite.SQLiteDataSource;

/** SQLite for the peers: with Keystore's durability and table, and otherwise the driver's defaults. */
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

    private static final int BUSY_TIMEOUT_MILLIS = 30_000;

    private RawSqlite() {}

    static SQLiteDataSource open(Path file) {
        SQLiteConfig config = new SQLiteConfig();
        config.setJournalMode(JournalMode.WAL);
        config.setSynchronous(SynchronousMode.FULL);
        config.setBusyTimeout(BUSY_TIMEOUT_MILLIS);
        SQLiteDataSource source = new SQLiteDataSource(config);
        source.setUrl("jdbc:sqlite:" + file);
        return source;
    }
}
