package dev.keystore.core;

import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A commit that writes all entries of a context: into a context that holds none, or in place of those that it holds.
 *
 * <p>Its leader checks that the context still holds none, so that no entry of another commit is overwritten. The
 * credentials are entries like the others.
 */
final class ContextImport implements StoredWrite {

    /** What became of it. */
    enum ImportResult {
        /** Nothing was written: the sealer was replaced meanwhile, so the values have to be sealed again. */
        OUTDATED,
        /** Nothing was written: the context holds entries by now. */
        NOT_EMPTY,
        /** All of it is written once the commit returns. */
        WRITTEN
    }

    private final Context context;
    private final boolean replacing;
    private final ValueSealer sealer;
    private final List<Mutation> marks;
    private final List<Mutation> puts;

    /** Set by the leader. */
    private volatile ImportResult result = ImportResult.OUTDATED;

    /**
     * Creates a commit.
     *
     * @param replacing whether the context is erased in the same commit
     * @param sealer what has sealed the records; its keys are stored with them if they are not stored yet
     * @param marks what is written of the engine's entries, before the others; not erased first
     * @param puts all entries, with their records
     */
    ContextImport(Context context, boolean replacing, ValueSealer sealer, List<Mutation> marks, List<Mutation> puts) {
        this.context = context;
        this.replacing = replacing;
        this.sealer = sealer;
        this.marks = marks;
        this.puts = puts;
    }

    /** Returns what seals the values of such a commit now. May load the keys of the context. */
    static ValueSealer sealerOf(Context context, boolean replacing) {
        return replacing ? context.sealer().afterErase() : context.sealer().current();
    }

    @Override
    public Context context() {
        return context;
    }

    @Override
    public boolean coversContext() {
        return true;
    }

    @Override
    public boolean sharesGroups() {
        return true;
    }

    @Override
    public List<Mutation> decide(Storage storage) {
        result = check(storage);
        List<Mutation> mutations = new ArrayList<>();
        if (result == ImportResult.WRITTEN) {
            mutations.addAll(marks);
            if (replacing) {
                mutations.add(new Mutation.Clear(context.keptByClear(Set.of())));
            }
            Mutation keys = context.sealer().unwrittenKeys(sealer);
            if (keys != null) {
                mutations.add(keys);
            }
            mutations.addAll(puts);
        }
        return mutations;
    }

    private ImportResult check(Storage storage) {
        if (context.sealer().isOutdated(sealer, replacing)) {
            return ImportResult.OUTDATED;
        }
        return !replacing && storage.holdsEntries(context.name()) ? ImportResult.NOT_EMPTY : ImportResult.WRITTEN;
    }

    @Override
    public void recordDurable() {
        if (result == ImportResult.WRITTEN) {
            context.sealer().recordDurable(sealer, replacing);
        } else {
            recordUnwritten();
        }
    }

    @Override
    public void recordUnknown() {
        if (replacing) {
            context.sealer().recordEraseUnknown(sealer);
        }
    }

    @Override
    public void recordUnwritten() {
        context.sealer().recordUnwritten(sealer);
    }

    /** Returns its outcome. Called after the commit, by its thread. */
    ImportResult result() {
        return result;
    }
}
