package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.EnumMap;
import java.util.Map;
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

    private static final Map<SQLiteErrorCode, String> ADVICE = advice();

    SqliteFailures(Path path) {
        super(path.toString());
    }

    private static Map<SQLiteErrorCode, String> advice() {
        String locked = "; another connection holds its lock";
        String inaccessible = "; make the file and its folder readable and writable";
        String damaged = "; the file is damaged" + RESCUE;
        Map<SQLiteErrorCode, String> advice = new EnumMap<>(SQLiteErrorCode.class);
        advice.put(SQLiteErrorCode.SQLITE_BUSY, locked);
        advice.put(SQLiteErrorCode.SQLITE_LOCKED, locked);
        advice.put(SQLiteErrorCode.SQLITE_FULL, "; free some space on its volume");
        advice.put(SQLiteErrorCode.SQLITE_READONLY, inaccessible);
        advice.put(SQLiteErrorCode.SQLITE_CANTOPEN, inaccessible);
        advice.put(SQLiteErrorCode.SQLITE_PERM, inaccessible);
        advice.put(SQLiteErrorCode.SQLITE_CORRUPT, damaged);
        advice.put(SQLiteErrorCode.SQLITE_NOTADB, damaged);
        return advice;
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
        SQLiteErrorCode code = SQLiteErrorCode.getErrorCode(cause.getErrorCode());
        if (code == SQLiteErrorCode.SQLITE_IOERR) {
            return isOfIndex(cause) ? "; free some space on its volume, if it is full" : "";
        }
        return ADVICE.getOrDefault(code, "");
    }
}
