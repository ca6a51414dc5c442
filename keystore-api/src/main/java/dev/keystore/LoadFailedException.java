package dev.keystore;

/** The backend failed while it read. Nothing was changed, and nothing was cached from the failure (R3). */
public class LoadFailedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Makes an exception.
     *
     * @param what what was read, for the message
     */
    public LoadFailedException(String context, String what, Throwable cause) {
        super("Could not read " + what + " of context \"" + context + "\": " + cause.getMessage(), cause);
    }

    LoadFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
