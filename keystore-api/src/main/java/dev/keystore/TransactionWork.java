package dev.keystore;

/**
 * The work of a transaction.
 *
 * @param <R> what it returns
 * @param <X> what it may throw; a work that throws no checked exception is inferred as {@link RuntimeException}
 */
@FunctionalInterface
public interface TransactionWork<R, X extends Exception> {

    /**
     * Reads and writes through {@code tx}, on the thread that called {@code transaction}.
     *
     * @param tx the handle, valid until this method returns, on this thread
     */
    R run(Transaction tx) throws X;
}
