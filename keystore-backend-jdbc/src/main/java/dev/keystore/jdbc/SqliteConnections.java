package dev.keystore.jdbc;

import dev.keystore.jdbc.SqliteOpenFiles.Placement;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.Folders;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.function.BiConsumer;
import org.jdbi.v3.core.ConnectionException;
import org.jdbi.v3.core.ConnectionFactory;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.SynchronousMode;
import org.sqlite.SQLiteConfig.TempStore;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteOpenMode;

/**
 * Opens the connections of a SQLite store.
 *
 * <p>Durability: a write-ahead log with {@code synchronous=FULL}, so COMMIT returns after the log has reached the disk.
 * Waits: 2 s for a lock of the file.
 */
final class SqliteConnections {

    private static final Duration BUSY_TIMEOUT = Duration.ofSeconds(2);

    /**
     * The length of the log, in pages of 4 KiB, at which a commit moves it into the file. Each page is moved once,
     * however often it was written.
     */
    private static final int PAGES_PER_CHECKPOINT = 10_000;

    private final Path path;
    private final String url;
    private final SqliteFailures failures;

    SqliteConnections(Path path, SqliteFailures failures) {
        this.path = path;
        this.url = "jdbc:sqlite:" + path;
        this.failures = failures;
    }

    /** Opens a connection that writes, checks or installs the format, and switches the file to a write-ahead log. */
    Handle openWriter(BiConsumer<Path, Handle> format) {
        SQLiteConfig config = writable();
        // The journal of a statement that changes many rows holds keys, and would otherwise be a separate file.
        config.setTempStore(TempStore.MEMORY);
        Jdbi jdbi = Connections.jdbiWithCache(driver(config, url));
        return failures.translate(
                "open",
                () -> Connections.open(jdbi, handle -> {
                    checkpointEvery(PAGES_PER_CHECKPOINT, handle);
                    format.accept(path, handle);
                    switchToLog(handle);
                    forceFolder();
                }));
    }

    private void switchToLog(Handle handle) {
        String mode = handle.createQuery("PRAGMA journal_mode = WAL")
                .mapTo(String.class)
                .one();
        if (!mode.equals("wal")) {
            throw BackendException.permanent(
                    path + ": could not open: it cannot have a write-ahead log, its journal mode stays " + mode, null);
        }
    }

    /** SQLite forces the folder with the first commit of each connection, but ignores a failure to do so. */
    private void forceFolder() {
        try {
            Folders.force(SqliteTarget.folder(path));
        } catch (IOException e) {
            throw BackendException.permanent(
                    path + ": could not open: its folder could not be forced to the disk: " + e
                            + "; make the folder readable, or replace the disk",
                    e);
        }
    }

    /** Opens a connection that keeps the log open, checkpoints it, and does not wait for locks. */
    Handle openForCheckpoints() {
        return failures.translate(
                "open",
                () -> Connections.open(Connections.jdbi(driver(writable(), url)), handle -> {
                    // A query opens the log, and takes SQLite's lock on it.
                    handle.createQuery("SELECT count(*) FROM sqlite_schema")
                            .mapTo(int.class)
                            .one();
                    handle.execute("PRAGMA busy_timeout = 0");
                    checkpointRecovered(handle);
                }));
    }

    /** Opens a connection that keeps temporary data in a file, and whose commits do not checkpoint the log. */
    Handle openForCompaction() {
        SQLiteConfig config = writable();
        config.setTempStore(TempStore.FILE);
        return failures.translate(
                "compact",
                () -> Connections.open(Connections.jdbi(driver(config, url)), handle -> checkpointEvery(0, handle)));
    }

    /** The driver's setting for this does not exist in versions before 3.51, such as those that Spring Boot manages. */
    private static void checkpointEvery(int pages, Handle handle) {
        handle.execute("PRAGMA wal_autocheckpoint = " + pages);
    }

    /**
     * Moves the log that SQLite may have recovered into the file. A process that was killed may have written its last
     * commit without forcing the log. Forcing it now would not suffice if that had failed before, since the system then
     * takes the pages for written. A checkpoint writes them to the file, and forces that.
     */
    private static void checkpointRecovered(Handle handle) {
        try {
            SqliteWal.checkpoint(handle, "PASSIVE");
        } catch (JdbiException e) {
            SQLException cause = SqlFailures.sqlException(e);
            boolean isDiskFull = cause != null && cause.getErrorCode() == SQLiteErrorCode.SQLITE_FULL.code;
            if (!isDiskFull) {
                throw e;
            }
            // The checkpoint has forced the log before it found no room in the file.
        }
    }

    /** Opens the first connection to a store that can only be read, and checks its format. */
    Handle openReadOnly(SqliteReadOnlyFile file) {
        Jdbi jdbi = Connections.jdbi(readOnlyDriver(file.url()));
        return failures.translate(
                "open for reading", () -> Connections.open(jdbi, handle -> SqliteFormat.verify(path, handle)));
    }

    /** Returns the source of connections that read; {@code file} is not null if the store can only be read. */
    ReaderSlot.Source readers(@Nullable SqliteReadOnlyFile file, @Nullable SqliteOpenFiles open) {
        ConnectionFactory driver = readOnlyDriver(file == null ? url : file.url());
        return new ReaderSlot.Source(driver, handle -> requireInPlace(open), failures::isTransient);
    }

    /** Checks that a new connection leads to the same file and log as the other connections of the store. */
    private static void requireInPlace(@Nullable SqliteOpenFiles open) {
        Placement placement = open == null ? Placement.IN_PLACE : open.check();
        if (open != null && placement != Placement.IN_PLACE) {
            throw new ConnectionException(
                    new SQLException(open.reason(placement), null, SQLiteErrorCode.SQLITE_NOTFOUND.code));
        }
    }

    private static ConnectionFactory readOnlyDriver(String url) {
        SQLiteConfig config = config();
        config.setReadOnly(true);
        return driver(config, url);
    }

    private static ConnectionFactory driver(SQLiteConfig config, String url) {
        return () -> config.createConnection(url);
    }

    private static SQLiteConfig writable() {
        SQLiteConfig config = config();
        config.resetOpenMode(SQLiteOpenMode.CREATE);
        config.setSynchronous(SynchronousMode.FULL);
        return config;
    }

    private static SQLiteConfig config() {
        SQLiteConfig config = new SQLiteConfig();
        config.setBusyTimeout(Math.toIntExact(BUSY_TIMEOUT.toMillis()));
        // Otherwise the driver runs an additional statement after each one that writes.
        config.setGetGeneratedKeys(false);
        return config;
    }
}
