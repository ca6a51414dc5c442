package dev.keystore.spi;

/**
 * A backend that writes a batch of mutations of one context atomically: all of them or none (R12).
 *
 * <p>A batch becomes visible to loads at a single point in time: a reader that has seen one entry of it sees the
 * others.
 *
 * <p>The engine writes to such a backend only through {@link #commit(Batch)}; it never calls {@code save} or
 * {@code delete}.
 */
public interface AtomicCommit {

    /**
     * Writes a batch, applying its mutations in order, and returns when it is durable.
     *
     * @param batch the batch, with at least one mutation
     * @throws BackendException if the batch was not written; if its kind is
     *     {@link BackendException.Kind#OUTCOME_UNKNOWN}, either all of the batch was written or nothing
     * @throws dev.keystore.OwnershipLostException if this backend implements {@link ContextOwnership} and the epoch of
     *     the batch is not the current epoch of its context; nothing was written
     */
    void commit(Batch batch);
}
