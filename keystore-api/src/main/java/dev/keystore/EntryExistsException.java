package dev.keystore;

/** Thrown when an entry that must be new already exists (R15, R16). Nothing was written. */
public final class EntryExistsException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The name of the context. */
    private final String context;

    /** The type and id of the entry. */
    private final EntryId entry;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param entry the type and id of the existing entry
     */
    public EntryExistsException(String context, EntryId entry) {
        super(
                "Entry " + entry + " already exists in context \"" + context
                        + "\"; nothing was written; delete it first," + " or replace it if that is intended",
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
     * Returns the type and id of the existing entry.
     *
     * @return the type and id
     */
    public EntryId entry() {
        return entry;
    }
}
