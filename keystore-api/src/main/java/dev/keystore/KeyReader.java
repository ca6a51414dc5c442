package dev.keystore;

import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Reads the entries of one context.
 *
 * <p>A {@link SignalKeyStore} reads what is committed. A {@link Transaction} reads its own writes first, then what is
 * committed. {@link KeyOperations#readOnly()} narrows either of them to this interface.
 *
 * <p>Reads are served from a cache, which also remembers absent ids: the backend is asked for an id once, until the id
 * changes or is evicted (R2). A read that misses the cache blocks while the backend loads the entry; if another thread
 * is already loading it, the read waits for that load for at most {@code loadTimeout} (30 s by default). A read waits
 * for a commit in two cases only. If its id is not cached and is currently being written or cleared, it waits for at
 * most {@code loadTimeout}. While a durable commit of the context is being put into the cache, it waits for
 * microseconds.
 *
 * <p>An id is any Unicode string of 1 to 1,024 characters that is not blank. Ids are compared exactly. Values of
 * mutable types, such as arrays, are copied before they are returned: changing them has no effect on the store (R5).
 *
 * <p>Every method throws {@link NullPointerException} if an argument is {@code null}, and
 * {@link IllegalArgumentException} if an id is blank, too long or not well-formed Unicode. Every method that reads or
 * writes throws {@link IllegalStateException} if the store is closed, or if the transaction has ended or belongs to
 * another thread (R28).
 */
public interface KeyReader {

    /**
     * Returns the name of the context that this reader reads.
     *
     * @return the name
     */
    String context();

    /**
     * Returns the entries that exist, as a snapshot of one point in time: it contains all of a concurrent commit or
     * none of it (R21).
     *
     * <p>Absent ids are not in the map (R1). The map has the order of {@code ids}; duplicates are ignored. If
     * {@code ids} is empty, no I/O takes place.
     *
     * @param <V> the type of the values
     * @param type the type of the entries
     * @param ids the ids to read
     * @return a new, modifiable map of the values by id
     * @throws UnreadableEntryException if one of the entries is damaged or, in an encrypted store, was tampered with or
     *     needs a key that is missing; the others stay readable
     * @throws LoadFailedException if the backend failed, or if a wait for another thread exceeded {@code loadTimeout}
     * @throws OperationInterruptedException if the thread was interrupted while it waited
     * @throws TransactionConflictException in a transaction, if something it read earlier has changed since
     */
    <V> Map<String, V> get(KeyType<V> type, Collection<String> ids);

    /**
     * Returns an entry.
     *
     * @param <V> the type of the value
     * @param type the type of the entry
     * @param id the id of the entry
     * @return the value, or empty if the entry does not exist
     * @throws UnreadableEntryException if the entry is damaged or, in an encrypted store, was tampered with or needs a
     *     key that is missing
     * @throws LoadFailedException if the backend failed, or if a wait for another thread exceeded {@code loadTimeout};
     *     neither is reported as absence (R3)
     * @throws OperationInterruptedException if the thread was interrupted while it waited
     * @throws TransactionConflictException in a transaction, if something it read earlier has changed since
     */
    <V> Optional<V> find(KeyType<V> type, String id);

    /**
     * Returns the ids of a type that begin with {@code idPrefix}, in no particular order.
     *
     * <p>The stream reads from the backend lazily and in bounded memory. Entries committed while it is read may or may
     * not be included. In a transaction, it includes ids that the transaction wrote and excludes ids that it deleted;
     * the ids found are not part of the transaction's conflict check.
     *
     * @param type the type of the entries
     * @param idPrefix the prefix, literal: no character of it acts as a wildcard; empty for all ids of the type
     * @return a stream that must be closed
     * @throws LoadFailedException if the backend failed; also thrown while the stream is read
     * @throws UnreadableEntryException in an encrypted store that hides names, while the stream is read and after all
     *     other ids, if an entry cannot be opened, since its id is unknown; the exception has its hidden names
     * @throws OperationInterruptedException if the thread was interrupted; also thrown while the stream is read
     */
    Stream<String> ids(KeyType<?> type, String idPrefix);

    /**
     * Returns the credentials of the context: a single record, which {@link KeyOperations#clear()} keeps (R19).
     *
     * @return a copy of the record, or empty if none was ever saved
     * @throws UnreadableEntryException as for {@link #find}
     * @throws LoadFailedException if the backend failed, or if a wait for another thread exceeded {@code loadTimeout}
     * @throws OperationInterruptedException if the thread was interrupted while it waited
     * @throws TransactionConflictException in a transaction, if something it read earlier has changed since
     */
    Optional<byte[]> credentials();

    /**
     * Returns whether this is the handle of a transaction (R29).
     *
     * @return {@code true} for a transaction's handle, {@code false} for a store
     */
    boolean inTransaction();
}
