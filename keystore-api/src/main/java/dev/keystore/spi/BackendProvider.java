package dev.keystore.spi;

/**
 * Opens a backend from a URL.
 *
 * <p>Providers are found through {@link java.util.ServiceLoader}: register them in {@code META-INF/services} and, if
 * the backend has a {@code module-info}, with {@code provides … with}. The constructor must be cheap and must not need
 * the backend's driver.
 */
public interface BackendProvider {

    /**
     * Returns the name of the backend as shown in messages, for example {@code "SQLite"}.
     *
     * @return the name
     */
    String name();

    /**
     * Returns the prefix of this backend's URLs, without the colon that follows it, for example {@code "jdbc:sqlite"}.
     *
     * @return the scheme
     */
    String scheme();

    /**
     * Opens a backend, creating the store if it does not exist.
     *
     * <p>An existing file, folder or table that this backend did not create must not be changed.
     *
     * @param config the URL and the settings
     * @return the opened backend; the engine closes it
     * @throws dev.keystore.StoreNotFoundException if {@link BackendConfig#mustExist()} is set and the store does not
     *     exist; nothing was created
     * @throws dev.keystore.UnsupportedFormatException if the store was written by a newer version or by another kind of
     *     backend (R44); nothing was changed
     * @throws dev.keystore.StoreOpenException if the store could not be opened; nothing was changed
     * @throws IllegalArgumentException if the URL or a property is invalid; nothing was changed
     */
    Backend open(BackendConfig config);
}
