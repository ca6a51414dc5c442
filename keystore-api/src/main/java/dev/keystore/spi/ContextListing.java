package dev.keystore.spi;

import java.util.stream.Stream;

/** A backend with many contexts that lists those that hold entries, without reading all entries. */
public interface ContextListing {

    /**
     * Returns the names of the contexts that hold at least one entry, each once, in any order (R55).
     *
     * <p>Entries of every type count, and so do contexts and types that the engine reserves for itself. What a backend
     * stores about a context in addition to its entries, such as its owner, does not make it appear here.
     *
     * <p>The stream has the properties of {@link ContextAwareBackend#list}: one thread reads and closes it, memory use
     * is bounded however many contexts there are, and no lock is held between two elements. It is weakly consistent: a
     * context that gets its first entry or loses its last one meanwhile may or may not be included, and every other one
     * is included exactly once if it holds entries.
     *
     * <p>The first element must be cheap, since the engine asks for it to find out whether a store is empty. A store
     * that has entries which are not encrypted must not be marked as encrypted (R72); without this capability, the
     * engine looks only at the default context.
     *
     * @return a stream that the caller closes
     * @throws BackendException if the contexts could not be listed; also thrown while the stream is read
     */
    Stream<String> contexts();
}
