package dev.keystore;

/** The thread was interrupted while it waited (R27). Nothing was written; the interrupt flag of the thread is set. */
public final class OperationInterruptedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Makes an exception.
     *
     * @param wait what was waited for, for the message
     */
    public OperationInterruptedException(String wait) {
        super("Interrupted while waiting for " + wait + "; nothing was written", null);
    }
}
