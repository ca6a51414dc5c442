package dev.keystore;

import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Reads and writes the entries of one context: the operations that {@link SignalKeyStore} and {@link Transaction}
 * share.
 *
 * <p>On a store, each method is one commit: when it returns, its writes are durable (R11); when it throws, the type of
 * the exception states what was written (R41). On a transaction, writes stay in memory until the transaction's work
 * returns.
 *
 * <p>Inside a transaction's work, write through its handle. A write through the store is a separate commit that takes
 * effect immediately. The transaction does not roll it back, and it causes a conflict if it changes something that the
 * transaction has read.
 *
 * <p>A write on a store blocks until the commit is durable. First it loads the entries that it reads or deletes, like a
 * read. Then it waits for at most {@code commitTimeout} (30 s by default). That limit does not cover a call of the
 * backend on the writing thread; backends bound their own calls. After a conflict with another commit, {@code insert},
 * {@code take} and {@code move} start over, until {@code commitTimeout} has passed since they began. Every method that
 * writes on a store throws
 *
 * <ul>
 *   <li>{@link CommitFailedException} if the backend refused the commit, if it was not written within
 *       {@code commitTimeout}, or if what it needs could not be read; nothing was written,
 *   <li>{@link RollbackFailedException} if the commit failed midway on a backend without atomic commits and could not
 *       be rolled back; the state of the entries it lists is unknown,
 *   <li>{@link CommitOutcomeUnknownException} if it is unknown whether the commit was written,
 *   <li>{@link OwnershipLostException} if another owner has taken the context over; nothing was written,
 *   <li>{@link ContextMovedException} if the context was moved to another store; nothing was written,
 *   <li>{@link StaleStoreException} if another copy of the context was written to; nothing was written,
 *   <li>{@link OperationInterruptedException} if the thread was interrupted before the write began; nothing was
 *       written, and the thread's interrupt flag is set.
 * </ul>
 */
public interface KeyOperations extends KeyReader, KeyWriter {

    /**
     * Writes and deletes entries of any number of types as one commit (R10).
     *
     * @param updates the changes; not modified by this call, so they may be used again
     */
    void set(Updates updates);

    /**
     * Writes an entry that must not exist yet (R15).
     *
     * @param <V> the type of the value
     * @param type the type of the entry
     * @param id the id of the entry
     * @param value the value; copied
     * @throws EntryExistsException if the entry exists; nothing was written
     * @throws UnreadableEntryException if an entry with that id exists but cannot be read; nothing was written
     * @throws LoadFailedException if the backend failed to read; nothing was written
     */
    <V> void insert(KeyType<V> type, String id, V value);

    /**
     * Reads and deletes an entry. Of any number of concurrent calls for one entry, exactly one returns it (R15).
     *
     * <p>In a transaction, the entry is deleted when the transaction commits. If another thread has taken it by then,
     * the commit fails with {@link TransactionConflictException}.
     *
     * @param <V> the type of the value
     * @param type the type of the entry
     * @param id the id of the entry
     * @return the value, or empty if the entry does not exist
     * @throws UnreadableEntryException if the entry cannot be read; it is not deleted
     * @throws LoadFailedException if the backend failed to read the entry; it is not deleted
     */
    <V> Optional<V> take(KeyType<V> type, String id);

    /**
     * Moves an entry to another id, atomically, unless that id exists (R16). Both ids are literal.
     *
     * @param type the type of the entry
     * @param from the id of the entry
     * @param to the new id
     * @return whether the entry {@code from} existed; if not, nothing was changed
     * @throws EntryExistsException if the entry {@code to} exists; nothing was written
     * @throws UnreadableEntryException if the entry {@code from} or {@code to} cannot be read; it is not moved
     * @throws LoadFailedException if the backend failed to read an entry; it is not moved
     */
    default boolean move(KeyType<?> type, String from, String to) {
        return move(type, from, to, OnExisting.REFUSE);
    }

    /**
     * Moves an entry to another id, atomically (R16). Both ids are literal.
     *
     * @param type the type of the entry
     * @param from the id of the entry
     * @param to the new id
     * @param onExisting what to do if the entry {@code to} exists
     * @return whether the entry {@code from} existed; if not, nothing was changed, even with {@link OnExisting#REPLACE}
     * @throws EntryExistsException if the entry {@code to} exists and {@code onExisting} is {@link OnExisting#REFUSE};
     *     nothing was written
     * @throws UnreadableEntryException if the entry {@code from}, or {@code to} if it must not exist, cannot be read;
     *     it is not moved
     * @throws LoadFailedException if the backend failed to read an entry; it is not moved
     */
    boolean move(KeyType<?> type, String from, String to, OnExisting onExisting);

    /**
     * Deletes every entry of this context except the credentials, including entries that were never loaded (R17). No
     * other context is affected.
     *
     * <p>In a transaction, it discards what the transaction has written so far and takes effect at the commit; what the
     * transaction writes afterwards is kept.
     */
    void clear();

