package dev.keystore.spi;

/**
 * Stores entries persistently: a {@link PersistenceBackend} for one context, or a {@link ContextAwareBackend} for many.
 *
 * <p>Names: contexts and ids are 1 to 1,024 characters of well-formed Unicode; types are 1 to 64 of the characters
 * {@code a-z 0-9 . _ -}. The engine checks them; a backend compares all of them exactly.
 *
 * <p>Threads: loads and listings are called by any number of threads, concurrently with each other and with a write.
 * The engine makes one write at a time to each backend object. An interrupt may arrive during any call: a write that
 * was in progress must then be complete or absent, and the backend must stay usable. Every wait must have a deadline
 * (R27).
 *
 * <p>Errors: a backend reports a failure as a {@link BackendException}, whose {@linkplain BackendException#kind() kind}
 * says whether something was written and whether the engine retries. The engine treats any other
 * {@link RuntimeException} as a permanent failure. A backend must never report an entry as absent because it could not
 * read it (R3).
 */
public sealed interface Backend extends AutoCloseable permits PersistenceBackend, ContextAwareBackend {

    /**
     * Releases files, connections and locks. Every acknowledged write is there when the backend is opened again (R61).
     *
     * <p>A second call has no effect. After the first call, every other method throws {@link IllegalStateException}.
     *
     * @throws BackendException if a resource could not be released; the backend is closed nevertheless
     */
    @Override
    void close();
}
