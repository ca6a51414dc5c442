package dev.keystore.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.jdbc.SqliteOpenFiles.Loss;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.Pragma;
import org.sqlite.SQLiteConfig.SynchronousMode;
import org.sqlite.SQLiteConfig.TempStore;
import org.sqlite.SQLiteConnection;
import org.sqlite.SQLiteDataSource;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;
import org.sqlite.SQLiteOpenMode;

/**
 * What is particular to SQLite: how its connections are opened, how a transaction begins, and what its errors mean.
 *
 * <p>Durability: a write-ahead log with {@code synchronous=FULL}, so that COMMIT returns after the log is on the medium.
 * Waits: 2 s for a lock of the file, 10 s for a reader.
 */
final class SqliteDialect extends Dialect {

    private static final Duration BUSY_TIMEOUT = Duration.ofSeconds(2);
    private static final Duration READER_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration OPEN_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration OPEN_PAUSE = Duration.ofMillis(20);
    private static final int READERS = 4;

    /** Pages of 4 KiB in the log before a commit moves them into the file: each page once, however often it was written. */
    private static final int PAGES_PER_CHECKPOINT = 10_000;

    /** As many as make a row cheapest: half of what it takes alone. */
    private static final int ROWS_PER_UPSERT = 16;

    private static final int COLUMNS = 4;

    private static final String RESCUE =
            "; verify lists what it can find of it, and if nothing else helps, bring the data"
                    + " back with restore, never by copying an old file into place";

    private static final List<String> UPSERTS = IntStream.rangeClosed(1, ROWS_PER_UPSERT)
            .mapToObj(SqliteDialect::upsertOf)
            .toList();

    private final Path path;
    private final boolean mustExist;
    private final @Nullable SqliteFrozenFile frozen;
    private final SqliteLife life;
    private final SqliteLogMover mover;

    /** Both set once, with the connection that writes. */
    private @Nullable SqliteOpenFiles files;

    private @Nullable SqliteLog log;

    /**
     * Creates one.
     *
     * @param mustExist whether a file that holds no store is refused, in place of becoming one
     */
    SqliteDialect(Path path, boolean mustExist, SqliteLogMover mover) {
        this(path, mustExist, null, mover);
    }

    /** Returns one that only reads. */
    static SqliteDialect forReading(Path path, SqliteFrozenFile frozen, SqliteLogMover mover) {
        return new SqliteDialect(path, true, frozen, mover);
    }

    private SqliteDialect(Path path, boolean mustExist, @Nullable SqliteFrozenFile frozen, SqliteLogMover mover) {
        this.path = path;
        this.mustExist = mustExist;
        this.frozen = frozen;
        this.mover = mover;
        this.life = new SqliteLife(path, holder);
    }

    /**
     * Opens the connection that writes: puts the schema into an empty file, and switches it to a write-ahead log.
     *
     * <p>Waits up to 10 s for others that open the same file; an interrupt ends the wait.
     */
    @Override
    Handle createAndOpenWriter() {
        // SQLite does not wait for a lock where waiting could deadlock, as when two switch a file to WAL at once
        // (sqlite.org/c3ref/busy_handler.html).
        if (frozen != null) {
            return openFrozen(frozen.url());
        }
        long deadline = System.nanoTime() + OPEN_TIMEOUT.toNanos();
        while (true) {
            try {
                Object fileKey = SqliteOpenFiles.key(path);
                return withLog(openWriter(mustExist ? SqliteFormat::find : SqliteFormat::install), fileKey);
            } catch (IOException e) {
                throw lookedAt(e);
            } catch (BackendException e) {
                boolean over = System.nanoTime() - deadline > 0
                        || Thread.currentThread().isInterrupted();
                if (e.kind() != Kind.TRANSIENT || over) {
                    throw e;
                }
                LockSupport.parkNanos(OPEN_PAUSE.toNanos());
            }
        }
    }

    private Handle openFrozen(String url) {
        SQLiteConfig config = config();
        config.setReadOnly(true);
        try {
            Handle handle =
                    configured(Jdbi.create(() -> config.createConnection(url))).open();
            try {
                SqliteFormat.verify(path, handle);
                return handle;
            } catch (RuntimeException e) {
                close(handle, e);
                throw e;
            }
        } catch (JdbiException e) {
            throw failure("open for reading", e);
        }
    }

    @Override
    @Nullable
    String unwritable() {
        return frozen == null ? null : frozen.why();
    }

