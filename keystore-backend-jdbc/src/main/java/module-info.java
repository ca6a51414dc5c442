import dev.keystore.jdbc.PostgresBackendProvider;
import dev.keystore.jdbc.SqliteBackendProvider;
import dev.keystore.spi.BackendProvider;

/** The JDBC backend of Keystore, on SQLite and PostgreSQL. */
module dev.keystore.jdbc {
    requires dev.keystore.api;
    requires dev.keystore.spi.support;
    // Jdbi needs these two, but can't declare so: Jdbi is an automatic module.
    requires io.leangen.geantyref;
    requires org.slf4j;
    requires java.sql;
    requires org.jdbi.v3.core;
    requires static org.jspecify;
    requires static org.postgresql.jdbc;
    requires static org.xerial.sqlitejdbc;

    provides BackendProvider with
            PostgresBackendProvider,
            SqliteBackendProvider;
}
