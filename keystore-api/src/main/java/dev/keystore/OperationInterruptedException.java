package dev.keystore;

import org.jspecify.annotations.Nullable;

/** The thread was interrupted while it waited (R27). Nothing was written; the interrupt flag of the thread is set. */
public final class OperationInterruptedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Makes an exception.
     *
     * @param wait what was waited for, for the message
     */
    public OperationInterruptedException(String wait) {
        this(wait, null);
    }

    /**
     * Creates an exception with the failure by which the interrupt showed.
     *
     * @param wait what was waited for, for the message
     */
    public OperationInterruptedException(String wait, @Nullable Throwable cause) {
        super("Interrupted while waiting for " + wait + "; nothing was written", cause);
    }
}
