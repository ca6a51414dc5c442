package dev.keystore.spi;

import java.util.List;

/**
 * A backend that writes several batches, of several contexts, as one: all of them, or none, with one wait for the medium.
 *
 * <p>This is what makes commits of many threads cheap. The engine then writes through {@link #commit(java.util.List)}
 * alone. When a group is refused, it writes the batches one by one, so that only the culprit fails.
 */
public interface GroupCommit extends AtomicCommit {

    /**
     * Writes a group of batches, in their order, durably.
     *
     * @param group at least one batch; two of them may be of one context and write the same id, the later one wins
     * @throws BackendException if nothing of the group was written or, if the exception says that the outcome is
     *     unknown, all of it or nothing
     * @throws dev.keystore.OwnershipLostException if this backend has {@link ContextOwnership} and the epoch of a batch
     *     is no longer its context's; nothing of the group was written
     */
    void commit(List<Batch> group);

    @Override
    default void commit(Batch batch) {
        commit(List.of(batch));
    }
}
