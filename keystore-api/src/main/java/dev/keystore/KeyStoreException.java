package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * The root of all failures of a key store. Its subtypes tell the state of the data.
 *
 * <p>No message holds a byte of a value (R45).
 */
public class KeyStoreException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** Makes an exception with a message, and the failure beneath it if there is one. */
    public KeyStoreException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
