package dev.keystore;

import java.util.List;

/**
 * Thrown when a commit failed midway on a backend without atomic commits, and the rollback failed as well (R41). The
 * state of {@link #entries()} is unknown; all other entries hold their previous values.
 *
 * <p>Each of the listed entries holds its previous value, its new value or, if its write was cut short, damaged bytes.
 * They are no longer cached, so the next read returns what the backend holds.
 *
 * <p>The cause is the failure of the commit; the failure of the rollback is attached as a suppressed exception.
 */
public final class RollbackFailedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The entries whose state is unknown. */
    private final List<EntryId> entries;

    /**
     * Creates an exception. The message names at most 20 entries.
     *
     * @param context the name of the context
     * @param entries the entries whose state is unknown; copied
     * @param commitFailure why the commit failed
     * @param rollbackFailure why the rollback failed
     */
    public RollbackFailedException(
            String context, List<EntryId> entries, Throwable commitFailure, Throwable rollbackFailure) {
        super(
                "Commit to context \"" + context + "\" failed and could not be rolled back: "
                        + reason(commitFailure) + "; the state of these entries is unknown, read them again: "
                        + names(entries),
                commitFailure);
        addSuppressed(rollbackFailure);
        this.entries = List.copyOf(entries);
    }

    /**
     * Returns the entries whose state is unknown.
     *
     * @return the entries, unmodifiable
     */
    public List<EntryId> entries() {
        return entries;
    }
}
