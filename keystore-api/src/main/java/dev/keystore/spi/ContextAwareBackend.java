package dev.keystore.spi;

import dev.keystore.EntryId;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A backend that holds the entries of any number of contexts, apart from each other (R50).
 *
 * <p>The operations are those of {@link PersistenceBackend}, with the context as their first argument. A context comes
 * into being with its first entry.
 */
public non-sealed interface ContextAwareBackend extends Backend {

    /**
     * Returns the bytes saved last under a context, type and id.
     *
     * @return the bytes, in an array that the caller may keep and change; empty if there is no such entry
     * @throws dev.keystore.CorruptEntryException if the entry is there and the backend itself sees that it is damaged
     * @throws BackendException if it can't be read
     */
    Optional<byte[]> load(String context, String type, String id);

    /**
     * Saves an entry, over the one that may be there.
     *
     * @param value borrowed: copied if it is kept
     * @throws BackendException if it is not saved; the entry then holds its previous bytes or, if the exception says
     *     that the outcome is unknown, either
     */
    void save(String context, String type, String id, byte[] value);

    /**
     * Deletes an entry. One that does not exist is no error.
     *
     * @throws BackendException if it is not deleted
     */
    void delete(String context, String type, String id);

    /**
     * Returns what this backend holds of a context, each entry once, in any order.
     *
     * <p>The stream is read and closed by one thread, while others load and save; what they change meanwhile may or may
     * not be in it. It needs bounded memory, whatever the backend holds.
     *
     * @throws BackendException if it can't be listed, also while the stream is read
     */
    Stream<EntryId> list(String context);
}
