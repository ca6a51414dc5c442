package dev.keystore;

/**
 * Something that the transaction read, or found absent, was changed by another before it could commit (R24). Nothing was
 * written. Running it again is safe, and is what {@link TransactionOptions#retryOnConflict(int)} does.
 */
public final class TransactionConflictException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final String context;
    private final EntryId entry;

    /** Makes an exception about the entry that has changed. */
    public TransactionConflictException(String context, EntryId entry) {
        super(
                "Entry " + entry + " of context \"" + context + "\" was changed by another commit since this"
                        + " transaction read it; nothing was written, run the transaction again",
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
