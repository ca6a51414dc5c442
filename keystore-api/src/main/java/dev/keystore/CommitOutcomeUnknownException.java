package dev.keystore;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when it is unknown whether a commit was written. Either all of it is written or nothing; the backend may
 * finish only after this exception was thrown (R41).
 *
 * <p>To continue, read {@link #entries()}: as soon as the backend has finished, reads return what it holds.
 *
 * <p>On a backend that implements {@link dev.keystore.spi.ContextOwnership}, the engine could not determine the outcome
 * within {@code commitTimeout}. It continues to ask the backend; until it knows, commits wait and then fail, and so do
 * reads of these entries that are not cached. The exception is also thrown, and the engine no longer asks, if the
 * context was meanwhile lost to several owners in succession, if sending the commit again keeps failing permanently, or
 * if the database is closed.
 */
public final class CommitOutcomeUnknownException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The entries that the commit was to write. */
    private final List<EntryId> entries;

    /**
     * Creates an exception. The message names at most 20 entries.
     *
     * @param context the name of the context
     * @param entries the entries that the commit was to write; copied
     * @param reason why the outcome is unknown
     * @param cause the underlying failure, or {@code null}
     */
    public CommitOutcomeUnknownException(
            String context, List<EntryId> entries, String reason, @Nullable Throwable cause) {
        super(
                "Commit to context \"" + context + "\" may or may not have been written: " + reason + "; entries: "
                        + names(entries) + "; read them to find out, then decide",
                cause);
        this.entries = List.copyOf(entries);
    }

    /**
     * Returns the entries that the commit was to write.
     *
     * @return the entries, unmodifiable
     */
    public List<EntryId> entries() {
        return entries;
    }
}
