package dev.keystore;

/**
 * Something that the transaction read, or found absent, was changed before it could commit, by another thread or by its
 * own through the store (R24). Nothing of the transaction was written. Running it again is safe, and is what
 * {@link TransactionOptions#retryOnConflict(int)} does; it does not help where the work itself writes through the store
 * what it reads through the handle, which the message then says.
 */
public final class TransactionConflictException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final String context;
    private final EntryId entry;

    /** Creates an exception about an entry that another commit has changed. */
    public TransactionConflictException(String context, EntryId entry) {
        this(context, entry, false);
    }

    /**
     * Creates an exception about an entry that has changed.
     *
     * @param byThisThread whether the transaction's own thread has changed it, through the store instead of the handle
     */
    public TransactionConflictException(String context, EntryId entry, boolean byThisThread) {
        super(
                "Entry " + entry + " of context \"" + context + "\" was changed "
                        + (byThisThread
                                ? "by this thread itself, through the store, inside the transaction that read it;"
                                        + " nothing of the transaction was written; inside a transaction, write through"
                                        + " its handle"
                                : "by another commit since this transaction read it; nothing was written, run the"
                                        + " transaction again"),
                null);
        this.context = context;
        this.entry = entry;
    }

    /** Returns the context of the entry. */
    public String context() {
        return context;
    }

    /** Returns the type and id of the entry that has changed. */
    public EntryId entry() {
        return entry;
    }
}