    @Override
    void requireUnchanged() {
        if (frozen != null) {
            frozen.requireUnchanged();
        }
    }

    @Override
    boolean leavesReading(BackendException failure) {
        return isUnwritable(failure);
    }

    /** Returns whether a failure says that the file, its folder or its disk takes no more, while it may still be read. */
    static boolean isUnwritable(BackendException failure) {
        if (failure.getCause() instanceof SQLException cause) {
            int code = cause.getErrorCode();
            return code == SQLiteErrorCode.SQLITE_FULL.code
                    || code == SQLiteErrorCode.SQLITE_READONLY.code
                    || (code == SQLiteErrorCode.SQLITE_IOERR.code && isOfIndex(cause));
        }
        return false;
    }

    /** The index of the log, which SQLite creates at full length; there is no such error for a disk without room. */
    private static boolean isOfIndex(SQLException cause) {
        return cause instanceof SQLiteException known
                && (known.getResultCode() == SQLiteErrorCode.SQLITE_IOERR_SHMSIZE
                        || known.getResultCode() == SQLiteErrorCode.SQLITE_IOERR_SHMOPEN
                        || known.getResultCode() == SQLiteErrorCode.SQLITE_IOERR_SHMMAP);
    }

    private Handle withLog(Handle writer, @Nullable Object fileKey) {
        try {
            Handle connection = openForLog();
            try {
                SqliteOpenFiles opened = new SqliteOpenFiles(path, fileKey);
                opened.requireInPlace();
                files = opened;
                log = new SqliteLog(opened, connection, mover.ticker());
                return writer;
            } catch (IOException e) {
                BackendException failure = lookedAt(e);
                close(connection, failure);
                throw failure;
            } catch (RuntimeException e) {
                close(connection, e);
                throw e;
            }
        } catch (RuntimeException e) {
            close(writer, e);
            throw e;
        }
    }

    private BackendException lookedAt(IOException e) {
        return BackendException.permanent(path + " can't be looked at: " + e, e);
    }

    @Override
    Handle reopenWriter() {
        if (files != null) {
            files.requireInPlace();
        }
        try {
            return openWriter(SqliteFormat::verify);
        } catch (UnsupportedFormatException e) {
            throw BackendException.permanent(String.valueOf(e.getMessage()), e);
        }
    }

    /** Opens a connection that has the log open, and so SQLite's lock that says so. */
    private Handle openForLog() {
        SQLiteConfig config = writable();
        try {
            Handle handle = configured(Jdbi.create(() -> config.createConnection(url())))
                    .open();
            try {
                handle.createQuery("SELECT count(*) FROM sqlite_schema")
                        .mapTo(int.class)
                        .one();
                handle.execute("PRAGMA busy_timeout = 0");
                return handle;
            } catch (RuntimeException e) {
                close(handle, e);
                throw e;
            }
        } catch (JdbiException e) {
            throw failure("open", e);
        }
    }

    private Handle openWriter(BiConsumer<Path, Handle> format) {
        SQLiteConfig config = writable();
        // What a statement of many rows keeps to undo it holds keys, and would go into a file of its own.
        config.setTempStore(TempStore.MEMORY);
        config.setPragma(Pragma.WAL_AUTOCHECKPOINT, String.valueOf(PAGES_PER_CHECKPOINT));
        Jdbi jdbi = configured(Jdbi.create(() -> config.createConnection(url())));
        jdbi.setStatementBuilderFactory(connection -> new StatementCache());
        try {
            Handle handle = jdbi.open();
            try {
                format.accept(path, handle);
                switchToLog(handle);
                forceNames();
                return handle;
            } catch (RuntimeException e) {
                close(handle, e);
                throw e;
            }
        } catch (JdbiException e) {
            throw failure("open", e);
        }
    }

    /**
     * Reads the whole file, and returns what is wrong with its trees and rows, or null; values are not looked into.
     *
     * <p>SQLite itself notices a damaged page only where the page makes no sense. A flipped bit of a key makes sense, and
     * hides the entries behind it (sqlite.org/pragma.html#pragma_integrity_check).
     */
    @Override
    @Nullable
    String damage(Handle handle) {
        try {
            String found = handle.createQuery("PRAGMA integrity_check(1)")
                    .mapTo(String.class)
                    .first();
            return found.equals("ok") ? null : damaged(found);
        } catch (JdbiException e) {
            SQLException cause = sqlException(e);
            if (cause != null && cause.getErrorCode() == SQLiteErrorCode.SQLITE_CORRUPT.code) {
                return damaged(String.valueOf(cause.getMessage()));
            }
            throw failure("check", e);
        }
    }

