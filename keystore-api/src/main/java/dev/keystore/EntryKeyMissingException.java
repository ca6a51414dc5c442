package dev.keystore;

import java.util.Objects;

/**
 * Thrown when an encrypted entry was sealed with a key that its context no longer holds (R71): the context was erased,
 * or the record of its keys was lost or replaced by an older one.
 *
 * <p>Nothing was changed. The entry can be read again if the keys of its context are restored.
 */
public final class EntryKeyMissingException extends UnreadableEntryException {

    private static final long serialVersionUID = 1L;

    /** The id of the key. */
    private final String keyId;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param entry the type and id of the entry
     * @param keyId the id of the key that is missing; it contains no part of the key
     */
    public EntryKeyMissingException(String context, EntryId entry, String keyId) {
        super(
                context,
                entry,
                "needs key " + Objects.requireNonNull(keyId, "keyId")
                        + ", which its context does not hold: the context was erased, or its keys were lost; delete the"
                        + " entry if you do not need its value",
                null);
        this.keyId = keyId;
    }

    /**
     * Returns the id of the key that is missing.
     *
     * @return 16 hexadecimal digits
     */
    public String keyId() {
        return keyId;
    }
}
