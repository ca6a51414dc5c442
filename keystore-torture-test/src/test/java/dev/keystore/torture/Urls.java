package dev.keystore.torture;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The URLs of new stores: in a folder, or on a PostgreSQL server, which is started for the first store on it. */
final class Urls implements AutoCloseable {

    static final String POSTGRES = "jdbc:postgresql";

    private @Nullable EmbeddedPostgres server;
    private int schemas;

    /** Returns the URL of a store that does not exist. */
    String create(String scheme, Path path) throws IOException, SQLException {
        if (!scheme.equals(POSTGRES)) {
            return scheme + ":" + path;
        }
        EmbeddedPostgres started = server;
        if (started == null) {
            started = EmbeddedPostgres.builder()
                    .setPGStartupWait(Duration.ofMinutes(1))
                    .start();
            server = started;
        }
        String schema = "store" + ++schemas;
        String url = started.getJdbcUrl("postgres", "postgres") + "&sslmode=disable";
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE SCHEMA " + schema);
        }
        return url + "&currentSchema=" + schema;
    }

    @Override
    public void close() throws IOException {
        if (server != null) {
            server.close();
        }
    }
}
