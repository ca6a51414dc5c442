package dev.keystore;

/**
 * The handle of a running transaction, passed to its work.
 *
 * <p>It reads its own writes first. A value read twice is the same value, whatever other threads commit meanwhile
 * (R21). Its writes stay in memory, invisible to other readers, until the work returns and the transaction commits.
 *
 * <p>A handle is confined to the thread that runs the work and is valid until the work returns. A call from another
 * thread or after that throws {@link IllegalStateException} (R28).
 *
 * <p>{@link #transaction(String, TransactionWork)} called on a handle joins this transaction and also acquires the lock
 * of that key (R26). Locks acquired in this way are outside the global order of {@link #transaction(java.util.Set,
 * TransactionWork)}: two transactions that nest the same keys in opposite orders wait for each other until one of them
 * throws {@link LockTimeoutException}. If the keys are known in advance, pass them all at once.
 */
public interface Transaction extends KeyOperations {}
