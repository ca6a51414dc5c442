package dev.keystore;

import org.jspecify.annotations.Nullable;

/** A store could not be opened. Nothing was changed in what was found, and the message says what that was. */
public class StoreOpenException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** Makes an exception with a message, and the failure beneath it if there is one. */
    public StoreOpenException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
