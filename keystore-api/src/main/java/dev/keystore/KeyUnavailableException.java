package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when an encrypted store cannot be opened because its root key is missing, wrong or out of reach (R72). Nothing
 * was created or changed. Opening succeeds once the right key is configured.
 */
public final class KeyUnavailableException extends StoreOpenException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message which key is missing or wrong, and what to do; without any byte of a key
     * @param cause the underlying failure, or {@code null}
     */
    public KeyUnavailableException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
