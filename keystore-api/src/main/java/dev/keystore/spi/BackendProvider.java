package dev.keystore.spi;

/**
 * Opens a backend from a URL. Found through {@link java.util.ServiceLoader}: registered in {@code META-INF/services}, and
 * with {@code provides … with} where the backend has a {@code module-info}.
 *
 * <p>Making a provider must be cheap and must not need the backend's driver.
 */
public interface BackendProvider {

    /** Returns what the backend is called, for messages, for example {@code "SQLite"}. */
    String name();

    /**
     * Returns what URLs of this backend begin with, without the colon that follows it, for example
     * {@code "jdbc:sqlite"}.
     */
    String scheme();

    /**
     * Opens a backend.
     *
     * <p>What is not there yet is created; what is there and is not this backend's is left as it is.
     *
     * @throws dev.keystore.UnsupportedFormatException if what the URL names is written by a newer version or of another
     *     kind; nothing was changed
     * @throws dev.keystore.StoreOpenException if it can't be opened; nothing was changed
     * @throws IllegalArgumentException if the URL is not of this backend's form
     */
    Backend open(BackendConfig config);
}
