package dev.keystore.spi;

import dev.keystore.EntryId;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A backend that holds the entries of one context, the default one.
 *
 * <p>This is all that a backend must do. A store over it keeps every promise but these: a commit of several entries that
 * a crash cuts short may be there in part, and each commit is its own write to the medium.
 *
 * <p>{@link #save} and {@link #delete} return when their effect is durable, by the backend's own measure of it.
 *
 * @see ContextAwareBackend
 */
public non-sealed interface PersistenceBackend extends Backend {

    /** The name of the one context, where one is asked for (R51). */
    String DEFAULT_CONTEXT = "default";

    /**
     * Returns the bytes saved last under a type and id.
     *
     * @return the bytes, in an array that the caller may keep and change; empty if there is no such entry
     * @throws dev.keystore.CorruptEntryException if the entry is there and the backend itself sees that it is damaged
     * @throws BackendException if it can't be read
     */
    Optional<byte[]> load(String type, String id);

    /**
     * Saves an entry, over the one that may be there.
     *
     * @param value borrowed: copied if it is kept
     * @throws BackendException if it is not saved; the entry then holds its previous bytes or, if the exception says
     *     that the outcome is unknown, either
     */
    void save(String type, String id, byte[] value);

    /**
     * Deletes an entry. One that does not exist is no error.
     *
     * @throws BackendException if it is not deleted
     */
    void delete(String type, String id);

    /**
     * Returns what this backend holds, each entry once, in any order.
     *
     * <p>The stream is read and closed by one thread, while others load and save; what they change meanwhile may or may
     * not be in it. It needs bounded memory, whatever the backend holds.
     *
     * @throws BackendException if it can't be listed, also while the stream is read
     */
    Stream<EntryId> list();
}
