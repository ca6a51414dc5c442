package dev.keystore.spi;

import java.util.stream.Stream;

/** A backend that finds ids by type and prefix without reading the others. */
public interface PrefixScan {

    /**
     * Returns the ids of a type that begin with a prefix, each once, in any order.
     *
     * <p>Like {@link ContextAwareBackend#list}, it streams in bounded memory.
     *
     * @param context the context; of a context-free backend, always the default one
     * @param idPrefix literal, may be empty: no character of it is a pattern
     * @throws BackendException if it can't be listed, also while the stream is read
     */
    Stream<String> scan(String context, String type, String idPrefix);
}
