package dev.keystore.spi;

import java.util.stream.Stream;

/** A backend that finds ids by type and prefix without reading all entries. */
public interface PrefixScan {

    /**
     * Returns the ids of a type that begin with a prefix, each once, in any order (R60).
     *
     * <p>The stream has the properties of {@link ContextAwareBackend#list}: bounded memory, and concurrent changes may
     * or may not be included.
     *
     * @param context the name of the context; {@link PersistenceBackend#DEFAULT_CONTEXT} for a context-free backend
     * @param type the type of the entries
     * @param idPrefix the prefix, possibly empty; literal, so no character of it acts as a wildcard
     * @return a stream that the caller closes
     * @throws BackendException if the ids could not be listed; also thrown while the stream is read
     */
    Stream<String> scan(String context, String type, String idPrefix);
}
