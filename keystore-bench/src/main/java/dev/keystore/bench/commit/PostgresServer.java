package dev.keystore.bench.commit;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.Objects;

/**
 * The PostgreSQL of a run, as it comes, but for what embedding it makes less durable. It is started once; the JVMs of the
 * variants are told where it is by a system property, and have a schema for each folder of a peer.
 */
public final class PostgresServer implements AutoCloseable {

    private static final String PORT = "keystore.bench.postgres.port";

    private final EmbeddedPostgres server;

    private PostgresServer(EmbeddedPostgres server) {
        this.server = server;
    }

    /** Starts a server whose files are in a folder. */
    public static PostgresServer start(Path folder) throws IOException {
        return new PostgresServer(EmbeddedPostgres.builder()
                .setDataDirectory(folder.resolve("postgres"))
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .start());
    }

    /** Returns the argument of a JVM that is to use this server. */
    public String jvmArgument() {
        return "-D" + PORT + "=" + server.getPort();
    }

    /** Makes a schema for the folder of a peer, where there is none yet, and returns its URL. */
    static String schema(Path folder) throws SQLException {
        String port = Objects.requireNonNull(System.getProperty(PORT), PORT);
        String url = "jdbc:postgresql://localhost:" + port + "/postgres?user=postgres";
        String schema = folder.getFileName().toString().toLowerCase(Locale.ROOT).replace('-', '_');
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE SCHEMA IF NOT EXISTS " + schema);
        }
        return url + "&currentSchema=" + schema;
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
