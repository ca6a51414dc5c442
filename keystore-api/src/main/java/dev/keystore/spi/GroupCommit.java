package dev.keystore.spi;

import java.util.List;

/**
 * A backend that writes several batches, of one or more contexts, atomically and with one wait for the disk.
 *
 * <p>Group commits make concurrent commits cheap: the threads share one fsync. The engine writes to such a backend only
 * through {@link #commit(java.util.List)}. If a group of several batches is refused, the engine writes them one by one,
 * so that only the batch at fault fails.
 */
public interface GroupCommit extends AtomicCommit {

    /**
     * Writes all batches of a group or none, in order, and returns when they are durable.
     *
     * @param group the batches, at least one; several may be of one context and write the same id, and the last one
     *     counts
     * @throws BackendException if no batch was written; if its kind is {@link BackendException.Kind#OUTCOME_UNKNOWN},
     *     either the whole group was written or nothing
     * @throws dev.keystore.OwnershipLostException if this backend implements {@link ContextOwnership} and the epoch of
     *     a batch is not the current epoch of its context; nothing of the group was written
     */
    void commit(List<Batch> group);

    /**
     * Writes a group that consists of one batch.
     *
     * @param batch the batch
     */
    @Override
    default void commit(Batch batch) {
        commit(List.of(batch));
    }
}
