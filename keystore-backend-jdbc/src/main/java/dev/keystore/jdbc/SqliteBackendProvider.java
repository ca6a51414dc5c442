package dev.keystore.jdbc;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendProvider;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Opens the SQLite backend from {@code jdbc:sqlite:path/of/the/file.db}. Found by its scheme; nobody needs to name it.
 *
 * <p>What follows the scheme is a path and nothing else: no {@code file:} URI, no options after a {@code ?}, and not
 * {@code :memory:}, which would not be durable. There are no properties. A file that does not exist, or is empty, becomes
 * a new store, readable by its owner alone; missing folders are created likewise. Where the store must exist, it is
 * refused, and nothing is created.
 *
 * <p>Opening reads the whole file once and checks its structure, about 2 µs for each entry. A file whose structure is
 * damaged opens for what is still found in it: a read that finds nothing, a listing, {@code verify()} and every write fail
 * then, and say that the file is damaged. A damaged value is found when it is read, and by {@code verify()}.
 *
 * <p>A store that can't be written, since its file, its folder or its file system is read-only, or its disk was full when it
 * was opened, opens for reading: contexts open without an owner, reads work, and every commit fails and says why. After the
 * cause is gone, open it again. A file with several names (hard links) is refused.
 */
public final class SqliteBackendProvider implements BackendProvider {

    private static final String SCHEME = "jdbc:sqlite";

    private final SqliteLogMover mover;

    /** For {@link java.util.ServiceLoader}. */
    public SqliteBackendProvider() {
        this(SqliteLogMover.PROCESS);
    }

    /** For tests that look at logs. */
    SqliteBackendProvider(SqliteLogMover mover) {
        this.mover = mover;
    }

    @Override
    public String name() {
        return "SQLite";
    }

    @Override
    public String scheme() {
        return SCHEME;
    }

    @Override
    public Backend open(BackendConfig config) {
        Path path = path(Objects.requireNonNull(config, "config"));
        requireDriver();
        if (config.mustExist()) {
            SqliteFile.requireStore(path);
        }
        if (mover.hasLost(path)) {
            // Its connections share locks and the index of the log with those of this process that come to the path.
            throw new StoreOpenException(
                    path + " was removed, moved or replaced while this process has it open; close that store first",
                    null);
        }
        SqliteFile file = SqliteFile.examine(path);
        SqliteFrozenFile frozen = file.frozen();
        try {
            return frozen == null
                    ? openToWrite(path, file, config.mustExist())
                    : JdbcBackend.open(SqliteDialect.forReading(path, frozen, mover));
        } catch (BackendException e) {
            StoreOpenException failure = new StoreOpenException(String.valueOf(e.getMessage()), e.getCause());
            file.undo(failure);
            throw failure;
        } catch (RuntimeException | Error e) {
            file.undo(e);
            throw e;
        }
    }

    /** Opens a store; one that the disk has no room for the log of is opened for reading, if all of it is in its file. */
    private Backend openToWrite(Path path, SqliteFile file, boolean mustExist) {
        if (!mustExist) {
            file.create();
        }
        try {
            return JdbcBackend.open(new SqliteDialect(path, mustExist, mover));
        } catch (BackendException e) {
            if (!file.wasThere() || !SqliteDialect.isUnwritable(e)) {
                throw e;
            }
            try {
                SqliteFrozenFile frozen = SqliteFrozenFile.of(path, String.valueOf(e.getMessage()));
                return JdbcBackend.open(SqliteDialect.forReading(path, frozen, mover));
            } catch (BackendException | StoreOpenException alsoNot) {
                e.addSuppressed(alsoNot);
                throw e;
            }
        }
    }

    private static Path path(BackendConfig config) {
        if (!config.properties().isEmpty()) {
            throw new IllegalArgumentException("properties must be empty: the SQLite backend has none, was given "
                    + config.properties().keySet());
        }
        String location = config.location(SCHEME);
        if (location.isBlank()) {
            throw refused("names no file");
        }
        if (location.startsWith(":")) {
            throw refused("is not durable, or no file of its own");
        }
        if (location.startsWith("file:")) {
            throw refused("holds a file: URI");
        }
        if (location.contains("?")) {
            throw refused("holds options after a \"?\", and the SQLite backend has none");
        }
        return Path.of(location).toAbsolutePath();
    }

    /** Without the URL: its options may hold a password. */
    private static IllegalArgumentException refused(String why) {
        return new IllegalArgumentException("url " + why + "; write " + SCHEME + ":path/of/the/file.db");
    }

    private static void requireDriver() {
        try {
            Class.forName("org.sqlite.SQLiteDataSource", false, SqliteBackendProvider.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new StoreOpenException(
                    "the SQLite driver is missing: add the artifact org.xerial:sqlite-jdbc to the class path", e);
        }
    }
}
