package dev.keystore.core;

import dev.keystore.spi.Mutation;
import java.util.List;

/**
 * A write of records, not of values: the leader of its commit decides what is written, from what is stored, and nothing
 * of it is put into the cache. It is written in a group without others, unless it {@link #sharesGroups}.
 */
interface StoredWrite {

    /** Returns the context that it writes to. */
    Context context();

    /** Returns whether it may write any entry of the context, so that what is cached of the context becomes invalid. */
    boolean coversContext();

    /**
     * Returns whether it may be written in one group with others that do, each to another context. What it is compared
     * with is then only what its own context holds.
     */
    default boolean sharesGroups() {
        return false;
    }

    /**
     * Decides what has to be written, remembers it for {@link #recordDurable}, and returns it. Called by the leader,
     * again after a failed attempt.
     */
    List<Mutation> decide(Storage storage);

    /** Records that it is durable, for the keys of the context. Called by the leader, before readers see it. */
    void recordDurable();

    /** Records that it is unknown whether it is durable, for the keys of the context. Called by the leader. */
    void recordUnknown();

    /** Records that nothing of it was written, and will not be, for keys that were created for it. */
    default void recordUnwritten() {}
}
