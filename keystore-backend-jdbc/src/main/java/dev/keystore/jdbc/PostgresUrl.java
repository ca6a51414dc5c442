package dev.keystore.jdbc;

import dev.keystore.spi.BackendConfig;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * The location of a store: the user's URL and properties for the driver, with default timeouts where they set none.
 *
 * <p>Neither appears in a message, since both may contain a password.
 */
final class PostgresUrl {

    private static final Pattern USER_INFO = Pattern.compile("jdbc:postgresql:/*[^/?]*@");
    private static final String CONNECTIONS = "connections";
    private static final int DEFAULT_CONNECTIONS = 10;
    private static final int LOGIN_SECONDS = 4;
    private static final int ANSWER_SECONDS = 10;

    private final String url;
    private final Map<String, String> properties;
    private final int connections;

    /**
     * Parses the URL and the properties.
     *
     * @throws IllegalArgumentException if the driver does not accept them
     */
    PostgresUrl(BackendConfig config) {
        this.url = config.url();
        this.properties = new HashMap<>(config.properties());
        this.connections = connections(properties.remove(CONNECTIONS));
        // The driver would take the password for a port, and log it.
        if (USER_INFO.matcher(url).lookingAt()) {
            throw refused();
        }
        source();
    }

    private static IllegalArgumentException refused() {
        return new IllegalArgumentException(
                "url must be jdbc:postgresql://host:port/database, with the driver's options after a \"?\", user and"
                        + " password among them or as properties");
    }

    private static int connections(@Nullable String value) {
        if (value == null) {
            return DEFAULT_CONNECTIONS;
        }
        if (!value.matches("[0-9]{1,4}") || Integer.parseInt(value) < 2) {
            throw new IllegalArgumentException(
                    "property " + CONNECTIONS + " must be a number from 2 to 9999, was \"" + value + "\"");
        }
        return Integer.parseInt(value);
    }

    /** Returns the maximum number of connections; one of them writes. */
    int connections() {
        return connections;
    }

    /** Creates a new source of connections. */
    PGSimpleDataSource source() {
        PGSimpleDataSource source = new PGSimpleDataSource();
        try {
            source.setURL(url);
        } catch (IllegalArgumentException e) {
            throw refused();
        }
        properties.forEach((name, value) -> set(source, name, value));
        // The details of a server's error message may contain the values of a row.
        source.setLogServerErrorDetail(false);
        boundWaits(source);
        return source;
    }

    private static void boundWaits(PGSimpleDataSource source) {
        try {
            if (source.getLoginTimeout() == 0) {
                source.setLoginTimeout(LOGIN_SECONDS);
            }
            if (source.getSocketTimeout() == 0) {
                source.setSocketTimeout(ANSWER_SECONDS);
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "property loginTimeout and property socketTimeout must be whole seconds");
        }
    }

    private static void set(PGSimpleDataSource source, String name, String value) {
        try {
            source.setProperty(name, value);
        } catch (SQLException | IllegalArgumentException e) {
            throw new IllegalArgumentException("property " + name + " must be \"" + CONNECTIONS
                    + "\" or a property of the PostgreSQL driver, with a value that the driver accepts");
        }
    }

    /** Returns hosts, ports and database, for messages. */
    String place() {
        PGSimpleDataSource source = source();
        List<String> servers = new ArrayList<>();
        String[] names = source.getServerNames();
        int[] ports = source.getPortNumbers();
        for (int i = 0; i < names.length; i++) {
            servers.add(names[i] + (i < ports.length && ports[i] != 0 ? ":" + ports[i] : ""));
        }
        return "jdbc:postgresql://" + String.join(",", servers) + "/" + source.getDatabaseName();
    }
}
