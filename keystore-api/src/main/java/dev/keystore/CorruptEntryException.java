package dev.keystore;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when an entry is damaged in the backend (R43). Nothing was changed: the entry stays as it is until it is
 * written or deleted, and all other entries stay readable.
 */
public final class CorruptEntryException extends UnreadableEntryException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param entry the type and id of the damaged entry
     * @param reason how the entry is damaged, without any of its bytes
     * @param cause the underlying failure, or {@code null}
     */
    public CorruptEntryException(String context, EntryId entry, String reason, @Nullable Throwable cause) {
        super(context, entry, "is damaged: " + reason, cause);
    }
}
