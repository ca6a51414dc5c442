package dev.keystore;

import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * The key store of one context: one account, or one device of it, whose keys are apart from all others (R50).
 *
 * <p>A store is safe for use by any number of threads, virtual ones included. It is light: the cache, the locks and the
 * commits are shared by all contexts of one opened backend, and closing that closes every store of it.
 *
 * <pre>{@code
 * byte[] plaintext = alice.transaction("session:bob.1", tx -> {
 *     byte[] session = tx.find(KeyTypes.SESSION, "bob.1").orElseThrow();
 *     KeyPair preKey = tx.take(KeyTypes.PRE_KEY, "17").orElseThrow();
 *     Decrypted decrypted = decrypt(session, preKey, message);
 *     tx.put(KeyTypes.SESSION, "bob.1", decrypted.nextSession());
 *     return decrypted.plaintext();
 * });
 * }</pre>
 */
public interface SignalKeyStore extends KeyOperations {

    /**
     * Runs {@code work} like {@link #transaction(String, TransactionWork)}, with options.
     *
     * @param lockKey what to serialize on
     * @param options how to run it, for example {@link TransactionOptions#retryOnConflict(int)}
     */
    default <R, X extends Exception> R transaction(
            String lockKey, TransactionOptions options, TransactionWork<R, X> work) throws X {
        return transaction(Set.of(Objects.requireNonNull(lockKey, "lockKey")), options, work);
    }

    /**
     * Runs {@code work} like {@link #transaction(Set, TransactionWork)}, with options.
     *
     * @param lockKeys at least one, none blank
     * @param options how to run it
     */
    <R, X extends Exception> R transaction(Set<String> lockKeys, TransactionOptions options, TransactionWork<R, X> work)
            throws X;

    @Override
    default <R, X extends Exception> R transaction(Set<String> lockKeys, TransactionWork<R, X> work) throws X {
        return transaction(lockKeys, TransactionOptions.DEFAULT, work);
    }

    /**
     * Reads every entry of this context from the backend and returns those that are damaged (R43).
     *
     * <p>Damaged is an entry whose checksum does not fit its bytes, its context, its type and its id, and one of a type
     * in use here whose codec refuses its bytes. Nothing is changed, and nothing is cached. Memory is bounded except for
     * the list that is returned; of a damaged SQLite file, the ids of the context are held as well.
     *
     * <p>The list that is returned is complete. Where something can't be read, as in a damaged file, this continues with
     * what can be listed and read, and then throws an exception that holds what was found.
     *
     * @return the damaged entries; empty if everything was read and is sound
     * @throws IncompleteVerificationException if an entry could not be read, the backend could not list all, or it failed
     *     meanwhile; it says which entries are damaged and which can't be read, and that there may be others
     * @throws OperationInterruptedException if the thread was interrupted while it waited
     */
    List<EntryId> verify();
}
