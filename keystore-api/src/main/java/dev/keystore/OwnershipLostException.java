package dev.keystore;

/**
 * Another owner has taken the context over, and this one may not write to it any more (R53). Nothing of the commit was
 * written; what was acknowledged before stays.
 *
 * <p>The store that threw it has lost the context for good: all its commits fail like this one, nothing is cached any more,
 * and it reads what the new owner writes. To have the context back, take it over again, which returns a new store:
 * {@code SignalKeyDatabase.takeOver}.
 */
public final class OwnershipLostException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final String context;

    /**
     * Makes an exception.
     *
     * @param epoch the epoch that this owner held
     */
    public OwnershipLostException(String context, long epoch) {
        super(
                "Context \"" + context + "\" was taken over by another owner after epoch " + epoch
                        + "; nothing was written; take the context over to have it back",
                null);
        this.context = context;
    }

    /** Returns the context that was lost. */
    public String context() {
        return context;
    }
}