    private String damaged(String how) {
        return path + ": the file is damaged (" + how + ")" + RESCUE;
    }

    /** Takes the file's write lock at once: a lock taken later may fail in the middle of a group. */
    @Override
    void begin(Handle handle) {
        StatementCache.use(handle, "BEGIN IMMEDIATE", PreparedStatement::execute);
    }

    @Override
    void opened() {
        if (log != null) {
            mover.add(log);
        }
    }

    @Override
    void closed() {
        if (log != null) {
            mover.remove(log);
            log.close();
        }
    }

    /**
     * Commits, if the paths lead to the files that are open: they are looked at before, so that nothing is written where
     * they do not, and after, so that what is acknowledged is in what they lead to. While commits follow each other within
     * a millisecond, the look after one counts for the next.
     */
    @Override
    void commit(Handle handle) {
        if (log != null) {
            log.beforeCommit();
        }
        StatementCache.use(handle, "COMMIT", PreparedStatement::execute);
        if (log != null) {
            log.committed(handle);
        }
    }

    @Override
    void rollBack(Handle handle) {
        StatementCache.use(handle, "ROLLBACK", PreparedStatement::execute);
    }

    @Override
    void upsert(Handle handle, Map<RowKey, byte[]> entries) {
        Iterator<Map.Entry<RowKey, byte[]>> rows = entries.entrySet().iterator();
        for (int left = entries.size(); left > 0; left -= ROWS_PER_UPSERT) {
            int count = Math.min(left, ROWS_PER_UPSERT);
            StatementCache.use(handle, UPSERTS.get(count - 1), upsert -> {
                for (int column = 1; column <= count * COLUMNS; column += COLUMNS) {
                    Map.Entry<RowKey, byte[]> row = rows.next();
                    bind(upsert, column, row.getKey());
                    upsert.setBytes(column + 3, row.getValue());
                }
                upsert.executeUpdate();
                // Else it keeps the keys that were bound, here and in SQLite, for as long as it lives.
                upsert.clearParameters();
            });
        }
    }

    private static String upsertOf(int rows) {
        return "INSERT INTO entry (context, type, id, value) VALUES "
                + String.join(", ", Collections.nCopies(rows, "(?, ?, ?, ?)"))
                + " ON CONFLICT (context, type, id) DO UPDATE SET value = excluded.value";
    }

    @Override
    void delete(Handle handle, Set<RowKey> entries) {
        StatementCache.use(handle, """
                DELETE FROM entry WHERE context = ? AND type = ? AND id = ?
                """, delete -> {
            for (RowKey key : entries) {
                bind(delete, 1, key);
                delete.executeUpdate();
            }
        });
    }

    @Override
    List<Batch> advance(Handle handle, List<Batch> batches) {
        List<Batch> refused = new ArrayList<>();
        StatementCache.use(handle, """
                UPDATE owner SET commit_epoch = ?2, commit_sequence = ?3
                WHERE context = ?1 AND epoch = ?2 AND (commit_epoch, commit_sequence) < (?2, ?3)
                """, update -> {
            for (Batch batch : batches) {
                update.setString(1, batch.context());
                update.setLong(2, batch.epoch());
                update.setLong(3, batch.sequence());
                if (update.executeUpdate() == 0) {
                    refused.add(batch);
                }
            }
        });
        return refused;
    }

    private static void bind(PreparedStatement statement, int column, RowKey key) throws SQLException {
        statement.setString(column, key.context());
        statement.setString(column + 1, key.type());
        statement.setString(column + 2, key.id());
    }

    @Override
    void beginLife() {
        life.begin();
    }

    @Override
    void endLife() {
        life.end();
    }

    @Override
    boolean lives(Handle handle, long other) {
        return life.lives(other);
    }

    /** SQLite forces the folder with the first commit of each connection, but ignores it if that fails. */
    private void forceNames() {
        Path folder = path.toAbsolutePath().getParent();
        try {
            DurableNames.force(folder == null ? path : folder);
        } catch (IOException e) {
            throw BackendException.permanent(
                    path + ": could not force the folder that it is in to the disk: " + e
                            + "; make the folder readable, or replace the disk",
                    e);
        }
    }

