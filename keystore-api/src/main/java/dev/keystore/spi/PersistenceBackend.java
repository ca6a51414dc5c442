package dev.keystore.spi;

import dev.keystore.EntryId;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A backend that stores the entries of one context, the default one.
 *
 * <p>These methods are all that a backend must implement (R63). A store on top of it keeps the whole contract with two
 * exceptions: if the process crashes during a commit of several entries, only some of them may have been written; and
 * each entry is a separate write to the disk.
 *
 * <p>{@link #save} and {@link #delete} return when their effect is durable.
 *
 * @see ContextAwareBackend
 */
public non-sealed interface PersistenceBackend extends Backend {

    /** The name of the only context of a context-free backend (R51): {@value}. */
    String DEFAULT_CONTEXT = "default";

    /**
     * Returns the bytes of an entry.
     *
     * @param type the type of the entry
     * @param id the id of the entry
     * @return the bytes last saved, in an array that the caller may keep and change; empty if the entry does not exist
     * @throws dev.keystore.CorruptEntryException if the backend itself detects that the entry is damaged
     * @throws BackendException if the entry could not be read
     */
    Optional<byte[]> load(String type, String id);

    /**
     * Writes an entry, replacing any existing one.
     *
     * @param type the type of the entry
     * @param id the id of the entry
     * @param value the bytes; borrowed, to be copied if kept, never to be changed
     * @throws BackendException if the entry was not written and holds its previous bytes; if the kind is
     *     {@link BackendException.Kind#OUTCOME_UNKNOWN}, it holds either its previous or its new bytes
     */
    void save(String type, String id, byte[] value);

    /**
     * Deletes an entry. Has no effect if the entry does not exist.
     *
     * @param type the type of the entry
     * @param id the id of the entry
     * @throws BackendException if the entry was not deleted; if the kind is
     *     {@link BackendException.Kind#OUTCOME_UNKNOWN}, it may have been deleted
     */
    void delete(String type, String id);

    /**
     * Returns the entries of this backend, each once, in any order (R60).
     *
     * <p>One thread reads and closes the stream, while other threads load and save. Entries written or deleted
     * meanwhile may or may not be included. Memory use must be bounded, however many entries there are.
     *
     * @return a stream that the caller closes
     * @throws BackendException if the entries could not be listed; also thrown while the stream is read
     */
    Stream<EntryId> list();
}
