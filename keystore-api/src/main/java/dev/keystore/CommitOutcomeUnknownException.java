package dev.keystore;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Nobody can tell whether a commit was written: all of it or nothing is there, now or when the backend is done with it
 * (R41). As soon as the backend is done with it, its entries are out of the cache or hold what was written, so that reads
 * show what the backend has.
 *
 * <p>On a backend with {@link dev.keystore.spi.ContextOwnership} this means that the outcome could not be found out within
 * {@code commitTimeout}: the engine goes on asking, and until it knows, commits wait and then fail, and so do reads of these
 * entries that are not in the cache. Or it means that the context was lost meanwhile, to one owner after another.
 */
public final class CommitOutcomeUnknownException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final List<EntryId> entries;

    /**
     * Makes an exception.
     *
     * @param entries the entries that the commit was to write
     */
    public CommitOutcomeUnknownException(
            String context, List<EntryId> entries, String reason, @Nullable Throwable cause) {
        super("Commit to context \"" + context + "\" may or may not be written: " + reason, cause);
        this.entries = List.copyOf(entries);
    }

    /** Returns the entries that the commit was to write. */
    public List<EntryId> entries() {
        return entries;
    }
}