    /** Deletes every entry of this context and the credentials, in one commit (R18). */
    void erase();

    /**
     * Writes the credentials of the context, replacing any existing ones (R19).
     *
     * @param credentials the bytes of the record; copied
     */
    void saveCredentials(byte[] credentials);

    /**
     * Runs {@code work} while holding the lock of {@code lockKey}, then commits what it wrote as one batch.
     *
     * <p>Writes stay in memory until {@code work} returns. If it throws, they are discarded, the backend is not called,
     * and the exception reaches the caller unchanged (R22). When this method returns, the batch is durable. A
     * transaction that wrote nothing commits nothing.
     *
     * <p>{@code work} runs on the calling thread, once (R23); after a transient failure only the commit is retried.
     * Transactions of one context with equal lock keys run one at a time, in order of arrival; all others run in
     * parallel (R20). The wait for the lock is bounded by {@code lockTimeout}, and the commit by {@code commitTimeout}
     * (30 s each by default).
     *
     * <p>At the commit, the engine checks what {@code work} read: if any of it was changed meanwhile, by a writer under
     * another lock key, the commit is refused (R24). What {@code work} reads is always consistent: it sees all of
     * another commit or none of it. If that is not possible because something it read earlier has changed, the read
     * itself throws {@link TransactionConflictException}.
     *
     * <p>When called on a transaction, {@code work} joins that transaction (R26): it sees and adds to the transaction's
     * writes, and its lock is held until that transaction ends. If {@code work} throws, its own writes are discarded
     * and those made before are kept.
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param lockKey the key to serialize on, for example {@code "session:bob.1"}; not blank
     * @param work the work to run
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written
     * @throws IllegalStateException if called on a store by a thread that is already inside a transaction of that store
     *     or of another store of the same database (R26); nothing was written; use the transaction's handle, or end the
     *     transaction first
     * @throws LockTimeoutException if the lock was not free in time; {@code work} did not run
     * @throws OperationInterruptedException if the thread was interrupted while it waited; nothing was written
     * @throws TransactionConflictException if something that {@code work} read has changed; nothing was written
     * @throws CommitFailedException if the backend refused the batch, if it was not written within
     *     {@code commitTimeout}, or if what the commit needs could not be read; nothing was written
     * @throws RollbackFailedException if the batch failed midway and could not be rolled back; the state of the entries
     *     it lists is unknown
     * @throws CommitOutcomeUnknownException if it is unknown whether the batch was written
     * @throws OwnershipLostException if another owner has taken the context over; nothing was written
     * @throws ContextMovedException if the context was moved to another store; nothing was written
     * @throws StaleStoreException if another copy of the context was written to; nothing was written
     */
    default <R, X extends Exception> R transaction(String lockKey, TransactionWork<R, X> work) throws X {
        return transaction(Set.of(Objects.requireNonNull(lockKey, "lockKey")), work);
    }

    /**
     * Runs {@code work} while holding the locks of all {@code lockKeys}; otherwise like {@link #transaction(String,
     * TransactionWork)}.
     *
     * <p>The locks are acquired in one global order, so that two such calls never deadlock (R25).
     *
     * @param <R> the type of the result
     * @param <X> the type of exception that {@code work} may throw
     * @param lockKeys the keys to serialize on, at least one, none blank
     * @param work the work to run
     * @return the result of {@code work}
     * @throws X if {@code work} threw it; nothing was written
     */
    <R, X extends Exception> R transaction(Set<String> lockKeys, TransactionWork<R, X> work) throws X;

    /**
     * Runs {@code work} that returns no result; otherwise like {@link #transaction(String, TransactionWork)}.
     *
     * @param <X> the type of exception that {@code work} may throw
     * @param lockKey the key to serialize on; not blank
     * @param work the work to run
     * @throws X if {@code work} threw it; nothing was written
     */
    default <X extends Exception> void useTransaction(String lockKey, VoidWork<X> work) throws X {
        Objects.requireNonNull(lockKey, "lockKey");
        Objects.requireNonNull(work, "work");
        this.<Boolean, X>transaction(lockKey, tx -> {
            work.run(tx);
            return Boolean.TRUE;
        });
    }

    /**
     * Returns a view of the same entries that can be read but not written (R7).
     *
     * @return a view that is valid as long as this store or handle
     */
    KeyReader readOnly();

    /** What {@link #move(KeyType, String, String, OnExisting)} does if the new id exists. */
    enum OnExisting {
        /** Throws {@link EntryExistsException} and changes nothing. */
        REFUSE,
        /** Replaces the existing entry. */
        REPLACE
    }

    /**
     * The work of a transaction that returns no result.
     *
     * @param <X> the type of exception that the work may throw
     */
    @FunctionalInterface
    interface VoidWork<X extends Exception> {

        /**
         * Reads and writes through {@code tx}, on the thread that called {@code useTransaction}.
         *
         * @param tx the handle, valid on this thread until this method returns
         * @throws X to roll the transaction back; the exception reaches the caller unchanged
         */
        void run(Transaction tx) throws X;
    }
}
