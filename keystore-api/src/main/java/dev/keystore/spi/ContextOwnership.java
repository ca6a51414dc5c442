package dev.keystore.spi;

/**
 * A backend that several processes share, and that lets one of them at a time write to a context (R53).
 *
 * <p>It keeps an epoch for each context, 0 to begin with, which rises with each takeover. A commit whose {@link Batch#epoch()} is not the
 * context's is refused with {@link dev.keystore.OwnershipLostException}, checked within the same atomic write.
 */
public interface ContextOwnership extends AtomicCommit {

    /**
     * Takes a context over: raises its epoch, durably, so that every former owner's commits are refused. Called from any
     * thread, also beside a commit.
     *
     * @return the new epoch, at least 1
     * @throws BackendException if the context could not be taken over; its epoch is as it was
     */
    long takeOver(String context);
}
