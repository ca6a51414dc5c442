package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when an entry is damaged in the backend (R43). Nothing was changed: the entry stays as it is until it is
 * written or deleted, and all other entries stay readable.
 */
public final class CorruptEntryException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The name of the context. */
    private final String context;

    /** The type and id of the entry. */
    private final EntryId entry;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param entry the type and id of the damaged entry
     * @param reason how the entry is damaged, without any of its bytes
     * @param cause the underlying failure, or {@code null}
     */
    public CorruptEntryException(String context, EntryId entry, String reason, @Nullable Throwable cause) {
        super("Entry " + entry + " of context \"" + context + "\" is damaged: " + reason, cause);
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
     * Returns the type and id of the damaged entry.
     *
     * @return the type and id
     */
    public EntryId entry() {
        return entry;
    }
}
