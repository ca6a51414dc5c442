package dev.keystore;

/**
 * Thrown when something that a transaction read, or found absent, was changed before the transaction committed (R24).
 * Nothing of the transaction was written.
 *
 * <p>It is safe to run the transaction again; {@link TransactionOptions#retryOnConflict(int)} does so. A retry does not
 * help if the transaction's own work writes through the store what it has read through its handle; the message then
 * says so.
 */
public final class TransactionConflictException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The name of the context. */
    private final String context;

    /** The type and id of the entry. */
    private final EntryId entry;

    /**
     * Creates an exception for an entry that another commit has changed.
     *
     * @param context the name of the context
     * @param entry the type and id of the entry
     */
    public TransactionConflictException(String context, EntryId entry) {
        this(context, entry, false);
    }

    /**
     * Creates an exception for an entry that has changed.
     *
     * @param context the name of the context
     * @param entry the type and id of the entry
     * @param byThisThread whether the transaction's own thread has changed it, through the store instead of the handle
     */
    public TransactionConflictException(String context, EntryId entry, boolean byThisThread) {
        super(
                "Entry " + entry + " of context \"" + context + "\" was changed "
                        + (byThisThread
                                ? "by this thread itself, through the store, inside the transaction that read it;"
                                        + " nothing of the transaction was written; inside a transaction, write through"
                                        + " its handle"
                                : "by another commit since this transaction read it; nothing was written; run the"
                                        + " transaction again"),
                null);
        this.context = context;
        this.entry = entry;
    }

    /**
     * Returns the name of the context that holds the entry.
     *
     * @return the name
     */
    public String context() {
        return context;
    }

    /**
     * Returns the type and id of the entry that has changed.
     *
     * @return the type and id
     */
    public EntryId entry() {
        return entry;
    }
}
