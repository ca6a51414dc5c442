package dev.keystore.spi;

import dev.keystore.EntryId;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A backend that stores the entries of any number of contexts, isolated from each other (R50).
 *
 * <p>Its operations are those of {@link PersistenceBackend}, with the context as an additional first argument. A
 * context comes into existence with its first entry.
 *
 * <p>{@link #save} and {@link #delete} return when their effect is durable.
 */
public non-sealed interface ContextAwareBackend extends Backend {

    /**
     * Returns the bytes of an entry.
     *
     * @param context the name of the context
     * @param type the type of the entry
     * @param id the id of the entry
     * @return the bytes last saved, in an array that the caller may keep and change; empty if the entry does not exist
     * @throws dev.keystore.CorruptEntryException if the backend itself detects that the entry is damaged
     * @throws BackendException if the entry could not be read
     */
    Optional<byte[]> load(String context, String type, String id);

    /**
     * Writes an entry, replacing any existing one.
     *
     * @param context the name of the context
     * @param type the type of the entry
     * @param id the id of the entry
     * @param value the bytes; borrowed, to be copied if kept, never to be changed
     * @throws BackendException if the entry was not written and holds its previous bytes; if the kind is
     *     {@link BackendException.Kind#OUTCOME_UNKNOWN}, it holds either its previous or its new bytes
     */
    void save(String context, String type, String id, byte[] value);

    /**
     * Deletes an entry. Has no effect if the entry does not exist.
     *
     * @param context the name of the context
     * @param type the type of the entry
     * @param id the id of the entry
     * @throws BackendException if the entry was not deleted; if the kind is
     *     {@link BackendException.Kind#OUTCOME_UNKNOWN}, it may have been deleted
     */
    void delete(String context, String type, String id);

    /**
     * Returns the entries of a context, each once, in any order (R60).
     *
     * <p>One thread reads and closes the stream, while other threads load and save. Entries written or deleted
     * meanwhile may or may not be included. Memory use must be bounded, however many entries there are.
     *
     * @param context the name of the context
     * @return a stream that the caller closes
     * @throws BackendException if the entries could not be listed; also thrown while the stream is read
     */
    Stream<EntryId> list(String context);

    /**
     * Returns a view of a backend of one context as a backend with contexts.
     *
     * <p>Each operation is passed on without its context, so the caller uses no context except
     * {@link PersistenceBackend#DEFAULT_CONTEXT}. The view has none of the backend's capabilities.
     *
     * @param backend the backend; closing the view closes it
     * @return the view
     */
    static ContextAwareBackend of(PersistenceBackend backend) {
        Objects.requireNonNull(backend, "backend");
        return new ContextAwareBackend() {

            @Override
            public Optional<byte[]> load(String context, String type, String id) {
                return backend.load(type, id);
            }

            @Override
            public void save(String context, String type, String id, byte[] value) {
                backend.save(type, id, value);
            }

            @Override
            public void delete(String context, String type, String id) {
                backend.delete(type, id);
            }

            @Override
            public Stream<EntryId> list(String context) {
                return backend.list();
            }

            @Override
            public void close() {
                backend.close();
            }
        };
    }
}
