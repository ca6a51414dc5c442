package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a store could not be opened. No entry was changed; the message describes what was found. If a context
 * could not be taken over, its former owner may have lost it nevertheless.
 */
public class StoreOpenException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message which store could not be opened, what was found, and what to do
     * @param cause the underlying failure, or {@code null}
     */
    public StoreOpenException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
