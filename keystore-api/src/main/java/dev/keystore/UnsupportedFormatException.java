package dev.keystore;

/**
 * What was found is not a store that this version can use: written by a newer version, or of another kind (R44). The
 * message says what was found; nothing in it was changed.
 */
public final class UnsupportedFormatException extends StoreOpenException {

    private static final long serialVersionUID = 1L;

    /** Makes an exception whose message says what was found, and where. */
    public UnsupportedFormatException(String message) {
        super(message, null);
    }
}
