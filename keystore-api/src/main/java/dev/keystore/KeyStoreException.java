package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * The superclass of all failures of a key store. The subclass states what was written:
 *
 * <ul>
 *   <li>an unknown part: {@link RollbackFailedException},
 *   <li>all or nothing, but it is unknown which: {@link CommitOutcomeUnknownException},
 *   <li>nothing: every other subclass in this package.
 * </ul>
 *
 * <p>No message contains a byte of a value (R45).
 */
public class KeyStoreException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message what failed, why, and what to do
     * @param cause the underlying failure, or {@code null}
     */
    public KeyStoreException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Returns the message of a failure, or the name of its class if it has none. */
    static String reason(Throwable failure) {
        String message = failure.getMessage();
        return message == null ? failure.getClass().getName() : message;
    }
}
