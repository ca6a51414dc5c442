package dev.keystore.core;

import dev.keystore.spi.FreshnessAnchor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds the freshness anchor that the properties of a database describe. */
final class AnchorLocator {

    /** The property that names the anchor. */
    static final String ANCHOR = "freshness.anchor";

    /** The property that accepts contexts whose records in the anchor are lost. */
    static final String LOST = "freshness.anchorLost";

    private static final String PREFIX = "freshness.";
    private static final String FILE = "file:";
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
            if (name.startsWith(PREFIX) && !name.equals(ANCHOR) && !name.equals(LOST)) {
                throw new IllegalArgumentException(
                        "property " + name + " is unknown; those of a freshness anchor are " + ANCHOR + " and " + LOST);
            }
        }
        String url = properties.get(ANCHOR);
        if (url == null) {
            return null;
        }
        return url.startsWith(FILE)
                ? FileFreshnessAnchor.at(Path.of(url.substring(FILE.length())))
                : DatabaseFreshnessAnchor.open(url);
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
