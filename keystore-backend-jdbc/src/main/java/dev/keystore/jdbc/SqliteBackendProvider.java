package dev.keystore.jdbc;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendProvider;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Opens the SQLite backend from {@code jdbc:sqlite:path/of/the/file.db}. It is found by this scheme.
 *
 * <p>The scheme is followed by a path and nothing else: no {@code file:} URI, no options after a {@code ?}, and not
 * {@code :memory:}, which would not be durable. There are no properties. If the file does not exist or is empty, a new
 * store is created in it; missing folders are created as well. Only their owner can access what is created. With
 * {@code mustExist}, such a file is refused instead, and nothing is created.
 *
 * <p>Opening reads the whole file once and checks its structure, which takes about 2 µs per entry. A file with a
 * damaged structure is opened nevertheless, and what is found in it can be read. A read that finds nothing, a listing,
 * {@code verify()} and every write fail, with a message that the file is damaged. A damaged value is reported when it
 * is read, and by {@code verify()}.
 *
 * <p>A store that can't be written, because its file, its folder or its file system is read-only, or because its disk
 * is full at opening, is opened for reading: contexts are opened without being owned, reads work, and every commit
 * fails with the reason. Open the store again once the cause is removed. A file with several names (hard links) is
 * refused.
 *
 * <p>Compacting the file takes about 14 s for 1 GiB of values, and needs free space for two copies of the current
 * values on its volume. Reads continue meanwhile; commits of this process wait for it, and those of other processes
 * wait 2 s at each attempt.
 */
public final class SqliteBackendProvider implements BackendProvider {

    private static final String SCHEME = "jdbc:sqlite";

    private final SqliteCheckpointer checkpointer;

    /** For {@link java.util.ServiceLoader}. */
    public SqliteBackendProvider() {
        this(SqliteCheckpointer.PROCESS);
    }

    /** For tests that control when logs are checkpointed. */
    SqliteBackendProvider(SqliteCheckpointer checkpointer) {
        this.checkpointer = checkpointer;
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
        requireDriver(path);
        if (config.mustExist()) {
            SqliteFile.requireStore(path);
        }
        if (checkpointer.hasLost(path)) {
            // New connections to the path would share the locks and the log's index with those of the lost file.
            throw new StoreOpenException(
                    path
                            + ": could not open: the file was removed, moved or replaced while this process has it"
                            + " open; close that database first",
                    null);
        }
        SqliteFile file = SqliteFile.examine(path);
        SqliteReadOnlyFile readOnly = file.readOnly();
        try {
            return readOnly == null
                    ? openToWrite(path, file, config.mustExist())
                    : SqliteBackend.open(SqliteDialect.forReading(path, readOnly, checkpointer));
        } catch (BackendException e) {
            StoreOpenException failure = new StoreOpenException(String.valueOf(e.getMessage()), e.getCause());
            file.undo(failure);
            throw failure;
        } catch (RuntimeException | Error e) {
            file.undo(e);
            throw e;
        }
    }

    /** Opens a store for writing, or for reading if SQLite can't write to it, for example because the disk is full. */
    private Backend openToWrite(Path path, SqliteFile file, boolean mustExist) {
        if (!mustExist) {
            file.create();
        }
        try {
            return SqliteBackend.open(SqliteDialect.forWriting(path, mustExist, checkpointer));
        } catch (BackendException e) {
            if (!file.existed() || !SqliteFailures.isUnwritable(e)) {
                throw e;
            }
            try {
                SqliteReadOnlyFile readOnly = SqliteReadOnlyFile.of(path, String.valueOf(e.getMessage()));
                return SqliteBackend.open(SqliteDialect.forReading(path, readOnly, checkpointer));
            } catch (BackendException | StoreOpenException alsoFailed) {
                e.addSuppressed(alsoFailed);
                throw e;
            }
        }
    }

    private static Path path(BackendConfig config) {
        if (!config.properties().isEmpty()) {
            throw new IllegalArgumentException("properties must be empty, since the SQLite backend has none, but was "
                    + config.properties().keySet());
        }
        String location = config.location(SCHEME);
        if (location.isBlank()) {
            throw refused("names no file");
        }
        if (location.startsWith(":")) {
            throw refused("is not the path of a file");
        }
        if (location.startsWith("file:")) {
            throw refused("contains a file: URI");
        }
        if (location.contains("?")) {
            throw refused("contains options after a \"?\", but the SQLite backend has none");
        }
        return Path.of(location).toAbsolutePath();
    }

    /** The message omits the URL, whose options may contain a password. */
    private static IllegalArgumentException refused(String why) {
        return new IllegalArgumentException("url " + why + "; write " + SCHEME + ":path/of/the/file.db");
    }

    private static void requireDriver(Path path) {
        try {
            Class.forName("org.sqlite.SQLiteDataSource", false, SqliteBackendProvider.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new StoreOpenException(
                    path
                            + ": could not open: the SQLite driver is missing; add the artifact org.xerial:sqlite-jdbc"
                            + " to the class path",
                    e);
        }
    }
}
