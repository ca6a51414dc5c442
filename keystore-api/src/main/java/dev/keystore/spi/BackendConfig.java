package dev.keystore.spi;

import java.util.Map;
import java.util.Objects;

/**
 * The parameters for opening a backend.
 *
 * @param url the complete URL given by the user, including the scheme
 * @param properties additional settings by name, as documented by the backend; unmodifiable
 * @param mustExist whether the store must already exist; if it does not, the provider throws
 *     {@link dev.keystore.StoreNotFoundException} and creates nothing, neither file nor folder (R58)
 */
public record BackendConfig(String url, Map<String, String> properties, boolean mustExist) {

    /**
     * Creates a configuration. The map is copied.
     *
     * @param url the complete URL given by the user, including the scheme
     * @param properties additional settings by name
     * @param mustExist whether the store must already exist
     */
    public BackendConfig {
        Objects.requireNonNull(url, "url");
        Objects.requireNonNull(properties, "properties");
        properties.forEach((name, value) -> {
            Objects.requireNonNull(name, "properties must not contain null");
            Objects.requireNonNull(value, "properties must not contain null");
        });
        properties = Map.copyOf(properties);
    }

    /**
     * Creates a configuration for a store that is created if it does not exist. The map is copied.
     *
     * @param url the complete URL given by the user, including the scheme
     * @param properties additional settings by name
     */
    public BackendConfig(String url, Map<String, String> properties) {
        this(url, properties, false);
    }

    /**
     * Returns the part of the URL after the scheme and its colon.
     *
     * @param scheme the scheme, without the colon, for example {@code "jdbc:sqlite"}
     * @return the rest of the URL
     * @throws IllegalArgumentException if the URL does not begin with the scheme
     */
    public String location(String scheme) {
        if (!url.startsWith(Objects.requireNonNull(scheme, "scheme") + ":")) {
            throw new IllegalArgumentException("url must begin with \"" + scheme + ":\"");
        }
        return url.substring(scheme.length() + 1);
    }

    /** Returns the names of the properties. The URL and the values are left out, as they may contain a password. */
    @Override
    public String toString() {
        return "BackendConfig[properties=" + properties.keySet() + "]";
    }
}
