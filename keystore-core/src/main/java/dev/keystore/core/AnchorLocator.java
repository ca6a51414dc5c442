package dev.keystore.core;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.FreshnessAnchor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Finds the freshness anchor that the properties of a database describe. */
final class AnchorLocator {

    /** The property that names the anchor. */
    static final String ANCHOR = "freshness.anchor";

    /** The property that says where the password of the anchor's database is. */
    static final String PASSWORD = "freshness.anchor.password";

    /** The property that accepts contexts whose records in the anchor are lost. */
    static final String LOST = "freshness.anchorLost";

    private static final String PREFIX = "freshness.";
    private static final String FILE = "file:";
    private static final String ENVIRONMENT = "env:";
    private static final Set<String> KNOWN = Set.of(ANCHOR, PASSWORD, LOST);
    private static final String ACCEPT = "accept";

    private AnchorLocator() {}

    /** Returns the properties that are not those of an anchor. */
    static Map<String, String> withoutAnchor(Map<String, String> properties) {
        Map<String, String> rest = new HashMap<>(properties);
        rest.keySet().removeIf(name -> name.startsWith(PREFIX));
        return rest;
    }

    /**
     * Returns the anchor that properties name, or null if there is none.
     *
     * @throws IllegalArgumentException if a property is unknown or invalid
     * @throws dev.keystore.StoreOpenException if the anchor could not be opened
     */
    static @Nullable FreshnessAnchor find(Map<String, String> properties) {
        for (String name : properties.keySet()) {
            if (name.startsWith(PREFIX) && !KNOWN.contains(name)) {
                throw new IllegalArgumentException("property " + name + " is unknown; those of a freshness anchor are "
                        + ANCHOR + ", " + PASSWORD + " and " + LOST);
            }
        }
        String url = properties.get(ANCHOR);
        String password = properties.get(PASSWORD);
        boolean isDatabase = url != null && !url.startsWith(FILE);
        if (password != null && !isDatabase) {
            throw new IllegalArgumentException(
                    "property " + PASSWORD + " is only for an anchor in a database; leave it out");
        }
        if (url == null) {
            return null;
        }
        if (!isDatabase) {
            return FileFreshnessAnchor.at(Path.of(url.substring(FILE.length())));
        }
        return DatabaseFreshnessAnchor.open(url, password == null ? Map.of() : Map.of("password", read(password)));
    }

    /** Returns the password that is in an environment variable or a file; the line end of the file is left out. */
    private static String read(String where) {
        if (where.startsWith(ENVIRONMENT)) {
            String variable = where.substring(ENVIRONMENT.length());
            String password = System.getenv(variable);
            if (password == null) {
                throw new StoreOpenException(
                        "Freshness anchor: could not read its password: environment variable " + variable
                                + " is not set; set it to the password",
                        null);
            }
            return password;
        }
        if (!where.startsWith(FILE)) {
            // Its value may be a password.
            throw new IllegalArgumentException("property " + PASSWORD + " must be " + ENVIRONMENT
                    + " and the name of an environment variable, or " + FILE + " and a path");
        }
        Path file = Path.of(where.substring(FILE.length()));
        try {
            return Files.readString(file).replaceFirst("\\R+\\z", "");
        } catch (IOException e) {
            throw new StoreOpenException(
                    "Freshness anchor: could not read its password in file " + file + ": " + e
                            + "; check its path and permissions",
                    e);
        }
    }

    /**
     * Returns whether lost records are accepted.
     *
     * @throws IllegalArgumentException if the property has another value
     */
    static boolean acceptsLost(Map<String, String> properties) {
        String value = properties.get(LOST);
        if (value != null && !value.equals(ACCEPT)) {
            throw new IllegalArgumentException(
                    "property " + LOST + " must be \"" + ACCEPT + "\" or absent, was \"" + value + "\"");
        }
        return value != null;
    }
}
