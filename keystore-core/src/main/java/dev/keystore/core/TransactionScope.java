package dev.keystore.core;

import dev.keystore.EntryId;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a transaction keeps over all of its attempts: its locks, and what its thread has written outside of it, through a
 * store of the same backend. Confined to that thread.
 */
final class TransactionScope {

    final LockTable.Held locks = new LockTable.Held();

    /** Of a context that was cleared, the entry is null. */
    private Set<Written> written = Set.of();

    /** Remembers a commit that this thread made outside of the transaction. */
    void addWritten(CommitRequest commit) {
        if (written.isEmpty()) {
            written = new HashSet<>();
        }
        String context = commit.context.name;
        if (commit.cleared()) {
            written.add(new Written(context, null));
        }
        commit.entryIds().forEach(entry -> written.add(new Written(context, entry)));
    }

    /** Returns whether this thread changed an entry outside of the transaction. */
    boolean hasWritten(String context, EntryId entry) {
        return written.contains(new Written(context, entry)) || written.contains(new Written(context, null));
    }

    private record Written(String context, @Nullable EntryId entry) {}
}
