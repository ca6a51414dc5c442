package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * A recorded call to a {@link FaultyBackend}.
 *
 * @param operation the operation that was called
 * @param contexts the distinct contexts of the call; {@code default} for a context-free backend, none for a close, a
 *     compaction, and a listing of contexts
 * @param entries the entries that the call named: one for a load, save or delete, several for a bulk load, those put or
 *     deleted for a commit, and none for other operations
 * @param group the batches of a commit; none for other operations
 * @param thread the calling thread
 */
public record Call(
        Operation operation, List<String> contexts, List<EntryId> entries, List<Batch> group, Thread thread) {

    /**
     * Creates a record of a call; the lists are copied.
     *
     * @param operation the operation that was called
     * @param contexts the distinct contexts of the call
     * @param entries the entries that the call named
     * @param group the batches of a commit
     * @param thread the calling thread
     */
    public Call {
        contexts = List.copyOf(contexts);
        entries = List.copyOf(entries);
        group = List.copyOf(group);
    }

    static Call of(Operation operation, String context, String type, String id) {
        return of(operation, context, type, List.of(id));
    }

    static Call of(Operation operation, String context, String type, Collection<String> ids) {
        List<EntryId> entries = ids.stream().map(id -> new EntryId(type, id)).toList();
        return new Call(operation, List.of(context), entries, List.of(), Thread.currentThread());
    }

    static Call of(Operation operation, String context) {
        return new Call(operation, List.of(context), List.of(), List.of(), Thread.currentThread());
    }

    static Call ofCommit(List<Batch> group) {
        List<String> contexts = group.stream().map(Batch::context).distinct().toList();
        List<EntryId> entries = group.stream()
                .flatMap(batch -> batch.mutations().stream())
                .flatMap(mutation -> named(mutation).stream())
                .toList();
        return new Call(Operation.COMMIT, contexts, entries, group, Thread.currentThread());
    }

    /** Returns a call that concerns no context. */
    static Call of(Operation operation) {
        return new Call(operation, List.of(), List.of(), List.of(), Thread.currentThread());
    }

    private static Optional<EntryId> named(Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            return Optional.of(new EntryId(put.type(), put.id()));
        }
        if (mutation instanceof Mutation.Delete delete) {
            return Optional.of(new EntryId(delete.type(), delete.id()));
        }
        return Optional.empty();
    }

    /** An operation of a backend. */
    public enum Operation {
        /** Loads one entry, or several in bulk. */
        LOAD,
        /** Saves an entry. */
        SAVE,
        /** Deletes an entry. */
        DELETE,
        /** Lists the entries of a context, scans it by prefix, or reads a snapshot of it. */
        LIST,
        /** Lists the contexts. */
        LIST_CONTEXTS,
        /** Commits a batch or a group of batches. */
        COMMIT,
        /** Takes over a context. */
        TAKE_OVER,
        /** Returns the last commit of an epoch. */
        LAST_COMMIT,
        /** Returns the owner of a context. */
        OWNER,
        /** Returns the position of a context. */
        POSITION,
        /** Compacts the files. */
        COMPACT,
        /** Closes the backend. */
        CLOSE
    }
}
