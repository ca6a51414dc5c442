package dev.keystore;

import org.jspecify.annotations.Nullable;

/** A commit failed. Nothing of it was written; what was there before is there now (R41). */
public final class CommitFailedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Makes an exception.
     *
     * @param reason why nothing was written
     */
    public CommitFailedException(String context, String reason, @Nullable Throwable cause) {
        super("Commit to context \"" + context + "\" failed, nothing was written: " + reason, cause);
    }
}
