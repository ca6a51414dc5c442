package dev.keystore.jdbc;

import dev.keystore.OperationInterruptedException;
import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteErrorCode;

/**
 * The marks of a store in its file: the application id and the schema version in SQLite's header.
 *
 * <p>They are written with the schema in one transaction, before the file is switched to a write-ahead log. So they are
 * in the file itself from the start, and can be read without the log.
 */
final class SqliteFormat {

    /** {@code "KeyS"}; see <a href="https://sqlite.org/pragma.html#pragma_application_id">application_id</a>. */
    static final int APPLICATION_ID = 0x4B657953;

    static final int SCHEMA_VERSION = 1;

    private static final List<String> TABLES = List.of("entry", "owner");
    private static final int MAX_TABLES_NAMED = 10;
    private static final int LOOKS = 5;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private SqliteFormat() {}

    /**
     * Reads the marks of a file that is not empty, without changing the file or its log.
     *
     * <p>If the file is malformed and has a rollback journal, another process is creating the store, or was killed
     * while it did. The marks are then checked when the file is opened: SQLite waits for that process, or rolls back
     * what it left. Without a journal, the file is read again for about 80 ms, since it may be complete by then.
     *
     * @param hasSibling returns whether there is a file that is not empty, whose name is that of the store's file plus
     *     a suffix
     * @throws UnsupportedFormatException if it is a database, but not a store that this version can use
     * @throws StoreOpenException if it is not an SQLite database, or can't be read
     * @throws OperationInterruptedException if the thread was interrupted between two attempts
     */
    static void examine(Path path, Predicate<String> hasSibling) {
        for (int looks = 1; true; looks++) {
            try {
                examine(path, "?immutable=1");
                return;
            } catch (JdbiException e) {
                if ((isCorrupt(e) || isNoDatabase(e)) && hasSibling.test("-journal")) {
                    return;
                }
                // A crash during a checkpoint leaves a file that is complete only with its log.
                if (isCorrupt(e) && hasSibling.test("-wal")) {
                    examineWithLog(path);
                    return;
                }
                if (!isCorrupt(e) || looks == LOOKS) {
                    throw unreadable(path, e);
                }
            }
            LockSupport.parkNanos(PAUSE_NANOS);
            if (Thread.currentThread().isInterrupted()) {
                throw new OperationInterruptedException("another process to complete " + path);
            }
        }
    }

    private static void examineWithLog(Path path) {
        try {
            examine(path, "");
        } catch (JdbiException e) {
            throw unreadable(path, e);
        }
    }

    private static void examine(Path path, String options) {
        // Reading the header without SQLite and closing the file would release this process's locks on it
        // (sqlite.org/howtocorrupt.html, 2.2). Unless the file is immutable, SQLite creates the files of the log.
        SQLiteConfig config = new SQLiteConfig();
        config.setReadOnly(true);
        String url = "jdbc:sqlite:" + path.toUri() + options;
        try (Handle handle = Jdbi.open(() -> config.createConnection(url))) {
            if (applicationId(handle) != APPLICATION_ID || version(handle) != SCHEMA_VERSION) {
                throw unsupported(path, handle);
            }
        }
    }

    /**
     * Writes the marks and the schema into an open file if it is empty, and checks them otherwise.
     *
     * @throws UnsupportedFormatException if it is not a store that this version can use; nothing was changed
     */
    static void install(Path path, Handle handle) {
        if (isFresh(handle)) {
            handle.execute("BEGIN IMMEDIATE");
            if (isFresh(handle)) {
                create(handle);
            }
            handle.execute("COMMIT");
        }
        verify(path, handle);
    }

    /**
     * Checks the marks of an open file, which must not be empty.
     *
     * @throws StoreNotFoundException if it is empty; nothing was changed
     * @throws UnsupportedFormatException if it is not a store that this version can use
     */
    static void find(Path path, Handle handle) {
        if (isFresh(handle)) {
            throw notFound(path);
        }
        verify(path, handle);
    }

    /**
     * Checks the marks of an open file.
     *
     * @throws UnsupportedFormatException if it is not a store that this version can use
     */
    static void verify(Path path, Handle handle) {
        if (applicationId(handle) != APPLICATION_ID
                || version(handle) != SCHEMA_VERSION
                || !tables(handle).containsAll(TABLES)) {
            throw unsupported(path, handle);
        }
    }

