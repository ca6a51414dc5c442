package dev.keystore;

/**
 * Thrown when the backend failed to read. Nothing was changed, and nothing was cached because of the failure (R3). It
 * is safe to repeat the read.
 */
public class LoadFailedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param what what was being read, for the message
     * @param cause the underlying failure
     */
    public LoadFailedException(String context, String what, Throwable cause) {
        super("Could not read " + what + " of context \"" + context + "\": " + reason(cause), cause);
    }

    /**
     * Creates an exception with the given message, for a read that does not concern one context.
     *
     * @param message the message
     * @param cause the underlying failure
     */
    public LoadFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
