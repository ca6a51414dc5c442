package dev.keystore.jdbc;

import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteErrorCode;

/**
 * The dialect of SQLite: statements, transactions, the log and the check for damage. Reads wait 10 s for a connection.
 */
final class SqliteDialect extends Dialect {

    private static final Duration OPEN_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration OPEN_PAUSE = Duration.ofMillis(20);
    private static final ReaderPool.Limits READERS =
            new ReaderPool.Limits(4, Duration.ofSeconds(10), ReaderPool.UNLIMITED, false);

    /** The number at which a row costs least: half as much as with a statement for each row. */
    private static final int ROWS_PER_UPSERT = 16;

    private static final int COLUMNS = 4;

    private static final StatementCache.Use EXECUTE = PreparedStatement::execute;
    private static final BiConsumer<Path, Handle> VERIFY = SqliteFormat::verify;

    private static final List<String> UPSERTS = IntStream.rangeClosed(1, ROWS_PER_UPSERT)
            .mapToObj(SqliteDialect::upsertOf)
            .toList();

    private final Path path;
    private final boolean mustExist;
    private final @Nullable SqliteReadOnlyFile readOnly;
    private final SqliteFailures failures;
    private final SqliteConnections connections;
    private final SqliteLivenessLock liveness;
    private final SqliteCheckpointer checkpointer;

    /** Both are set once, when the writer connection is first opened; null if the store can only be read. */
    private @Nullable SqliteOpenFiles files;

    private @Nullable SqliteWal wal;

    private volatile LongConsumer fsyncTimes = nanos -> {};

    private SqliteDialect(
            Path path,
            boolean mustExist,
            @Nullable SqliteReadOnlyFile readOnly,
            SqliteCheckpointer checkpointer,
            SqliteFailures failures) {
        super(failures);
        this.path = path;
        this.mustExist = mustExist;
        this.readOnly = readOnly;
        this.failures = failures;
        this.connections = new SqliteConnections(path, failures);
        this.liveness = new SqliteLivenessLock(path, ownerId);
        this.checkpointer = checkpointer;
    }

    /**
     * Returns the dialect of a store that is read and written.
     *
     * @param mustExist whether a file without a store is refused; otherwise a store is created in it
     */
    static SqliteDialect forWriting(Path path, boolean mustExist, SqliteCheckpointer checkpointer) {
        return new SqliteDialect(path, mustExist, null, checkpointer, new SqliteFailures(path));
    }

    /** Returns the dialect of a store that can only be read. */
    static SqliteDialect forReading(Path path, SqliteReadOnlyFile file, SqliteCheckpointer checkpointer) {
        return new SqliteDialect(path, true, file, checkpointer, new SqliteFailures(path));
    }

    @Override
    String place() {
        return path.toString();
    }

