package dev.keystore;

import java.util.List;

/**
 * Thrown when {@link SignalKeyStore#verify()} could not read a whole context. Nothing was changed.
 *
 * <p>It carries the findings up to that point; further entries may be damaged or missing. The cause is the first
 * failure.
 */
public final class IncompleteVerificationException extends LoadFailedException {

    private static final long serialVersionUID = 1L;

    /** The number of entries that were read. */
    private final long checked;

    /** The entries found to be damaged. */
    private final List<EntryId> damaged;

    /** The entries that could not be read. */
    private final List<EntryId> unreadable;

    /**
     * Creates an exception. The message names at most 20 entries of each list.
     *
     * @param context the name of the context
     * @param checked the number of entries that were read
     * @param damaged the entries among them that are damaged; copied
     * @param unreadable the entries that were listed but could not be read; copied
     * @param cause the first failure
     */
    public IncompleteVerificationException(
            String context, long checked, List<EntryId> damaged, List<EntryId> unreadable, Throwable cause) {
        super(
                "Context \"" + context + "\" could not be verified completely: entries read: " + checked + "; damaged: "
                        + names(damaged) + "; unreadable: " + names(unreadable)
                        + "; further entries may be damaged or missing: " + reason(cause),
                cause);
        this.checked = checked;
        this.damaged = List.copyOf(damaged);
        this.unreadable = List.copyOf(unreadable);
    }

    /**
     * Returns the number of entries that were read and checked.
     *
     * @return the number of entries, damaged ones included
     */
    public long checked() {
        return checked;
    }

    /**
     * Returns the entries that were found to be damaged.
     *
     * @return the entries, unmodifiable
     */
    public List<EntryId> damaged() {
        return damaged;
    }

    /**
     * Returns the entries that were listed but could not be read.
     *
     * @return the entries, unmodifiable
     */
    public List<EntryId> unreadable() {
        return unreadable;
    }
}
