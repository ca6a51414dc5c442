package dev.keystore.core;

import dev.keystore.spi.Mutation;
import java.util.List;
import java.util.function.BooleanSupplier;

/** A commit that writes or deletes the {@link MoveMark} of a context, if the context has not changed meanwhile. */
final class MoveCommit implements StoredWrite {

    private final Context context;
    private final Mutation change;
    private final BooleanSupplier unchanged;
    private final Runnable onDurable;

    /** Set by the leader. */
    private volatile boolean written;

    /**
     * Creates a commit.
     *
     * @param unchanged asked by the leader; if false, nothing is written
     * @param onDurable called by the leader once it is written, before another commit is
     */
    MoveCommit(Context context, Mutation change, BooleanSupplier unchanged, Runnable onDurable) {
        this.context = context;
        this.change = change;
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
    public List<Mutation> mutations(Storage storage) {
        written = unchanged.getAsBoolean();
        return written ? List.of(change) : List.of();
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
