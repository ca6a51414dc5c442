package dev.keystore.spi;

import dev.keystore.EntryId;

/**
 * The opened keys of one encrypted store. Any number of threads may use it; no method blocks.
 *
 * <p>{@link #close} overwrites the keys. From then on, no context can be created or opened
 * ({@link IllegalStateException}); those opened before go on sealing and opening records.
 */
public interface StoreSealing extends AutoCloseable {

    /** Where the engine stores the {@link #mark}. No {@link dev.keystore.KeyType} can have this name. */
    EntryId MARK = new EntryId("_store", "mark");

    /**
     * Where the engine stores the {@linkplain ContextSealing#keys() keys} of each context. No
     * {@link dev.keystore.KeyType} can have this name.
     */
    EntryId KEYS = new EntryId("_keys", "data");

    /**
     * Returns the mark of the store.
     *
     * @return a new array
     */
    byte[] mark();

    /**
     * Creates a random data key for a context that has none: a new one, or one that is being erased.
     *
     * @param context the name of the context
     * @return the keys of the context; the engine closes them
     */
    ContextSealing createContext(String context);

    /**
     * Opens the stored keys of a context.
     *
     * @param context the name of the context
     * @param keys what the store holds as {@link #KEYS} of the context; not changed
     * @return the keys of the context; the engine closes them
     * @throws dev.keystore.CorruptEntryException if {@code keys} is damaged
     * @throws dev.keystore.EntryKeyMissingException if {@code keys} is sealed with a store key that was retired
     * @throws dev.keystore.TamperedEntryException if {@code keys} was changed, or belongs to another context or store
     */
    ContextSealing openContext(String context, byte[] keys);

    /**
     * Returns the same keys without the store keys that {@link Sealing#rotate} replaced. Keys of contexts that are
     * still sealed with one of those can then no longer be opened.
     *
     * @return the keys, with a new mark; the engine closes them
     */
    StoreSealing withoutFormerKeys();

    /** Overwrites the keys in memory. A second call has no effect. */
    @Override
    void close();
}
