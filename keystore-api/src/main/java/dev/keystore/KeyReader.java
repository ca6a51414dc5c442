package dev.keystore;

import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Reads the entries of one context.
 *
 * <p>A {@link SignalKeyStore} reads what is committed. A {@link Transaction} reads its own writes first, then what is
 * committed. {@link KeyOperations#readOnly()} narrows either to this interface.
 *
 * <p>Reads are served from a cache, which also remembers ids that do not exist; the backend is called once for an id
 * until that id changes or is evicted (R2). A read that misses the cache waits for the backend, at most
 * {@code loadTimeout} (30 s unless configured) for a load that another thread has begun. It never waits for a commit,
 * save for an id that is not in the cache and is being written at that moment.
 *
 * <p>Ids are any Unicode string of 1 to 1,024 characters that is not blank. They are compared exactly. Values that are
 * mutable, arrays among them, are copied on their way out: what the caller does to them changes nothing here (R5).
 *
 * <p>Every method throws {@link NullPointerException} for a {@code null} argument and {@link IllegalArgumentException}
 * for an id that is blank, too long or not well-formed Unicode. A store that is closed, and a transaction that has ended
 * or is called from another thread, refuses every call that reads or writes with {@link IllegalStateException} (R28).
 */
public interface KeyReader {

    /** Returns the name of the context that this reader reads. */
    String context();

    /**
     * Returns the entries that exist.
     *
     * <p>Absent ids are not in the map. The map follows the order of {@code ids}; an id that is named twice is there
     * once. No ids, no I/O. The result is one point in time: of a commit that runs beside this call it shows
     * everything or nothing (R21).
     *
     * @return a map of its own for the caller, mutable
     * @throws CorruptEntryException if one of the entries is damaged; the others stay readable
     * @throws LoadFailedException if the backend failed; nothing is cached from the failure
     * @throws OperationInterruptedException if the thread was interrupted while it waited
     * @throws TransactionConflictException in a transaction, if what it read before has changed since
     */
    <V> Map<String, V> get(KeyType<V> type, Collection<String> ids);

    /**
     * Returns one entry, or empty if there is none.
     *
     * @throws CorruptEntryException if the entry is damaged
     * @throws LoadFailedException if the backend failed; this never reads as "absent"
     * @throws OperationInterruptedException if the thread was interrupted while it waited
     * @throws TransactionConflictException in a transaction, if what it read before has changed since
     */
    <V> Optional<V> find(KeyType<V> type, String id);

    /**
     * Returns the ids of a type that begin with {@code idPrefix}, in no particular order.
     *
     * <p>The prefix is literal: no character of it is a pattern. An empty prefix finds every id of the type. The stream
     * comes from the backend as it is read, in bounded memory, and must be closed. What is committed while it is being
     * read may or may not be in it. In a transaction, ids that it wrote are in it and ids that it deleted are not; what
     * an enumeration found is not part of the transaction's conflict check.
     *
     * @throws LoadFailedException if the backend failed, also while the stream is read
     */
    Stream<String> ids(KeyType<?> type, String idPrefix);

    /**
     * Returns the credentials of the context: the one record that {@link KeyOperations#clear()} keeps (R19).
     *
     * @return a copy of the record, or empty if none was ever saved
     * @throws CorruptEntryException if the record is damaged
     * @throws LoadFailedException if the backend failed
     */
    Optional<byte[]> credentials();

    /** Returns whether this is the handle of a transaction. */
    boolean inTransaction();
}
