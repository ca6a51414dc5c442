package dev.keystore.jdbc;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.Await;
import dev.keystore.spi.support.TimedLock;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jdbi.v3.core.ConnectionException;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteErrorCode;

/**
 * Rewrites the file of an open store, so that neither it nor its log holds a byte of a former value.
 *
 * <p>VACUUM copies the live rows to a temporary file and from there, in one transaction, over all pages of the file. In
 * a file with a write-ahead log, the pages go to the log; a TRUNCATE checkpoint then moves them into the file, cuts the
 * file to its new length, and empties the log (sqlite.org/lang_vacuum.html,
 * sqlite.org/pragma.html#pragma_wal_checkpoint). New pages are filled with zeros before rows are written to them, so
 * they contain live rows and nothing else, with or without {@code secure_delete}.
 *
 * <p>The temporary file has no name and holds live rows only. By default, SQLite would create it in {@code /var/tmp}:
 * here it is in the folder of the database file, so that a plaintext store leaves no copy on another disk.
 *
 * <p>Durability: the transaction is committed like any other, so a kill or power loss at any point leaves the entries
 * as they are. The emptied log is forced as well: otherwise, power loss might bring its content back.
 *
 * <p>Concurrency: the caller keeps other threads of the backend from writing. The work runs on a platform thread, since
 * a native call of seconds would pin a virtual thread's carrier; the caller waits, and interrupts SQLite when its own
 * thread is interrupted or the backend is closed. Readers continue. Processes that write to the same file wait for its
 * lock, up to 2 s for each attempt.
 */
final class SqliteCompaction {

    /** How long a reader may keep the log from being emptied. */
    private static final Duration READERS_TIMEOUT = Duration.ofSeconds(10);

    /** The work itself has no deadline: it ends after a time that depends on the size of the file. */
    private static final Duration NO_TIMEOUT = Duration.ofDays(365);

    private static final Duration PAUSE = Duration.ofMillis(10);

    /** Guards the folder of SQLite's temporary files, which is one for the process. */
    private static final TimedLock TEMPORARY_FOLDER =
            new TimedLock("SQLite", "the compaction of another store", Duration.ofSeconds(10));

    private final SqliteOpenFiles files;
    private final SqliteWal wal;
    private final SqliteConnections connections;
    private final SqliteFailures failures;
    private final Duration readersTimeout;
    private volatile boolean stopped;

    /** Creates the compaction of a store; {@link #run} may be called several times. */
    SqliteCompaction(SqliteOpenFiles files, SqliteWal wal, SqliteConnections connections, SqliteFailures failures) {
        this(files, wal, connections, failures, READERS_TIMEOUT);
    }

    private SqliteCompaction(
            SqliteOpenFiles files,
            SqliteWal wal,
            SqliteConnections connections,
            SqliteFailures failures,
            Duration readersTimeout) {
        this.files = files;
        this.wal = wal;
        this.connections = connections;
        this.failures = failures;
        this.readersTimeout = readersTimeout;
    }

    /**
     * For tests: returns this compaction with another limit to how long a reader may keep the log from being emptied.
     */
    SqliteCompaction withReadersTimeout(Duration timeout) {
        return new SqliteCompaction(files, wal, connections, failures, timeout);
    }

    /**
     * Compacts the file, and waits until that is done. Only one thread at a time calls this.
     *
     * @throws BackendException if it failed; all entries are unchanged, and former values may remain
     * @throws OperationInterruptedException if this thread was interrupted, with the same consequences
     */
    void run() {
        files.requireInPlace();
        TEMPORARY_FOLDER.<Boolean, RuntimeException>hold("compact", () -> {
            try (Handle handle = connections.openForCompaction();
                    Statement statement = handle.getConnection().createStatement()) {
                runInFolder(statement);
                return true;
            } catch (SQLException e) {
                throw failures.failure("compact", new ConnectionException(e));
            } catch (IOException e) {
                throw BackendException.permanent(files.path() + ": could not compact: " + e, e);
            }
        });
    }

    /** Stops a running compaction, and each later one. Does not wait. */
    void stop() {
        stopped = true;
    }

    private void runInFolder(Statement statement) throws SQLException, IOException {
        String former = temporaryFolder(statement);
        setTemporaryFolder(statement, SqliteTarget.folder(files.path()).toString());
        boolean compacted = false;
        try {
            await(new Work(statement), statement);
            compacted = true;
        } finally {
            cleanUp(statement, former, compacted);
        }
    }

