package dev.keystore;

import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Reads and writes the entries of one context: what a {@link SignalKeyStore} and a {@link Transaction} have in common.
 *
 * <p>On a store, each method is one commit: when it returns, its writes are durable (R11), and when it throws, the
 * exception's type tells the state of the data (R41). On a transaction, writes stay in memory until the transaction's
 * work returns. Inside a transaction's work, write through the handle: a write through the store is a commit of its own,
 * at once, which the transaction does not undo, and which is a conflict where it changes what the transaction has read.
 *
 * <p>Every method that writes on a store throws
 *
 * <ul>
 *   <li>{@link CommitFailedException} if the backend refused the commit; nothing was written,
 *   <li>{@link RollbackFailedException} if it failed half-way on a backend without atomic commits and could not be
 *       undone; the entries it names are in doubt,
 *   <li>{@link CommitOutcomeUnknownException} if nobody can tell whether it was written,
 *   <li>{@link OwnershipLostException} if another process has taken the context over; nothing was written,
 *   <li>{@link OperationInterruptedException} if the thread was interrupted before the write began; nothing was
 *       written, and the thread's interrupt flag is set.
 * </ul>
 */
public interface KeyOperations extends KeyReader, KeyWriter {

    /**
     * Writes many entries of many types, deletes among them, as one commit (R10).
     *
     * @param updates what to write; unchanged by this call, and free to be used again
     */
    void set(Updates updates);

    /**
     * Writes an entry that must not exist yet.
     *
     * @throws EntryExistsException if the id exists; nothing was written
     */
    <V> void insert(KeyType<V> type, String id, V value);

    /**
     * Reads an entry and deletes it. Of any number of concurrent takes of one entry, exactly one gets it (R15).
     *
     * <p>In a transaction the entry is gone when the transaction commits. Should another have taken it first, the
     * commit fails with {@link TransactionConflictException}.
     *
     * @return the entry, or empty if there is none
     * @throws CorruptEntryException if the entry is damaged; it is not deleted
     */
    <V> Optional<V> take(KeyType<V> type, String id);

    /**
     * Renames an entry, atomically, and refuses to overwrite. Both ids are literal.
     *
     * @return whether there was an entry {@code from}; without one nothing is changed
     * @throws EntryExistsException if there is an entry {@code to} already; nothing was written
     * @throws CorruptEntryException if the entry is damaged; it is not moved
     */
    default boolean move(KeyType<?> type, String from, String to) {
        return move(type, from, to, OnExisting.REFUSE);
    }

    /**
     * Renames an entry, atomically. Both ids are literal.
     *
     * @param onExisting what to do if there is an entry {@code to} already
     * @return whether there was an entry {@code from}; without one nothing is changed, not even with
     *     {@link OnExisting#REPLACE}
     * @throws EntryExistsException if there is an entry {@code to} and {@code onExisting} is
     *     {@link OnExisting#REFUSE}; nothing was written
     * @throws CorruptEntryException if the entry is damaged; it is not moved
     */
    boolean move(KeyType<?> type, String from, String to, OnExisting onExisting);

    /**
     * Deletes every entry of this context except the credentials, those never loaded included (R17).
     *
     * <p>In a transaction it drops what the transaction wrote so far, takes effect at the commit, and what the
     * transaction writes later survives it. No other context is touched.
     */
    void clear();

    /** Deletes every entry of this context and the credentials as well, in one commit (R18). */
    void erase();

    /** Writes the credentials of the context: one record, absent until first saved (R19). */
    void saveCredentials(byte[] credentials);

    /**
     * Runs {@code work} while holding the lock of {@code lockKey}, then commits what it wrote as one batch.
     *
     * <p>Writes stay in memory until {@code work} returns. If it throws, they are dropped, the backend is not called,
     * and the exception reaches the caller as it is (R22). On return the batch is durable. A transaction that wrote
     * nothing commits nothing.
     *
     * <p>{@code work} runs on the calling thread, once (R23); a transient failure repeats only the commit. Transactions of
     * one context with equal lock keys run one at a time, in the order in which they arrived; others run in parallel
     * (R20). The wait for the lock is bounded by {@code lockTimeout} and the commit by {@code commitTimeout} (30 s each
     * unless configured).
     *
     * <p>Called on a transaction, {@code work} joins it: it sees and adds to that transaction's writes, and its lock is
     * held until that transaction ends. If it throws, its own writes are dropped, the outer transaction's are kept.
     *
     * <p>What {@code work} read is checked at the commit: if any of it has changed meanwhile, by a writer under another
     * lock key, the commit is refused (R24). What {@code work} reads is always consistent: a commit of others is seen
     * whole or not at all, and where what was read before is out of date by then, the read throws the conflict at once.
     *
     * @param lockKey what to serialize on, for example {@code "session:bob.1"}; not blank
     * @return what {@code work} returned
     * @throws X what {@code work} threw; nothing was written
     * @throws IllegalStateException if called on a store by a thread that is already inside a transaction of that store,
     *     or of another one of the same backend (R26): use the handle, or end the first; nothing was written
     * @throws LockTimeoutException if the lock was not free in time; {@code work} did not run
     * @throws OperationInterruptedException if the thread was interrupted while it waited; nothing was written
     * @throws TransactionConflictException if something {@code work} read has changed; nothing was written
     * @throws CommitFailedException if the backend refused the batch; nothing was written
     * @throws RollbackFailedException if the batch failed half-way and could not be undone; the entries it names are in
     *     doubt
     * @throws CommitOutcomeUnknownException if nobody can tell whether the batch was written
     * @throws OwnershipLostException if another process has taken the context over; nothing was written
     */
    default <R, X extends Exception> R transaction(String lockKey, TransactionWork<R, X> work) throws X {
        return transaction(Set.of(Objects.requireNonNull(lockKey, "lockKey")), work);
    }

    /**
     * Runs {@code work} while holding the locks of all of {@code lockKeys}, taken in one global order so that two such
     * calls never wait for each other (R25); else like {@link #transaction(String, TransactionWork)}.
     *
     * @param lockKeys at least one, none blank
     */
    <R, X extends Exception> R transaction(Set<String> lockKeys, TransactionWork<R, X> work) throws X;

    /**
     * Runs {@code work} that returns nothing; else like {@link #transaction(String, TransactionWork)}.
     *
     * @param lockKey what to serialize on
     */
    default <X extends Exception> void useTransaction(String lockKey, VoidWork<X> work) throws X {
        Objects.requireNonNull(lockKey, "lockKey");
        Objects.requireNonNull(work, "work");
        this.<Boolean, X>transaction(lockKey, tx -> {
            work.run(tx);
            return Boolean.TRUE;
        });
    }

    /** Returns a handle on the same entries that reads, and offers no way to write (R7). */
    KeyReader readOnly();

    /** What {@link #move(KeyType, String, String, OnExisting)} does about an entry that has the new id already. */
    enum OnExisting {
        /** Throws {@link EntryExistsException}, and changes nothing. */
        REFUSE,
        /** Replaces it. */
        REPLACE
    }

    /**
     * The work of a transaction that returns nothing.
     *
     * @param <X> what it may throw
     */
    @FunctionalInterface
    interface VoidWork<X extends Exception> {

        /** Reads and writes through {@code tx}, on the calling thread. */
        void run(Transaction tx) throws X;
    }
}
