package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a commit failed. Nothing of it was written; all entries hold their previous values (R41).
 *
 * <p>The backend refused the commit; a transient failure outlasted all attempts; {@code commitTimeout} elapsed while
 * the backend was not writing it; what the commit needs could not be read; or a single write met conflicts until
 * {@code commitTimeout}. It is safe to repeat the operation.
 */
public final class CommitFailedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param reason why nothing was written
     * @param cause the underlying failure, or {@code null}
     */
    public CommitFailedException(String context, String reason, @Nullable Throwable cause) {
        super("Commit to context \"" + context + "\" failed, nothing was written: " + reason, cause);
    }
}
