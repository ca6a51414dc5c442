package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a thread was interrupted while it waited (R27). Nothing was written, and the thread's interrupt flag is
 * set.
 */
public final class OperationInterruptedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param wait what the thread waited for, for the message
     */
    public OperationInterruptedException(String wait) {
        this(wait, null);
    }

    /**
     * Creates an exception with the failure that reported the interrupt.
     *
     * @param wait what the thread waited for, for the message
     * @param cause the failure, or {@code null}
     */
    public OperationInterruptedException(String wait, @Nullable Throwable cause) {
        super("Interrupted while waiting for " + wait + "; nothing was written", cause);
    }
}
