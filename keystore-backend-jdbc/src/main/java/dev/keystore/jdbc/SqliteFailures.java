package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import java.nio.file.Path;
import java.sql.SQLException;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/** Translates the exceptions of SQLite's driver. */
final class SqliteFailures extends SqlFailures {

    /** An older copy would bring back keys and ratchet states that have since been used (R46). */
    static final String NEVER_COPY =
            "; never copy an older file into place: its keys and ratchet states have since been used";

    private static final String RESCUE = "; verify lists the entries that can still be found" + NEVER_COPY;

    SqliteFailures(Path path) {
        super(path.toString());
    }

    /** Returns why a file whose structure is damaged can't be used, and what to do. */
    static String damaged(String how) {
        return "the file is damaged (" + how + ")" + RESCUE;
    }

    @Override
    BackendException commitFailure(Handle handle, RuntimeException thrown) {
        if (thrown instanceof BackendException known) {
            return known;
        }
        SQLException cause = sqlException(thrown);
        int code = cause == null ? 0 : cause.getErrorCode();
        // SQLite rolls back when COMMIT fails (sqlite.org/lang_transaction.html). But after an I/O error the log may
        // hold the whole transaction behind its end, and recovery after a crash would take it for committed
        // (sqlite.org/walformat.html, 4.3). Emptying the log settles it.
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

    /** Another connection's lock, no free reader, or a connection that was closed. */
    @Override
    boolean isTransient(SQLException cause) {
        int code = cause.getErrorCode();
        return code == 0
                || code == SQLiteErrorCode.SQLITE_BUSY.code
                || code == SQLiteErrorCode.SQLITE_LOCKED.code
                || code == SQLiteErrorCode.SQLITE_PROTOCOL.code;
    }

    @Override
    boolean leavesReading(BackendException failure) {
        return isUnwritable(failure);
    }

    /** Returns whether the file, its folder or its disk can't be written, while the file may still be read. */
    static boolean isUnwritable(BackendException failure) {
        if (failure.getCause() instanceof SQLException cause) {
            int code = cause.getErrorCode();
            return code == SQLiteErrorCode.SQLITE_FULL.code
                    || code == SQLiteErrorCode.SQLITE_READONLY.code
                    || (code == SQLiteErrorCode.SQLITE_IOERR.code && isOfIndex(cause));
        }
        return false;
    }

    /** Returns whether a failure is one of the log's index. On a full disk, this is how SQLite fails to create it. */
    private static boolean isOfIndex(SQLException cause) {
        return cause instanceof SQLiteException known
                && (known.getResultCode() == SQLiteErrorCode.SQLITE_IOERR_SHMSIZE
                        || known.getResultCode() == SQLiteErrorCode.SQLITE_IOERR_SHMOPEN
                        || known.getResultCode() == SQLiteErrorCode.SQLITE_IOERR_SHMMAP);
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
}
