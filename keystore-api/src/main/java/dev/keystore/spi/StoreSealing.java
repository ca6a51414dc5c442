package dev.keystore.spi;

import dev.keystore.EntryId;
import java.util.Optional;

/**
 * The opened keys of one encrypted store. Any number of threads may use it; no method blocks.
 *
 * <p>{@link #close} overwrites the keys. From then on, no context can be created or opened
 * ({@link IllegalStateException}); those opened before still seal and open records.
 */
public interface StoreSealing extends AutoCloseable {

    /** How far a store is encrypted. It is part of the {@link StoreSealing#mark() mark}, and authenticated with it. */
    enum Phase {
        /** The store is being encrypted: values are sealed from now on, and those that are not sealed yet are read. */
        ENCRYPTING,
        /** Every value is sealed; one that is not is refused (R72). */
        ENCRYPTED,
        /** The store is being decrypted: values are no longer sealed, and those that still are can be read. */
        DECRYPTING
    }

    /** Where the engine stores the {@link #mark}. No {@link dev.keystore.KeyType} can have this name. */
    EntryId MARK = new EntryId("_store", "mark");

    /**
     * Where the engine stores the {@linkplain #sealKeys keys} of each context. No {@link dev.keystore.KeyType} can have
     * this name.
     */
    EntryId KEYS = new EntryId("_keys", "data");

    /**
     * Returns the mark of the store.
     *
     * @return a new array
     */
    byte[] mark();

    /**
     * Returns the random id of the store, which the {@link #mark} contains. It stays the same for as long as the store
     * is encrypted.
     *
     * @return a new array of 16 bytes
     */
    byte[] storeId();

    /**
     * Returns how far the store is encrypted.
     *
     * @return the phase that the mark names
     */
    Phase phase();

    /**
     * Returns the same keys with a mark that names another phase. Does not call the source of the root key.
     *
     * @param phase the phase
     * @return the keys, with a new mark; the engine closes both objects
     * @throws IllegalStateException if this is closed
     */
    StoreSealing withPhase(Phase phase);

    /**
     * Returns whether the mark says that the store is a backup, which must not be opened as a live store. It is
     * authenticated with the mark, and {@link #withPhase}, {@link #withoutFormerKeys} and {@link Sealing#rotate} keep
     * it.
     *
     * @return whether it says so
     */
    boolean isOfBackup();

    /**
     * Returns the same keys with a mark that says that the store is a backup. Does not call the source of the root key.
     *
     * @return the keys, with a new mark; the engine closes both objects
     * @throws IllegalStateException if this is closed
     */
    StoreSealing forBackup();

    /**
     * Opens another mark of the store with these keys. Does not call the source of the root key.
     *
     * @param mark the mark, which another process has written since this was opened; not changed
     * @return the opened keys, whose {@link #mark} is that mark; the engine closes both objects. Empty if the mark
     *     cannot be opened with these keys, because it has a newer key or is not one of this store
     * @throws IllegalStateException if this is closed
     */
    Optional<StoreSealing> reopened(byte[] mark);

    /**
     * Returns how contexts, types and ids are hidden from the backend. That is fixed when a store is created: the mark
     * says it, and {@link #withPhase}, {@link #withoutFormerKeys} and {@link Sealing#rotate} keep it, with the same
     * hidden names.
     *
     * @return the hidden names; empty if the backend holds the names as they are
     */
    Optional<NameHiding> names();

    /**
     * Returns the name of the context that stored keys belong to, in a store that hides names.
     *
     * @param hiddenContext the hidden name of the context that the keys were found in
     * @param keys what the store holds as {@link #KEYS} of the context; not changed
     * @return the name of the context
     * @throws dev.keystore.UnreadableEntryException as for {@link #openContext}; its context is the hidden name
     * @throws IllegalStateException if this is closed, or names are not hidden
     */
    String contextOf(String hiddenContext, byte[] keys);

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
     * Seals the keys of a context with the newest key of the store.
     *
     * <p>They must be in the store, as {@link #KEYS} of the context, whenever a record sealed with them is: they are
     * written in the same commit as the first one, and deleted in the commit that erases the context.
     *
     * @param context the name of the context
     * @param keys the keys, which {@link #createContext} or {@link #openContext} of these keys, or of those that they
     *     replaced, returned
     * @return what to store as {@link #KEYS} of the context, a new array
     * @throws IllegalStateException if this is closed
     */
    byte[] sealKeys(String context, ContextSealing keys);

    /**
     * Returns whether the stored keys of a context are sealed with the newest key of the store. They are not
     * authenticated.
     *
     * @param context the name of the context, for exceptions
     * @param keys what the store holds as {@link #KEYS} of the context; not changed
     * @return whether they stay readable without the former keys of the store
     * @throws dev.keystore.CorruptEntryException if {@code keys} is damaged
     * @throws dev.keystore.TamperedEntryException if {@code keys} is not encrypted
     */
    boolean isSealedWithNewestKey(String context, byte[] keys);

    /**
     * Returns the number of keys of the store that {@link Sealing#rotate} replaced.
     *
     * @return how many {@link #withoutFormerKeys} would drop
     */
    int formerKeys();

    /**
     * Returns the same keys without the store keys that {@link Sealing#rotate} replaced. Keys of contexts that are
     * still sealed with one of those can then no longer be opened.
     *
     * @return the keys, with a new mark; the engine closes them
     */
    StoreSealing withoutFormerKeys();

    /**
     * Overwrites the store keys in memory, after others have replaced them. From then on, no context can be created or
     * opened, nor their keys sealed ({@link IllegalStateException}). Contexts that are already opened, and hidden
     * names, remain usable.
     */
    void retire();

    /** Overwrites the keys in memory. A second call has no effect. */
    @Override
    void close();
}
