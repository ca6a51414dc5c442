package dev.keystore.moduletest;

import dev.keystore.core.SignalKeyDatabase;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;

/** New stores of all backends, those on PostgreSQL in separate schemas of a server. */
final class NewStores implements AutoCloseable {

    /** How a store is encrypted. */
    enum Form {
        PLAIN,
        ENCRYPTED,
        HIDING_NAMES
    }

    private final EmbeddedPostgres server =
            EmbeddedPostgres.builder().setPGStartupWait(Duration.ofMinutes(1)).start();
    private int count;

    /** Starts the server. */
    NewStores() throws IOException {}

    /** Returns the URL of a new store. */
    String url(String scheme, Path folder) throws SQLException {
        count++;
        if (!scheme.equals("jdbc:postgresql")) {
            return scheme + ":" + folder.resolve("store" + count);
        }
        execute("CREATE SCHEMA s" + count);
        return postgres() + "&currentSchema=s" + count;
    }

    private String postgres() {
        return server.getJdbcUrl("postgres", "postgres") + "&sslmode=disable";
    }

    /** Returns how many stores there are. */
    int count() {
        return count;
    }

    void execute(String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(postgres());
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** Returns where the server keeps its files. */
    Path dataFolder() throws SQLException {
        try (Connection connection = DriverManager.getConnection(postgres());
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SHOW data_directory")) {
            row.next();
            return Path.of(row.getString(1));
        }
    }

    static SignalKeyDatabase.Builder builder(String url, Form form, Path key) {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder().url(url);
        if (form != Form.PLAIN) {
            builder.property("encryption.key", "key-file:" + key);
        }
        if (form == Form.HIDING_NAMES) {
            builder.property("encryption.names", "hidden");
        }
        return builder;
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
