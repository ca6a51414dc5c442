package dev.keystore.jdbc;

import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendProvider;
import java.sql.SQLException;
import java.util.Objects;

/**
 * Opens the PostgreSQL backend from {@code jdbc:postgresql://host:port/database?…}. It is found by this scheme. The
 * driver is an optional dependency: add {@code org.postgresql:postgresql}.
 *
 * <p>The URL is passed to the driver, with all of its options: TLS, authentication, several hosts,
 * {@code currentSchema}. Options may also be given as properties, for example a password. The backend adds one
 * property, {@code connections}: the maximum number of connections, one of which writes; the default is 10. The
 * defaults of the driver's timeouts are 4 s for logging in ({@code loginTimeout}) and 10 s for each answer of the
 * server ({@code socketTimeout}).
 *
 * <p>The tables are created in the first schema of the search path when a store is first opened. If the role lacks the
 * privilege, run {@code dev/keystore/jdbc/keystore.sql} of this jar beforehand. With {@code mustExist}, no tables are
 * created. The database must have the encoding UTF8. A pooler between this process and the server must pool sessions,
 * not transactions.
 */
public final class PostgresBackendProvider implements BackendProvider {

    private static final String SCHEME = "jdbc:postgresql";

    /** For {@link java.util.ServiceLoader}. */
    public PostgresBackendProvider() {}

    @Override
    public String name() {
        return "PostgreSQL";
    }

    @Override
    public String scheme() {
        return SCHEME;
    }

    @Override
    public Backend open(BackendConfig config) {
        Objects.requireNonNull(config, "config");
        requireDriver();
        PostgresUrl url = new PostgresUrl(config);
        try {
            return JdbcBackend.open(new PostgresDialect(url, config.mustExist()));
        } catch (BackendException e) {
            if (config.mustExist() && e.getCause() instanceof SQLException cause && isNoDatabase(cause)) {
                throw new StoreNotFoundException(e.getMessage() + "; nothing was created");
            }
            throw new StoreOpenException(String.valueOf(e.getMessage()), e.getCause());
        }
    }

    /** Invalid catalog name (postgresql.org/docs/current/errcodes-appendix.html). */
    private static boolean isNoDatabase(SQLException cause) {
        return "3D000".equals(cause.getSQLState());
    }

    private static void requireDriver() {
        try {
            Class.forName(
                    "org.postgresql.ds.PGSimpleDataSource", false, PostgresBackendProvider.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new StoreOpenException(
                    SCHEME
                            + ": could not open: the PostgreSQL driver is missing; add the artifact"
                            + " org.postgresql:postgresql to the class path",
                    e);
        }
    }
}
