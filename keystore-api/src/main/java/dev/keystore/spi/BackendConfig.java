package dev.keystore.spi;

import java.util.Map;
import java.util.Objects;

/**
 * What a backend is opened with.
 *
 * @param url the whole URL that the user gave, scheme included
 * @param properties further settings by name, as the backend documents them
 * @param mustExist whether the store must be there already; if it is not, the provider throws
 *     {@link dev.keystore.StoreNotFoundException} and creates nothing, no file and no folder (R58)
 */
public record BackendConfig(String url, Map<String, String> properties, boolean mustExist) {

    /** Takes a copy of {@code properties}. */
    public BackendConfig {
        Objects.requireNonNull(url, "url");
        Objects.requireNonNull(properties, "properties");
        properties.forEach((name, value) -> {
            Objects.requireNonNull(name, "properties must not hold null");
            Objects.requireNonNull(value, "properties must not hold null");
        });
        properties = Map.copyOf(properties);
    }

    /** Describes a store that is created if it is not there. */
    public BackendConfig(String url, Map<String, String> properties) {
        this(url, properties, false);
    }

    /**
     * Returns what follows the scheme and its colon in the URL.
     *
     * @throws IllegalArgumentException if the URL does not begin with the scheme
     */
    public String location(String scheme) {
        if (!url.startsWith(Objects.requireNonNull(scheme, "scheme") + ":")) {
            throw new IllegalArgumentException("url must begin with \"" + scheme + ":\"");
        }
        return url.substring(scheme.length() + 1);
    }

    /** Shows neither the URL nor the values of the properties: either may hold a password. */
    @Override
    public String toString() {
        return "BackendConfig[properties=" + properties.keySet() + "]";
    }
}
