package dev.keystore;

import org.jspecify.annotations.Nullable;

/** Thrown when a store could not be opened. Nothing that was found was changed; the message describes it. */
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
