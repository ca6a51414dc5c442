package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * One entry is damaged in the backend (R43). It stays as it is until it is written or deleted; every other entry stays
 * readable.
 */
public final class CorruptEntryException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final String context;
    private final EntryId entry;

    /**
     * Makes an exception.
     *
     * @param reason what is wrong with it, without a byte of it
     */
    public CorruptEntryException(String context, EntryId entry, String reason, @Nullable Throwable cause) {
        super("Entry " + entry + " of context \"" + context + "\" is damaged: " + reason, cause);
        this.context = context;
        this.entry = entry;
    }

    /** Returns the context of the damaged entry. */
    public String context() {
        return context;
    }

    /** Returns the type and id of the damaged entry. */
    public EntryId entry() {
        return entry;
    }
}
