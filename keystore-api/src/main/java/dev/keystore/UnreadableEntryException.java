package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when the backend returned the bytes of an entry, but no value could be read from them. Nothing was changed:
 * the entry stays as it is until it is written or deleted, and all other entries stay readable.
 *
 * <p>The subclass states the reason, since each one calls for a different action.
 */
public abstract sealed class UnreadableEntryException extends KeyStoreException
        permits CorruptEntryException, EntryKeyMissingException, TamperedEntryException {

    private static final long serialVersionUID = 1L;

    /** The name of the context. */
    private final String context;

    /** The type and id of the entry. */
    private final EntryId entry;

    UnreadableEntryException(String context, EntryId entry, String what, @Nullable Throwable cause) {
        super("Entry " + entry + " of context \"" + context + "\" " + what, cause);
        this.context = context;
        this.entry = entry;
    }

    /**
     * Returns the name of the context that holds the entry.
     *
     * @return the name
     */
    public final String context() {
        return context;
    }

    /**
     * Returns the type and id of the entry.
     *
     * @return the type and id
     */
    public final EntryId entry() {
        return entry;
    }
}
