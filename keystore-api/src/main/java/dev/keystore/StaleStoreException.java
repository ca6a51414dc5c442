package dev.keystore;

import java.time.Instant;

/**
 * Thrown when a context of a store is older than its freshness anchor, or when another copy of the store was written to
 * (R82, R83). Opening it would repeat keys and issue ids twice. Nothing was changed.
 *
 * <p>Find the newest copy of the store and open that one. If it is lost, restore a backup with {@code StoreRestore},
 * which starts new sessions and advances the counters of ids.
 */
public final class StaleStoreException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The name of the context. */
    private final String context;

    /** By how many commits it is older, at least. */
    private final long missingCommits;

    /** When the anchor was raised beyond it. */
    private final Instant since;

    /** Whether it was written to in another copy. */
    private final boolean writtenCopy;

    /**
     * Creates an exception.
     *
     * @param message what is stale, by how many commits and since when, and what to do
     * @param context the name of the context
     * @param missingCommits how many commits it lacks at least
     * @param since when the anchor was first ahead of it
     * @param writtenCopy whether it holds commits that the anchor does not know
     */
    public StaleStoreException(
            String message, String context, long missingCommits, Instant since, boolean writtenCopy) {
        super(message, null);
        this.context = context;
        this.missingCommits = missingCommits;
        this.since = since;
        this.writtenCopy = writtenCopy;
    }

    /**
     * Returns the context.
     *
     * @return the name of the context
     */
    public String context() {
        return context;
    }

    /**
     * Returns how many commits are missing.
     *
     * @return the least number of commits that were written to another copy, and that this one lacks; 0 if that is not
     *     known
     */
    public long missingCommits() {
        return missingCommits;
    }

    /**
     * Returns since when commits are missing.
     *
     * @return when the anchor was first ahead of this copy, as far as it is still known
     */
    public Instant since() {
        return since;
    }

    /**
     * Returns whether this copy was written to as well, after the other one had been.
     *
     * @return true if two copies of one store were both written to; false if this one is only old
     */
    public boolean isWrittenCopy() {
        return writtenCopy;
    }
}
