package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.KEYS;

import dev.keystore.EntryId;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A change of the form in which the entries of a context are stored, or of the engine's own entries, but of no value.
 *
 * <p>It is written like any other commit. Its leader leaves out each entry that has changed since it was read: the
 * commit that changed it has sealed it already. If the sealer was replaced meanwhile, nothing is written.
 */
final class Rewrite implements StoredWrite {

    /** An entry, its record as it was found, or null, and its next record; it is deleted if that is null. */
    record RecordChange(EntryId entry, byte @Nullable [] former, byte @Nullable [] next) {

        Mutation mutation() {
            return next == null
                    ? new Mutation.Delete(entry.type(), entry.id())
                    : new Mutation.Put(entry.type(), entry.id(), next);
        }
    }

    private final Context context;
    private final @Nullable ValueSealer sealer;
    private final List<RecordChange> changes;

    /** How many changes are part of the last write; -1 if nothing was to be written. Set by the leader. */
    private volatile int applied = -1;

    /**
     * Creates a change.
     *
     * @param sealer what has sealed the next records; its keys are stored with them if they are not stored yet. Null if
     *     the records are not sealed
     */
    Rewrite(Context context, @Nullable ValueSealer sealer, List<RecordChange> changes) {
        this.context = context;
        this.sealer = sealer;
        this.changes = List.copyOf(changes);
    }

    @Override
    public Context context() {
        return context;
    }

    /** Returns false: no value changes. */
    @Override
    public boolean coversContext() {
        return false;
    }

    @Override
    public List<Mutation> decide(Storage storage) {
        applied = -1;
        List<Mutation> mutations = new ArrayList<>();
        if (sealer != null) {
            if (context.sealer().isOutdated(sealer, false)) {
                return mutations;
            }
            Mutation keys = context.sealer().unwrittenKeys(sealer);
            if (keys != null) {
                mutations.add(keys);
            }
        }
        int count = 0;
        for (RecordChange change : changes) {
            if (Arrays.equals(storage.read(context.name(), change.entry), change.former)) {
                mutations.add(change.mutation());
                count++;
            }
        }
        applied = count;
        return mutations;
    }

    @Override
    public void recordDurable() {
        if (applied >= 0) {
            context.sealer().recordDurable(sealer, applied > 0 && deletes(KEYS));
        }
    }

    @Override
    public void recordUnknown() {
        if (deletes(KEYS)) {
            context.sealer().recordEraseUnknown(null);
        }
    }

    private boolean deletes(EntryId entry) {
        for (RecordChange change : changes) {
            if (change.next == null && change.entry.equals(entry)) {
                return true;
            }
        }
        return false;
    }

    /** Returns how many entries were changed. Called after the commit, by its thread. */
    int changed() {
        return Math.max(applied, 0);
    }
}
