package dev.keystore;

import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * The key store of one context, which is one account or one of its devices. Its keys are isolated from those of every
 * other context (R50).
 *
 * <p>A store is safe for use by multiple threads, including virtual threads. It is lightweight: all contexts of an
 * opened database share one cache, one lock table and one commit pipeline. Closing the database closes all its stores.
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
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param lockKey the key to serialize on; not blank
     * @param options the options, for example {@link TransactionOptions#retryOnConflict(int)}
     * @param work the work to run
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written
     */
    default <R, X extends Exception> R transaction(
            String lockKey, TransactionOptions options, TransactionWork<R, X> work) throws X {
        return transaction(Set.of(Objects.requireNonNull(lockKey, "lockKey")), options, work);
    }

    /**
     * Runs {@code work} like {@link #transaction(Set, TransactionWork)}, with options.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param lockKeys the keys to serialize on, at least one, none blank
     * @param options the options, for example {@link TransactionOptions#retryOnConflict(int)}
     * @param work the work to run
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written
     */
    <R, X extends Exception> R transaction(Set<String> lockKeys, TransactionOptions options, TransactionWork<R, X> work)
            throws X;

    @Override
    default <R, X extends Exception> R transaction(Set<String> lockKeys, TransactionWork<R, X> work) throws X {
        return transaction(lockKeys, TransactionOptions.DEFAULT, work);
    }

    /**
     * Returns a reader that reads this context from the backend, bypassing the cache, which it neither reads nor fills:
     * to verify what was written, for example.
     *
     * <p>It reads what is committed at the time of each load: it does not wait for a commit that is being written, as a
     * read through the cache does, and several ids are not read as of one point in time. Otherwise it throws what this
     * store throws. In an encrypted store, a concurrent {@link #erase} makes entries that were read before it
     * unreadable.
     *
     * @return the reader
     */
    KeyReader uncached();

    /**
     * Reads every entry of this context from the backend and returns those that are damaged (R43).
     *
     * <p>An entry is damaged if its checksum does not match its bytes, context, type and id, or if its type has been
     * used with this database and the type's codec refuses the bytes. In an encrypted store, an entry that was tampered
     * with or whose key is missing counts as damaged, too; and so do the keys of the context, as {@code _keys/data}. If
     * the store hides names, a damaged entry has its hidden type and id, since the true ones are unknown. Nothing is
     * changed and nothing is cached. Memory use is bounded, except for the returned list and, for a damaged SQLite
     * file, the ids of the context.
     *
     * <p>The returned list is complete. If something can't be read, for example in a damaged file, this method
     * continues with everything that can be listed and read, and then throws an exception that contains the findings.
     *
     * @return the damaged entries, empty if there are none
     * @throws IncompleteVerificationException if not every entry could be listed and read; the exception names the
     *     damaged and the unreadable entries that were found
     * @throws StoreOpenException if entries seem to be damaged, and another process has changed the encryption of the
     *     store in a way that this database cannot follow: close it, and open it again
     * @throws OperationInterruptedException if the thread was interrupted while it waited
     */
    List<EntryId> verify();
}
