package dev.keystore;

import java.util.List;

/**
 * A commit failed half-way on a backend without atomic commits, and putting the previous values back failed as well
 * (R41). Each of {@link #entries()} holds its previous value, its new one, or for an entry cut short neither; they are no
 * longer in the cache, so that the next read shows what the backend has. All other entries hold their previous values.
 *
 * <p>The cause is the commit's failure; the rollback's failure is its suppressed exception.
 */
public final class RollbackFailedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final List<EntryId> entries;

    /**
     * Makes an exception.
     *
     * @param entries the entries in doubt
     */
    public RollbackFailedException(
            String context, List<EntryId> entries, Throwable commitFailure, Throwable rollbackFailure) {
        super(
                "Commit to context \"" + context + "\" failed and could not be undone; in doubt: " + entries + "; "
                        + commitFailure.getMessage(),
                commitFailure);
        addSuppressed(rollbackFailure);
        this.entries = List.copyOf(entries);
    }

    /** Returns the entries whose state is in doubt. */
    public List<EntryId> entries() {
        return entries;
    }
}
