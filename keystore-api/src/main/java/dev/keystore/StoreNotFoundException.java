package dev.keystore;

/** Thrown when a store that must exist does not (R58). Nothing was created. */
public final class StoreNotFoundException extends StoreOpenException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message which store was not found, where, and what to do
     */
    public StoreNotFoundException(String message) {
        super(message, null);
    }
}
