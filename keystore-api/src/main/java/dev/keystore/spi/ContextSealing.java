package dev.keystore.spi;

import dev.keystore.EntryId;

/**
 * The opened data keys of one context: one of them seals, all of them open. Any number of threads may use it; no method
 * blocks.
 *
 * <p>The object does not change: {@link #rotated} and {@link #withoutFormerKeys} return new ones. {@link #close}
 * overwrites its keys; from then on, sealing and opening throw {@link IllegalStateException}.
 */
public interface ContextSealing extends AutoCloseable {

    /**
     * Seals a value for its place. Two calls with the same arguments return different records.
     *
     * @param type the type of the entry
     * @param id the id of the entry
     * @param value the value; not changed
     * @return the record, a new array
     */
    byte[] seal(String type, String id, byte[] value);

    /**
     * Returns the value of a record.
     *
     * @param type the type of the entry
     * @param id the id of the entry
     * @param record the record; not changed
     * @return the value, a new array
     * @throws dev.keystore.CorruptEntryException if the record is damaged
     * @throws dev.keystore.EntryKeyMissingException if the record was sealed with a key that is not one of these
     * @throws dev.keystore.TamperedEntryException if the record was changed, is that of another entry, context or
     *     store, or is not encrypted
     */
    byte[] open(String type, String id, byte[] record);

    /**
     * Returns the type and the id that a record was sealed for, in a store that hides names.
     *
     * @param hidden the hidden type and id that the record was found under
     * @param record the record; not changed
     * @return the type and the id
     * @throws dev.keystore.UnreadableEntryException as for {@link #open}; its entry is {@code hidden}
     * @throws IllegalStateException if this is closed, or names are not hidden
     */
    EntryId entryOf(EntryId hidden, byte[] record);

    /**
     * Returns the id of the key that seals.
     *
     * @return 16 hexadecimal digits
     */
    String keyId();

    /**
     * Returns the id of the key that a record was sealed with, without opening it. The record is not authenticated.
     *
     * @param type the type of the entry, for exceptions
     * @param id the id of the entry, for exceptions
     * @param record the record; not changed
     * @return 16 hexadecimal digits
     * @throws dev.keystore.CorruptEntryException if the record is damaged
     * @throws dev.keystore.TamperedEntryException if the record is not encrypted
     */
    String keyIdOf(String type, String id, byte[] record);

    /**
     * Returns the number of keys that open records in addition to the one that seals.
     *
     * @return how many {@link #withoutFormerKeys} would drop
     */
    int formerKeys();

    /**
     * Returns these keys and a new one, which seals from now on.
     *
     * @return the keys; the engine closes both objects
     * @throws IllegalStateException if there are 255 keys already, or these are closed
     */
    ContextSealing rotated();

    /**
     * Returns only the key that seals. Records that need another one can then no longer be opened.
     *
     * @return the key; the engine closes both objects
     * @throws IllegalStateException if these are closed
     */
    ContextSealing withoutFormerKeys();

    /** Overwrites the keys in memory. A second call has no effect. */
    @Override
    void close();
}
