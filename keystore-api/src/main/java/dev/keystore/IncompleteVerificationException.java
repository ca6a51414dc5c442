package dev.keystore;

import java.util.List;

/**
 * {@link SignalKeyStore#verify()} could not read all of a context. What it found up to then is here; more entries may be
 * damaged, or missing. Nothing was changed.
 */
public final class IncompleteVerificationException extends LoadFailedException {

    private static final long serialVersionUID = 1L;

    private static final int ENTRIES_NAMED = 20;

    private final long checked;
    private final List<EntryId> damaged;
    private final List<EntryId> unreadable;

    /**
     * Creates an exception.
     *
     * @param checked how many entries could be read
     * @param damaged those of them that are damaged
     * @param unreadable entries that were listed, but could not be read
     * @param cause the first failure
     */
    public IncompleteVerificationException(
            String context, long checked, List<EntryId> damaged, List<EntryId> unreadable, Throwable cause) {
        super(
                "Context \"" + context + "\" could not be verified completely: of the entries found, " + checked
                        + " were read, damaged are " + names(damaged) + ", not readable are " + names(unreadable)
                        + "; others may be damaged or missing: " + cause.getMessage(),
                cause);
        this.checked = checked;
        this.damaged = List.copyOf(damaged);
        this.unreadable = List.copyOf(unreadable);
    }

    private static String names(List<EntryId> entries) {
        return entries.isEmpty()
                ? "none"
                : entries.size() <= ENTRIES_NAMED
                        ? entries.toString()
                        : entries.subList(0, ENTRIES_NAMED) + " and " + (entries.size() - ENTRIES_NAMED) + " more";
    }

    /** Returns how many entries were read and checked. */
    public long checked() {
        return checked;
    }

    /** Returns the entries that were found to be damaged. */
    public List<EntryId> damaged() {
        return damaged;
    }

    /** Returns the entries that are listed, but could not be read. */
    public List<EntryId> unreadable() {
        return unreadable;
    }
}
