import dev.keystore.jdbc.PostgresBackendProvider;
import dev.keystore.jdbc.SqliteBackendProvider;
import dev.keystore.spi.BackendProvider;

/** The JDBC backend of Keystore, on SQLite and PostgreSQL. */
module dev.keystore.jdbc {
    requires com.zaxxer.hikari;
    requires dev.keystore.api;
    // Jdbi needs it, and can't say so: it is an automatic module.
    requires io.leangen.geantyref;
    requires java.sql;
    requires org.jdbi.v3.core;
    requires static org.jspecify;
    requires static org.postgresql.jdbc;
    requires static org.xerial.sqlitejdbc;

    provides BackendProvider with
            PostgresBackendProvider,
            SqliteBackendProvider;
}
