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
     * in use here whose codec refuses its bytes. Nothing is changed, and nothing is cached. Memory is bounded but for
     * the list that is returned.
     *
     * @throws LoadFailedException if the backend failed
     */
    List<EntryId> verify();
}
