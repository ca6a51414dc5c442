package dev.keystore.bench.commit;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;

/**
 * The PostgreSQL server of a run, with its default configuration except that the durability is restored that embedding
 * switches off. It is started once. The forked JVMs find its port in a system property, and use one schema per peer's
 * folder.
 */
public final class BenchPostgres implements AutoCloseable {

    private static final String PORT = "keystore.bench.postgres.port";

    private final EmbeddedPostgres server;

    private BenchPostgres(EmbeddedPostgres server) {
        this.server = server;
    }

    /** Starts a server with its files in {@code folder}. */
    public static BenchPostgres start(Path folder) throws IOException {
        return new BenchPostgres(EmbeddedPostgres.builder()
                .setDataDirectory(folder.resolve("postgres"))
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .setPGStartupWait(Duration.ofMinutes(1))
                .start());
    }

    /** Returns the JVM argument by which a forked JVM finds this server. */
    public String jvmArgument() {
        return "-D" + PORT + "=" + server.getPort();
    }

    /** Lets this JVM find this server. */
    public void announce() {
        System.setProperty(PORT, String.valueOf(server.getPort()));
    }

    /** Creates the schema of a peer's folder if it doesn't exist, and returns its URL. */
    public static String schema(Path folder) throws SQLException {
        execute("CREATE SCHEMA IF NOT EXISTS " + name(folder));
        return url() + "&currentSchema=" + name(folder);
    }

    /** Drops the schema of a peer's folder. */
    public static void drop(Path folder) throws SQLException {
        execute("DROP SCHEMA " + name(folder) + " CASCADE");
    }

    /** Returns the value of a setting of the server. */
    static String setting(String name) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url());
                PreparedStatement show = connection.prepareStatement("SELECT current_setting(?)")) {
            show.setString(1, name);
            try (ResultSet setting = show.executeQuery()) {
                setting.next();
                return setting.getString(1);
            }
        }
    }

    /** The folders of one peer that two JVMs use are in different ones. */
    private static String name(Path folder) {
        return folder.getFileName().toString().toLowerCase(Locale.ROOT).replace('-', '_')
                + "_"
                + Integer.toHexString(Objects.hashCode(folder.getParent()));
    }

    private static String url() {
        String port = Objects.requireNonNull(System.getProperty(PORT), PORT);
        return "jdbc:postgresql://localhost:" + port + "/postgres?user=postgres&loginTimeout=60&sslmode=disable";
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url());
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
