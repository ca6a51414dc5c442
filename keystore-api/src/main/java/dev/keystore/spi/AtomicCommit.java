package dev.keystore.spi;

/**
 * A backend that writes a batch of mutations of one context as one: all of them, or none (R12). To those who load, a
 * batch takes effect at one point: who has seen one entry of it sees the others.
 *
 * <p>The engine then writes through {@link #commit(Batch)} alone; {@code save} and {@code delete} are not called.
 */
public interface AtomicCommit {

    /**
     * Writes a batch, in its order, durably.
     *
     * @param batch at least one mutation
     * @throws BackendException if nothing of the batch was written or, if the exception says that the outcome is
     *     unknown, all of it or nothing
     * @throws dev.keystore.OwnershipLostException if this backend has {@link ContextOwnership} and the batch's epoch is
     *     no longer the context's; nothing was written
     */
    void commit(Batch batch);
}
