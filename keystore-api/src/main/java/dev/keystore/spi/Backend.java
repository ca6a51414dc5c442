package dev.keystore.spi;

/**
 * A place where entries persist: a {@link PersistenceBackend} for one context, or a {@link ContextAwareBackend} for many.
 *
 * <p>Names: contexts and ids are 1 to 1,024 characters of well-formed Unicode, types 1 to 64 of {@code a-z 0-9 . _ -}. All
 * are compared exactly.
 *
 * <p>Threads: loads and listings come from any number of threads at once, beside one write at a time for each context.
 * The engine writes from one thread at a time; others that share a backend object may not. An interrupt may come while a
 * call runs: what was being written is then there whole or not at all, and the backend stays usable.
 *
 * <p>Errors: a failure is a {@link BackendException} that says whether trying again may help; any other
 * {@link RuntimeException} counts as one that trying again does not help. A backend never answers "absent" when it could
 * not read (R3).
 */
public sealed interface Backend extends AutoCloseable permits PersistenceBackend, ContextAwareBackend {

    /**
     * Releases files, connections and locks. What was acknowledged is there when the backend is opened again (R61).
     *
     * <p>Calling it again does nothing. Every other method throws {@link IllegalStateException} from then on.
     *
     * @throws BackendException if releasing failed; the backend counts as closed all the same
     */
    @Override
    void close();
}
