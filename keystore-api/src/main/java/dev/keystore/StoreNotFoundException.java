package dev.keystore;

/** A store that was opened as one that must exist does not. Nothing was created. */
public final class StoreNotFoundException extends StoreOpenException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message what was looked for, where, and what to do
     */
    public StoreNotFoundException(String message) {
        super(message, null);
    }
}
