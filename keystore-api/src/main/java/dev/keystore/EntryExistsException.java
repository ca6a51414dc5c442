package dev.keystore;

/** The id to be written exists already (R15, R16). Nothing was written. */
public final class EntryExistsException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final String context;
    private final EntryId entry;

    /** Makes an exception about an entry that exists. */
    public EntryExistsException(String context, EntryId entry) {
        super("Entry " + entry + " exists already in context \"" + context + "\"", null);
        this.context = context;
        this.entry = entry;
    }

    /** Returns the context of the entry. */
    public String context() {
        return context;
    }

    /** Returns the type and id of the entry that exists. */
    public EntryId entry() {
        return entry;
    }
}
