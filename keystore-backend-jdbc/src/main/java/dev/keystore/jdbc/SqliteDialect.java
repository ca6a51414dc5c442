package dev.keystore.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.statement.PreparedBatch;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.SynchronousMode;
import org.sqlite.SQLiteDataSource;
import org.sqlite.SQLiteErrorCode;
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

    /**
     * A prepared statement of the driver keeps room for the largest batch it ever had, and clears all of it after each
     * later one; the writer's statements live as long as its connection.
     */
    private static final int ROWS_PER_BATCH = 64;

    private final Path path;
    private final SqliteLife life;

    SqliteDialect(Path path) {
        this.path = path;
        this.life = new SqliteLife(path, holder);
    }

    /**
     * Opens the connection that writes: puts the schema into an empty file, and switches it to a write-ahead log.
     *
     * <p>Waits up to 10 s for others that open the same file.
     */
    @Override
    Handle createAndOpenWriter() {
        // SQLite does not wait for a lock where waiting could deadlock, as when two switch a file to WAL at once
        // (sqlite.org/c3ref/busy_handler.html).
        long deadline = System.nanoTime() + OPEN_TIMEOUT.toNanos();
        while (true) {
            try {
                return openWriter(SqliteFormat::install);
            } catch (BackendException e) {
                if (e.kind() != Kind.TRANSIENT || System.nanoTime() - deadline > 0) {
                    throw e;
                }
                LockSupport.parkNanos(OPEN_PAUSE.toNanos());
            }
        }
    }

    @Override
    Handle reopenWriter() {
        try {
            return openWriter(SqliteFormat::verify);
        } catch (UnsupportedFormatException e) {
            throw BackendException.permanent(String.valueOf(e.getMessage()), e);
        }
    }

    private Handle openWriter(BiConsumer<Path, Handle> format) {
        SQLiteConfig config = config();
        config.resetOpenMode(SQLiteOpenMode.CREATE);
        config.setSynchronous(SynchronousMode.FULL);
        Jdbi jdbi = configured(Jdbi.create(() -> config.createConnection(url())));
        jdbi.setStatementBuilderFactory(connection -> new StatementCache());
        try {
            Handle handle = jdbi.open();
            try {
                format.accept(path, handle);
                switchToLog(handle);
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
        return path + ": the file is damaged, restore it from a backup: " + how;
    }

    /** Takes the file's write lock at once: a lock taken later may fail in the middle of a group. */
    @Override
    void begin(Handle handle) {
        handle.execute("BEGIN IMMEDIATE");
    }

    @Override
    void commit(Handle handle) {
        handle.execute("COMMIT");
    }

    @Override
    void rollBack(Handle handle) {
        handle.execute("ROLLBACK");
    }

    @Override
    void upsert(Handle handle, Map<RowKey, byte[]> entries) {
        try (PreparedBatch batch = handle.prepareBatch("""
                INSERT INTO entry (context, type, id, value) VALUES (?, ?, ?, ?)
                ON CONFLICT (context, type, id) DO UPDATE SET value = excluded.value
                """)) {
            entries.forEach((key, value) -> {
                bind(batch, key).bind(3, value).add();
                executeIfFull(batch);
            });
            batch.execute();
        }
    }

    @Override
    void delete(Handle handle, Set<RowKey> entries) {
        try (PreparedBatch batch = handle.prepareBatch("""
                DELETE FROM entry WHERE context = ? AND type = ? AND id = ?
                """)) {
            entries.forEach(key -> {
                bind(batch, key).add();
                executeIfFull(batch);
            });
            batch.execute();
        }
    }

    private static void executeIfFull(PreparedBatch batch) {
        if (batch.size() == ROWS_PER_BATCH) {
            batch.execute();
        }
    }

    @Override
    List<Batch> advance(Handle handle, List<Batch> batches) {
        try (PreparedBatch update = handle.prepareBatch("""
                UPDATE owner SET commit_epoch = :epoch, commit_sequence = :sequence
                WHERE context = :context AND epoch = :epoch
                    AND (commit_epoch, commit_sequence) < (:epoch, :sequence)
                """)) {
            batches.forEach(batch -> update.bind("epoch", batch.epoch())
                    .bind("sequence", batch.sequence())
                    .bind("context", batch.context())
                    .add());
            int[] advanced = update.execute();
            return IntStream.range(0, advanced.length)
                    .filter(i -> advanced[i] == 0)
                    .mapToObj(batches::get)
                    .toList();
        }
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

    private static PreparedBatch bind(PreparedBatch batch, RowKey key) {
        return batch.bind(0, key.context()).bind(1, key.type()).bind(2, key.id());
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
        SQLiteDataSource source = new SQLiteDataSource(config);
        source.setUrl(url());
        HikariConfig pool = new HikariConfig();
        pool.setDataSource(source);
        pool.setPoolName("keystore-sqlite-readers");
        pool.setReadOnly(true);
        pool.setMaximumPoolSize(READERS);
        pool.setMinimumIdle(0);
        pool.setMaxLifetime(0);
        pool.setConnectionTimeout(READER_TIMEOUT.toMillis());
        pool.setInitializationFailTimeout(-1);
        return new HikariDataSource(pool);
    }

    @Override
    BackendException failure(String doing, RuntimeException thrown) {
        SQLException cause = sqlException(thrown);
        if (cause == null) {
            return BackendException.permanent(message(doing, thrown), thrown);
        }
        String message = message(doing, cause) + advice(cause);
        return isPassing(cause)
                ? BackendException.transientFailure(message, cause)
                : BackendException.permanent(message, cause);
    }

    @Override
    BackendException commitFailure(Handle handle, RuntimeException thrown) {
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

    /** Whether another try may succeed: a lock of somebody else, no free reader, or a connection that was closed. */
    private static boolean isPassing(SQLException cause) {
        int code = cause.getErrorCode();
        return code == 0
                || code == SQLiteErrorCode.SQLITE_BUSY.code
                || code == SQLiteErrorCode.SQLITE_LOCKED.code
                || code == SQLiteErrorCode.SQLITE_PROTOCOL.code;
    }

    private static String advice(SQLException cause) {
        return switch (SQLiteErrorCode.getErrorCode(cause.getErrorCode())) {
            case SQLITE_BUSY, SQLITE_LOCKED -> "; another connection holds its lock";
            case SQLITE_FULL -> "; free some space on its volume";
            case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM ->
                "; make the file and its folder readable and writable";
            case SQLITE_CORRUPT, SQLITE_NOTADB -> "; the file is damaged, restore it from a backup";
            default -> "";
        };
    }

    private String message(String doing, Throwable cause) {
        return path + ": could not " + doing + ": " + cause.getMessage();
    }

    private String url() {
        return "jdbc:sqlite:" + path;
    }

    private static SQLiteConfig config() {
        SQLiteConfig config = new SQLiteConfig();
        config.setBusyTimeout(Math.toIntExact(BUSY_TIMEOUT.toMillis()));
        return config;
    }
}
