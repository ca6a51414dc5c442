package dev.keystore.libsignal;

import dev.keystore.Transaction;

/**
 * A piece of protocol work: what it does to sessions and keys, and what the application writes beside it, is one commit.
 *
 * @param <R> what it returns
 * @param <X> what it may throw; a work that throws several checked exceptions is inferred as {@link Exception}
 */
@FunctionalInterface
public interface ProtocolWork<R, X extends Exception> {

    /**
     * Does the work, on the thread that called {@link SignalAccount#transaction}.
     *
     * @param signal what libsignal's ciphers and builders take; valid until this method returns, on this thread
     * @param tx the transaction beneath it, for the application's own reads and writes
     */
    R run(KeystoreSignalProtocolStore signal, Transaction tx) throws X;
}
