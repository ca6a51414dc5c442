package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a thread was interrupted while it waited (R27). The thread's interrupt flag is set.
 *
 * <p>A read, a transaction or a commit has written nothing. A context that was being opened may have been taken over:
 * its former owner may have lost it. An operation on a whole store, such as a copy, keeps what it wrote before; the
 * message says so.
 */
public final class OperationInterruptedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception whose message does not state what was written.
     *
     * @param wait what the thread waited for, for the message, such as {@code "entry session/bob of context \"alice\""}
     */
    public OperationInterruptedException(String wait) {
        this(wait, null);
    }

    /**
     * Creates an exception like {@link #OperationInterruptedException(String)}, with the failure that reported the
     * interrupt.
     *
     * @param wait what the thread waited for, for the message
     * @param cause the failure, or {@code null}
     */
    public OperationInterruptedException(String wait, @Nullable Throwable cause) {
        super("Interrupted while waiting for " + wait, cause);
    }

    /**
     * Creates an exception whose message states what was written.
     *
     * @param wait what the thread waited for, for the message
     * @param state the state of the data, and what to do where that is known, such as {@code "nothing was written"}
     * @param cause the failure that reported the interrupt, or {@code null}
     */
    public OperationInterruptedException(String wait, String state, @Nullable Throwable cause) {
        this(wait + "; " + state, cause);
    }
}
