package dev.keystore;

/**
 * The work of a transaction.
 *
 * @param <R> the type of the result
 * @param <X> the type of exception that the work may throw; inferred as {@link RuntimeException} if it throws no
 *     checked exception
 */
@FunctionalInterface
public interface TransactionWork<R, X extends Exception> {

    /**
     * Reads and writes through {@code tx}, on the thread that called {@code transaction}.
     *
     * @param tx the handle, valid on this thread until this method returns
     * @return the result, which {@code transaction} returns after the commit
     * @throws X to roll the transaction back; the exception reaches the caller unchanged
     */
    R run(Transaction tx) throws X;
}