    /** Returns the exception for a file that is missing or empty. */
    static StoreNotFoundException notFound(Path path) {
        return new StoreNotFoundException(
                path + ": could not open: " + (Files.exists(path) ? "it holds no key store" : "it does not exist")
                        + ", and nothing was created; check the path, or open it without mustExist to create a store"
                        + " there");
    }

    private static void create(Handle handle) {
        handle.execute("""
                CREATE TABLE entry (
                    context TEXT NOT NULL,
                    type TEXT NOT NULL,
                    id TEXT NOT NULL,
                    value BLOB NOT NULL,
                    PRIMARY KEY (context, type, id)
                ) STRICT
                """);
        handle.execute("""
                CREATE TABLE owner (
                    context TEXT NOT NULL PRIMARY KEY,
                    epoch INTEGER NOT NULL,
                    commit_epoch INTEGER NOT NULL DEFAULT 0,
                    commit_sequence INTEGER NOT NULL DEFAULT 0,
                    former_epoch INTEGER NOT NULL DEFAULT 0,
                    former_sequence INTEGER NOT NULL DEFAULT 0,
                    holder INTEGER NOT NULL,
                    host TEXT NOT NULL,
                    process TEXT NOT NULL,
                    since TEXT NOT NULL
                ) STRICT, WITHOUT ROWID
                """);
        handle.execute("PRAGMA application_id = " + APPLICATION_ID);
        handle.execute("PRAGMA user_version = " + SCHEMA_VERSION);
    }

    private static boolean isFresh(Handle handle) {
        return applicationId(handle) == 0
                && version(handle) == 0
                && tables(handle).isEmpty();
    }

    private static int applicationId(Handle handle) {
        return handle.createQuery("PRAGMA application_id").mapTo(int.class).one();
    }

    private static int version(Handle handle) {
        return handle.createQuery("PRAGMA user_version").mapTo(int.class).one();
    }

    private static List<String> tables(Handle handle) {
        return handle.createQuery("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
                .mapTo(String.class)
                .list();
    }

    private static UnsupportedFormatException unsupported(Path path, Handle handle) {
        int applicationId = applicationId(handle);
        int version = version(handle);
        if (applicationId == APPLICATION_ID && version > SCHEMA_VERSION) {
            return new UnsupportedFormatException(path + ": could not open: it is a key store of format " + version
                    + ", and this version of Keystore supports formats up to " + SCHEMA_VERSION
                    + "; use a newer version of Keystore");
        }
        List<String> tables = tables(handle);
        return new UnsupportedFormatException(
                path + ": could not open: it is an SQLite database, but not a key store: application id "
                        + String.format("0x%08X", applicationId) + " (a key store has 0x"
                        + String.format("%08X", APPLICATION_ID)
                        + "), user version " + version + ", "
                        + (tables.isEmpty() ? "no tables" : "tables " + names(tables)) + "; name another file");
    }

    private static String names(List<String> tables) {
        return tables.size() <= MAX_TABLES_NAMED
                ? String.join(", ", tables)
                : String.join(", ", tables.subList(0, MAX_TABLES_NAMED)) + " and " + (tables.size() - MAX_TABLES_NAMED)
                        + " more";
    }

    private static boolean isCorrupt(JdbiException e) {
        return hasCode(e, SQLiteErrorCode.SQLITE_CORRUPT);
    }

    private static boolean isNoDatabase(JdbiException e) {
        return hasCode(e, SQLiteErrorCode.SQLITE_NOTADB);
    }

    private static boolean hasCode(JdbiException e, SQLiteErrorCode code) {
        SQLException cause = SqlFailures.sqlException(e);
        return cause != null && cause.getErrorCode() == code.code;
    }

    private static StoreOpenException unreadable(Path path, JdbiException e) {
        SQLException cause = SqlFailures.sqlException(e);
        if (isNoDatabase(e)) {
            return new StoreOpenException(
                    path + ": could not open: it is not an SQLite database; name another file", cause);
        }
        return new StoreOpenException(path + ": could not open: " + (cause == null ? e : cause).getMessage(), cause);
    }
}
