package dev.keystore;

/**
 * Thrown when existing data was written by a newer version or by something other than this kind of store (R44). Nothing
 * was changed; the message describes what was found.
 */
public final class UnsupportedFormatException extends StoreOpenException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message what was found, where, and what to do
     */
    public UnsupportedFormatException(String message) {
        super(message, null);
    }
}
