package dev.keystore.core;

import dev.keystore.spi.Mutation;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A commit that writes or deletes the {@link MoveMark} of a context, perhaps with all entries of it, if the context has
 * not changed meanwhile.
 */
final class MoveCommit implements StoredWrite {

    private final Context context;
    private final List<Mutation> changes;
    private final BooleanSupplier unchanged;
    private final Runnable onDurable;

    /** Set by the leader. */
    private volatile boolean written;

    /**
     * Creates a commit.
     *
     * @param changes what is written
     * @param unchanged asked by the leader; if false, nothing is written
     * @param onDurable called by the leader once it is written, before another commit is
     */
    MoveCommit(Context context, List<Mutation> changes, BooleanSupplier unchanged, Runnable onDurable) {
        this.context = context;
        this.changes = List.copyOf(changes);
        this.unchanged = unchanged;
        this.onDurable = onDurable;
    }

    @Override
    public Context context() {
        return context;
    }

    @Override
    public boolean coversContext() {
        return false;
    }

    @Override
    public List<Mutation> decide(Storage storage) {
        written = unchanged.getAsBoolean();
        return written ? changes : List.of();
    }

    @Override
    public void recordDurable() {
        if (written) {
            onDurable.run();
        }
    }

    @Override
    public void recordUnknown() {}

    /** Returns whether it was written. Called after the commit, by its thread. */
    boolean isWritten() {
        return written;
    }
}
