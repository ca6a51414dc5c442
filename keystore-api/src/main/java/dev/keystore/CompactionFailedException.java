package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a database could not be compacted. All entries are unchanged, and the database stays usable, but bytes of
 * replaced or deleted values may remain in its files.
 *
 * <p>The message says what to do, for example to free some space or to end a reader. Then compact again.
 */
public final class CompactionFailedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param reason why the backend could not compact its files, and what to do
     * @param cause the underlying failure, or {@code null}
     */
    public CompactionFailedException(String reason, @Nullable Throwable cause) {
        super(
                "The database was not compacted; all entries are unchanged, but former values may remain in its files: "
                        + reason,
                cause);
    }
}