    /**
     * Opens the writer connection and the log, and creates the tables in an empty file.
     *
     * <p>Waits up to 10 s for other connections that open the same file; an interrupt ends the wait. SQLite itself does
     * not wait for a lock where waiting could deadlock, for example while two connections switch a file to WAL
     * (sqlite.org/c3ref/busy_handler.html).
     */
    @Override
    Handle createAndOpenWriter() {
        if (readOnly != null) {
            return connections.openReadOnly(readOnly);
        }
        long deadline = System.nanoTime() + OPEN_TIMEOUT.toNanos();
        while (true) {
            try {
                return openWriterAndLog(mustExist ? SqliteFormat::find : SqliteFormat::install);
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

    private Handle openWriterAndLog(BiConsumer<Path, Handle> format) {
        try {
            Object fileKey = SqliteOpenFiles.key(path);
            Handle writer = connections.openWriter(format);
            try {
                openLog(fileKey);
                return writer;
            } catch (RuntimeException | IOException | Error e) {
                Connections.close(writer, e);
                throw e;
            }
        } catch (IOException e) {
            throw BackendException.permanent(path + ": could not open: " + e, e);
        }
    }

    private void openLog(@Nullable Object fileKey) throws IOException {
        Handle connection = connections.openForCheckpoints();
        try {
            SqliteOpenFiles opened = new SqliteOpenFiles(path, fileKey);
            opened.requireInPlace();
            files = opened;
            wal = new SqliteWal(opened, connection, checkpointer.ticker());
        } catch (RuntimeException | IOException | Error e) {
            Connections.close(connection, e);
            throw e;
        }
    }

    @Override
    Handle reopenWriter() {
        if (files != null) {
            files.requireInPlace();
        }
        try {
            return connections.openWriter(VERIFY);
        } catch (UnsupportedFormatException e) {
            throw BackendException.permanent(String.valueOf(e.getMessage()), e);
        }
    }

    @Override
    ReaderPool openReaders() {
        return new ReaderPool(READERS, connections.readers(readOnly, files));
    }

    @Override
    void startBackgroundTasks(Runnable rollBackUnfinished) {
        if (wal != null) {
            checkpointer.add(wal, rollBackUnfinished);
        }
    }

    @Override
    void close() {
        if (wal != null) {
            try {
                checkpointer.remove(wal);
            } finally {
                wal.close();
            }
        }
    }

    /** Returns the compaction of the file; {@code null} if the store can only be read. */
    @Nullable
    SqliteCompaction compaction() {
        return files == null || wal == null ? null : new SqliteCompaction(files, wal, connections, failures);
    }

    /** Takes the file's write lock immediately: taking it later could fail in the middle of a group. */
    @Override
    void begin(Handle handle) {
        StatementCache.use(handle, "BEGIN IMMEDIATE", EXECUTE);
    }

    /**
     * Commits, if the paths lead to the open files. This is checked before the commit, so that nothing is written to
     * other files, and after it, so that what is acknowledged can be found at the paths. If a commit follows another
     * within a millisecond, the check after the earlier one also serves as the check before the later one.
     */
    @Override
    void commit(Handle handle) {
        if (wal != null) {
            wal.beforeCommit();
        }
        long startNanos = System.nanoTime();
        StatementCache.use(handle, "COMMIT", EXECUTE);
        long fsyncNanos = System.nanoTime() - startNanos;
        if (wal != null) {
            wal.afterCommit(handle);
        }
        fsyncTimes.accept(fsyncNanos);
    }

    /** Sets the receiver of the times of {@code COMMIT}, which forces the log. */
    void reportFsyncs(LongConsumer nanos) {
        fsyncTimes = nanos;
    }

    @Override
    void rollBack(Handle handle) {
        StatementCache.use(handle, "ROLLBACK", EXECUTE);
    }

    /** The first query determines the point in time (sqlite.org/isolation.html). */
    @Override
    void beginSnapshot(Handle handle) {
        StatementCache.use(handle, "BEGIN", EXECUTE);
    }

    @Override
    void endSnapshot(Handle handle) {
        StatementCache.use(handle, "COMMIT", EXECUTE);
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
                // Otherwise the prepared statement keeps the bound values, in Java and in SQLite.
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

    /** Reads the entries one by one, in one transaction. */
    @Override
    Map<String, byte[]> findAll(Handle handle, String context, String type, List<String> ids) {
        Map<String, byte[]> found = new HashMap<>();
        StatementCache.use(handle, "BEGIN", EXECUTE);
        StatementCache.use(handle, FIND, statement -> {
            for (String id : ids) {
                value(statement, context, type, id).ifPresent(value -> found.put(id, value));
            }
        });
        StatementCache.use(handle, "COMMIT", EXECUTE);
        return found;
    }

    @Override
    List<Batch> recordIds(Handle handle, List<Batch> batches) {
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
    void acquireLiveness() {
        liveness.hold();
    }

    @Override
    void releaseLiveness() {
        liveness.release();
    }

    @Override
    boolean isAlive(Handle handle, long otherOwnerId) {
        return liveness.isAlive(otherOwnerId);
    }

    /**
     * Reads the whole file, and returns what is wrong with its trees and rows, or null. Values are not examined.
     *
     * <p>SQLite itself notices a damaged page only if the page makes no sense. A flipped bit of a key makes sense, and
     * hides the entries behind it (sqlite.org/pragma.html#pragma_integrity_check).
     */
    @Override
    @Nullable
    String findDamage(Handle handle) {
        try {
            String found = handle.createQuery("PRAGMA integrity_check(1)")
                    .mapTo(String.class)
                    .first();
            return found.equals("ok") ? null : SqliteFailures.damaged(found);
        } catch (JdbiException e) {
            SQLException cause = SqlFailures.sqlException(e);
            if (cause != null && cause.getErrorCode() == SQLiteErrorCode.SQLITE_CORRUPT.code) {
                return SqliteFailures.damaged(String.valueOf(cause.getMessage()));
            }
            throw failures.failure("check the file", e);
        }
    }

    @Override
    @Nullable
    String readOnlyReason() {
        return readOnly == null ? null : readOnly.reason();
    }

    @Override
    void requireReadOnlyFileUnchanged() {
        if (readOnly != null) {
            readOnly.requireUnchanged();
        }
    }
}
