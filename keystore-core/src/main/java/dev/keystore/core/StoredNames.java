package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.KEYS;
import static dev.keystore.spi.StoreSealing.MARK;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.NameHiding;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The names under which the backend holds contexts, types and ids: the true ones, or hidden ones.
 *
 * <p>The entries that the engine stores for itself keep their types and ids, and the context of the mark keeps its
 * name: the mark must be found without a key.
 */
final class StoredNames {

    /** The true names. */
    static final StoredNames TRUE = new StoredNames(null, false);

    /** The entry in which a context keeps the mark of a move. */
    static final EntryId MOVE_MARK = new EntryId(MARK.type(), "move");

    private final @Nullable NameHiding hiding;
    private final boolean hidesContexts;

    private StoredNames(@Nullable NameHiding hiding, boolean hidesContexts) {
        this.hiding = hiding;
        this.hidesContexts = hidesContexts;
    }

    /**
     * Returns hidden names.
     *
     * @param hidesContexts whether contexts have hidden names; false on a backend whose only context has no name
     */
    static StoredNames hidden(NameHiding hiding, boolean hidesContexts) {
        return new StoredNames(hiding, hidesContexts);
    }

    /** Returns whether types and ids are hidden. */
    boolean areHidden() {
        return hiding != null;
    }

    /** Returns whether contexts are hidden. */
    boolean areContextsHidden() {
        return hidesContexts;
    }

    String context(String context) {
        return hiding == null || !hidesContexts || context.equals(MARK.type()) ? context : hiding.context(context);
    }

    String type(String context, String type) {
        return hiding == null || isReserved(type) ? type : hiding.type(context, type);
    }

    String id(String context, String type, String id) {
        return hiding == null || isReserved(type) ? id : hiding.id(context, type, id);
    }

    /** Returns a prefix of the stored ids that begin with {@code idPrefix}; others may have it, too. */
    String idPrefix(String context, String type, String idPrefix) {
        return hiding == null || isReserved(type) ? idPrefix : hiding.idPrefix(context, type, idPrefix);
    }

    /** Returns whether entries of a type are those that the engine stores for itself. */
    static boolean isReserved(String type) {
        return type.equals(KEYS.type()) || type.equals(MARK.type()) || type.equals(FreshnessEntry.ID.type());
    }

    /** Returns a group with stored names, in the same order. */
    List<Batch> group(List<Batch> group) {
        if (hiding == null) {
            return group;
        }
        List<Batch> stored = new ArrayList<>();
        for (Batch batch : group) {
            stored.add(batch(batch));
        }
        return stored;
    }

    /** Returns a batch with stored names, whose mutations are in the same order. */
    Batch batch(Batch batch) {
        if (hiding == null) {
            return batch;
        }
        String context = batch.context();
        List<Mutation> mutations = new ArrayList<>();
        for (Mutation mutation : batch.mutations()) {
            mutations.add(mutation(context, mutation));
        }
        return new Batch(context(context), batch.epoch(), batch.sequence(), mutations);
    }

    private Mutation mutation(String context, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            return new Mutation.Put(type(context, put.type()), id(context, put.type(), put.id()), put.value());
        }
        if (mutation instanceof Mutation.Delete delete) {
            return new Mutation.Delete(type(context, delete.type()), id(context, delete.type(), delete.id()));
        }
        Set<String> kept = new HashSet<>();
        for (String type : ((Mutation.Clear) mutation).keptTypes()) {
            kept.add(type(context, type));
        }
        return new Mutation.Clear(kept);
    }

    /**
     * Returns the entries of a batch by their names in it.
     *
     * @param stored the same batch with stored names
     * @param entries entries by their stored names; one that the batch does not name, but only clears, keeps it
     */
    static List<EntryId> entriesOf(Batch batch, Batch stored, List<EntryId> entries) {
        List<EntryId> named = new ArrayList<>();
        for (EntryId entry : entries) {
            named.add(entryOf(batch, stored, entry));
        }
        return named;
    }

    private static EntryId entryOf(Batch batch, Batch stored, EntryId entry) {
        for (int i = 0; i < stored.mutations().size(); i++) {
            EntryId named = entryOf(batch.mutations().get(i));
            if (named != null && entry.equals(entryOf(stored.mutations().get(i)))) {
                return named;
            }
        }
        return entry;
    }

    private static @Nullable EntryId entryOf(Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            return new EntryId(put.type(), put.id());
        }
        return mutation instanceof Mutation.Delete delete ? new EntryId(delete.type(), delete.id()) : null;
    }
}
