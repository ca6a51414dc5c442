package dev.keystore;

/**
 * The handle of a running transaction, passed to its work.
 *
 * <p>It reads its own writes first and reads any value once: a second read returns the same, whatever others commit
 * (R21). Its writes are in memory, seen by nobody else, until the work returns and the transaction commits.
 *
 * <p>It belongs to the thread that runs the work and ends with it: a call from another thread, or after the end, is
 * refused with {@link IllegalStateException} (R28).
 *
 * <p>{@link #transaction(String, TransactionWork)} on a handle joins this transaction and takes the lock of its own key
 * as well (R26). Locks taken so are not in the global order of {@link #transaction(java.util.Set, TransactionWork)}: two
 * transactions that nest in opposite orders wait for each other until one gets {@link LockTimeoutException}. Where the
 * keys are known beforehand, name them all at once.
 */
public interface Transaction extends KeyOperations {}
