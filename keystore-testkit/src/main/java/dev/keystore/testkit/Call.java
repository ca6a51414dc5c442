package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * A call to a {@link FaultyBackend}, as its {@link Faults} saw it arrive.
 *
 * @param operation what was asked
 * @param contexts the contexts it was about, each once; none for a close. A context-free backend's is {@code default}
 * @param entries the entries it named: one of a load, save or delete, several of a bulk load, those put or deleted of a
 *     commit, none of the others
 * @param group the batches of a commit, else none
 * @param thread the thread that called
 */
public record Call(
        Operation operation, List<String> contexts, List<EntryId> entries, List<Batch> group, Thread thread) {

    /** Takes copies of the lists. */
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

    static Call ofClose() {
        return new Call(Operation.CLOSE, List.of(), List.of(), List.of(), Thread.currentThread());
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

    /** What a backend is asked to do. */
    public enum Operation {
        /** To load one entry or, in bulk, several. */
        LOAD,
        /** To save an entry. */
        SAVE,
        /** To delete an entry. */
        DELETE,
        /** To list a context, or scan it by prefix. */
        LIST,
        /** To commit a batch, or a group of them. */
        COMMIT,
        /** To take a context over. */
        TAKE_OVER,
        /** To tell the last commit of an epoch. */
        LAST_COMMIT,
        /** To close. */
        CLOSE
    }
}
