package dev.keystore.libsignal;

import dev.keystore.Transaction;

/**
 * What an application makes of a decrypted message, in the commit of the message's ratchet step.
 *
 * @param <R> the type of the result
 * @param <X> the type of exception that the work may throw
 */
@FunctionalInterface
public interface MessageWork<R, X extends Exception> {

    /**
     * Handles a message, on the thread that decrypted it.
     *
     * @param message the decrypted message
     * @param tx the transaction that also writes the ratchet step
     * @return the result, which is returned to the caller after the commit
     * @throws X to roll the transaction back: the message can be decrypted again
     */
    R run(ReceivedMessage message, Transaction tx) throws X;
}
