package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.core.FlightEvents.Phase;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The state that a transaction keeps across its attempts: its locks, and the entries that its thread has meanwhile
 * written outside of it, through a store of the same database. Confined to that thread.
 */
final class TransactionScope {

    final LockTable.Held locks = new LockTable.Held();

    /** What is measured of it, or null if nobody listens. */
    final FlightEvents.@Nullable Transaction measured;

    /** The entries written; a null entry stands for all entries of a context that was cleared. */
    private Set<WrittenEntry> written = Set.of();

    TransactionScope(FlightEvents.@Nullable Transaction measured) {
        this.measured = measured;
    }

    /** An attempt begins, with its work. */
    void beginAttempt() {
        if (measured != null) {
            measured.attempts++;
            measured.begin(Phase.WORK);
        }
    }

    /** Another phase of an attempt begins. */
    void begin(Phase next) {
        if (measured != null) {
            measured.begin(next);
        }
    }

    /** Records a commit that this thread has made outside of the transaction. */
    void addWritten(CommitContents commit) {
        if (written.isEmpty()) {
            written = new HashSet<>();
        }
        String context = commit.context.name();
        if (commit.clears()) {
            written.add(new WrittenEntry(context, null));
        }
        for (EntryId entry : commit.entryIds()) {
            written.add(new WrittenEntry(context, entry));
        }
    }

    /** Returns whether this thread has changed an entry outside of the transaction. */
    boolean hasWritten(String context, EntryId entry) {
        return written.contains(new WrittenEntry(context, entry)) || written.contains(new WrittenEntry(context, null));
    }

    private record WrittenEntry(String context, @Nullable EntryId entry) {}
}
