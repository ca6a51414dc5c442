package dev.keystore.libsignal;

import dev.keystore.Transaction;

/**
 * Work with libsignal that runs in one transaction: its changes to sessions and keys, and everything else the
 * application writes in it, are one commit.
 *
 * @param <R> the type of the result
 * @param <X> the type of exception that the work may throw; inferred as {@link Exception} if it throws several checked
 *     exceptions
 */
@FunctionalInterface
public interface ProtocolWork<R, X extends Exception> {

    /**
     * Performs the work, on the thread that called {@code SignalAccount.transaction}.
     *
     * @param signal the store to pass to libsignal's ciphers and builders; valid on this thread until this method
     *     returns
     * @param tx the underlying transaction, for other reads and writes of the application
     * @return the result, which is returned to the caller after the commit
     * @throws X to roll the transaction back; the exception reaches the caller unchanged
     */
    R run(KeystoreSignalProtocolStore signal, Transaction tx) throws X;
}
