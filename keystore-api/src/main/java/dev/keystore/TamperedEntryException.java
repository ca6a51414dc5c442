package dev.keystore;

/**
 * Thrown when an encrypted store holds an intact record that was not written at this place under its keys (R71): it was
 * changed, moved from another entry, context or store, or replaced by plaintext. Chance damage is reported as
 * {@link CorruptEntryException} instead.
 *
 * <p>Nothing was changed. Someone had write access to the stored data; find out who before you delete or replace the
 * entry.
 */
public final class TamperedEntryException extends UnreadableEntryException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param entry the type and id of the entry
     * @param reason what does not match, without any byte of the entry
     */
    public TamperedEntryException(String context, EntryId entry, String reason) {
        super(context, entry, "was tampered with: " + reason, null);
    }
}