    private static void cleanUp(Statement statement, String formerFolder, boolean compacted) {
        try {
            setTemporaryFolder(statement, formerFolder);
            // After a failure, the log may have grown until the disk was full.
            boolean unused = compacted || isLogEmptied(statement);
        } catch (SQLException e) {
            // The next checkpoint empties the log.
        }
    }

    private static String temporaryFolder(Statement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery("PRAGMA temp_store_directory")) {
            return row.next() ? row.getString(1) : "";
        }
    }

    private static void setTemporaryFolder(Statement statement, String folder) throws SQLException {
        statement.execute("PRAGMA temp_store_directory = '" + folder.replace("'", "''") + "'");
    }

    private void await(Work work, Statement statement) throws SQLException {
        Thread thread = new Thread(null, work, "keystore-sqlite-compaction", 0, false);
        thread.setDaemon(true);
        thread.start();
        Await.Outcome outcome = Await.until(() -> work.ended || stopped, NO_TIMEOUT);
        boolean interrupted = outcome == Await.Outcome.INTERRUPTED;
        Await.uninterruptibly(() -> work.ended || (work.cancel(statement) && work.ended), NO_TIMEOUT);
        Throwable failure = work.failure;
        if (failure != null) {
            throw translated(failure, interrupted);
        }
    }

    private RuntimeException translated(Throwable failure, boolean interrupted) {
        if (interrupted) {
            return new OperationInterruptedException(
                    files.path() + " to be compacted",
                    "all entries are unchanged, but former values may remain in its files",
                    failure);
        }
        if (stopped) {
            return BackendException.permanent(
                    files.path() + ": could not compact: the store was closed meanwhile; open it and compact it again",
                    failure);
        }
        if (failure instanceof Error error) {
            throw error;
        }
        return failures.failure(
                "compact",
                failure instanceof SQLException cause ? new ConnectionException(cause) : (RuntimeException) failure);
    }

    /** The work of the platform thread. */
    private final class Work implements Runnable {

        private final Statement statement;
        private volatile boolean cancelled;
        private volatile boolean ended;
        private volatile @Nullable Throwable failure;

        private Work(Statement statement) {
            this.statement = statement;
        }

        @Override
        public void run() {
            try {
                // Otherwise, a log that VACUUM fills until the disk is full could not be emptied.
                boolean unused = isLogEmptied(statement);
                statement.execute("VACUUM");
                wal.countCompaction();
                emptyLog();
                files.requireInPlace();
                forceLog();
            } catch (SQLException | RuntimeException | Error e) {
                failure = e;
            } finally {
                ended = true;
            }
        }

        private void emptyLog() throws SQLException {
            long startNanos = System.nanoTime();
            while (cancelled || !isLogEmptied(statement)) {
                if (cancelled || System.nanoTime() - startNanos > readersTimeout.toNanos()) {
                    throw BackendException.transientFailure(
                            files.path() + ": could not compact: the file is compacted, but former values remain in its"
                                    + " log, since a reader of this process or another one has used it for "
                                    + readersTimeout.toMillis() + " ms; end that reader, and compact again",
                            null);
                }
                LockSupport.parkNanos(PAUSE.toNanos());
            }
        }

        /** Interrupts SQLite, which has an effect only while a statement runs: repeated until the work has ended. */
        private boolean cancel(Statement running) {
            cancelled = true;
            try {
                running.cancel();
                return true;
            } catch (SQLException e) {
                return false;
            }
        }
    }

    private static boolean isLogEmptied(Statement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery("PRAGMA wal_checkpoint(TRUNCATE)")) {
            return row.next() && row.getInt("busy") == 0;
        } catch (SQLException e) {
            if (e.getErrorCode() == SQLiteErrorCode.SQLITE_BUSY.code
                    || e.getErrorCode() == SQLiteErrorCode.SQLITE_LOCKED.code) {
                return false;
            }
            throw e;
        }
    }

    /** No lock of SQLite is on the log, so that closing the channel releases none. */
    private void forceLog() {
        try (FileChannel log = FileChannel.open(files.log(), StandardOpenOption.WRITE)) {
            log.force(true);
        } catch (IOException e) {
            throw BackendException.permanent(
                    files.path() + ": could not compact: its log " + files.log() + " could not be forced: " + e, e);
        }
    }
}