    private void switchToLog(Handle handle) {
        String mode = handle.createQuery("PRAGMA journal_mode = WAL")
                .mapTo(String.class)
                .one();
        if (!mode.equals("wal")) {
            throw BackendException.permanent(
                    path + " can't have a write-ahead log, its journal mode stays " + mode, null);
        }
    }

    @Override
    HikariDataSource openReaders() {
        SQLiteConfig config = config();
        config.setReadOnly(true);
        SQLiteDataSource source = new SQLiteDataSource(config) {
            @Override
            public SQLiteConnection getConnection(String user, String password) throws SQLException {
                SQLiteConnection connection = super.getConnection(user, password);
                try {
                    requireInPlace();
                    return connection;
                } catch (SQLException e) {
                    connection.close();
                    throw e;
                }
            }
        };
        source.setUrl(frozen == null ? url() : frozen.url());
        HikariConfig pool = new HikariConfig();
        pool.setDataSource(source);
        pool.setPoolName("keystore-sqlite-readers");
        pool.setReadOnly(true);
        pool.setMaximumPoolSize(READERS);
        pool.setMinimumIdle(0);
        pool.setMaxLifetime(0);
        pool.setConnectionTimeout(READER_TIMEOUT.toMillis());
        pool.setInitializationFailTimeout(-1);
        return new HikariDataSource(pool) {
            // Fails at once where the pool would try for 10 s to open its first connection.
            @Override
            public Connection getConnection() throws SQLException {
                if (getHikariPoolMXBean().getTotalConnections() == 0) {
                    SqliteDialect.this.requireInPlace();
                }
                return super.getConnection();
            }
        };
    }

    /** Checks that a new connection is to the same file and log as the others of the store. */
    private void requireInPlace() throws SQLException {
        SqliteOpenFiles open = files;
        Loss loss = open == null ? null : open.loss();
        if (open != null && loss != null) {
            throw new SQLException(open.message(loss), null, SQLiteErrorCode.SQLITE_NOTFOUND.code);
        }
    }

    @Override
    String place() {
        return path.toString();
    }

    @Override
    BackendException commitFailure(Handle handle, RuntimeException thrown) {
        if (thrown instanceof BackendException known) {
            return known;
        }
        SQLException cause = sqlException(thrown);
        int code = cause == null ? 0 : cause.getErrorCode();
        // SQLite rolls back when COMMIT fails (sqlite.org/lang_transaction.html), but after an I/O error the log may
        // hold the whole transaction behind its end, and recovery after a crash would take it for committed
        // (sqlite.org/walformat.html, 4.3). An empty log settles it.
        if (code == 0 || (code == SQLiteErrorCode.SQLITE_IOERR.code && !emptyLog(handle))) {
            return BackendException.outcomeUnknown(message("commit", cause == null ? thrown : cause), cause);
        }
        return failure("commit", thrown);
    }

    private static boolean emptyLog(Handle handle) {
        try {
            return handle.createQuery("PRAGMA wal_checkpoint(TRUNCATE)")
                            .mapTo(int.class)
                            .one()
                    == 0;
        } catch (JdbiException e) {
            return false;
        }
    }

    /** A lock of somebody else, no free reader, or a connection that was closed. */
    @Override
    boolean isPassing(SQLException cause) {
        int code = cause.getErrorCode();
        return code == 0
                || code == SQLiteErrorCode.SQLITE_BUSY.code
                || code == SQLiteErrorCode.SQLITE_LOCKED.code
                || code == SQLiteErrorCode.SQLITE_PROTOCOL.code;
    }

    @Override
    String advice(SQLException cause) {
        return switch (SQLiteErrorCode.getErrorCode(cause.getErrorCode())) {
            case SQLITE_BUSY, SQLITE_LOCKED -> "; another connection holds its lock";
            case SQLITE_FULL -> "; free some space on its volume";
            case SQLITE_IOERR -> isOfIndex(cause) ? "; free some space on its volume, if it is full" : "";
            case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM ->
                "; make the file and its folder readable and writable";
            case SQLITE_CORRUPT, SQLITE_NOTADB -> "; the file is damaged" + RESCUE;
            default -> "";
        };
    }

    private String url() {
        return "jdbc:sqlite:" + path;
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
        // The driver would run a statement of its own after each that writes.
        config.setGetGeneratedKeys(false);
        return config;
    }
}
