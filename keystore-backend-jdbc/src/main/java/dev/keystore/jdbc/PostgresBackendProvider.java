package dev.keystore.jdbc;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendProvider;

/**
 * Opens the PostgreSQL backend from {@code jdbc:postgresql://host:port/database?…}. Found by its scheme; nobody needs to
 * name it. The driver is an optional dependency: add {@code org.postgresql:postgresql}.
 *
 * <p>The URL is the driver's, with all of its options: TLS, authentication, several hosts, {@code currentSchema}. Its
 * options may also be given as properties, a password for example. One property is this backend's: {@code connections},
 * how many connections it opens at most, of which one writes; 10 unless set. Where nothing else is said, logging in takes
 * 4 s at most ({@code loginTimeout}) and each answer of the server 10 s ({@code socketTimeout}).
 *
 * <p>The tables are made in the first schema of the search path when a store is first opened. Where the role may not, run
 * {@code dev/keystore/jdbc/keystore.sql} of this jar beforehand. The database must have the encoding UTF8. A pooler between
 * the store and the server must pool sessions, not transactions.
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
        requireDriver();
        try {
            return JdbcBackend.open(new PostgresDialect(new PostgresUrl(config)));
        } catch (BackendException e) {
            throw new StoreOpenException(String.valueOf(e.getMessage()), e.getCause());
        }
    }

    private static void requireDriver() {
        try {
            Class.forName(
                    "org.postgresql.ds.PGSimpleDataSource", false, PostgresBackendProvider.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new StoreOpenException(
                    "the PostgreSQL driver is missing: add the artifact org.postgresql:postgresql to the class path",
                    e);
        }
    }
}
