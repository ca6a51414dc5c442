package dev.keystore;

/**
 * Thrown when another owner has taken the context over (R53). Nothing of the commit was written; all commits
 * acknowledged earlier remain.
 *
 * <p>The store that threw it has lost the context permanently: all its commits fail in the same way, its cached entries
 * of the context are dropped, and its reads return what the new owner writes. To own the context again, take it over
 * with {@code SignalKeyDatabase.takeOver}, which returns a new store.
 */
public final class OwnershipLostException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The name of the context. */
    private final String context;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param epoch the epoch that the former owner held
     */
    public OwnershipLostException(String context, long epoch) {
        super(
                "Context \"" + context + "\" was taken over by another owner after epoch " + epoch
                        + "; nothing was written; to write to it again, take the context over",
                null);
        this.context = context;
    }

    /**
     * Returns the name of the context that was lost.
     *
     * @return the name
     */
    public String context() {
        return context;
    }
}
