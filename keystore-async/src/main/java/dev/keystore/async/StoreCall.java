package dev.keystore.async;

import dev.keystore.SignalKeyStore;
import org.jspecify.annotations.Nullable;

/**
 * A call, or several, of a store.
 *
 * @param <R> the type of the result
 */
@FunctionalInterface
public interface StoreCall<R extends @Nullable Object> {

    /**
     * Calls the store.
     *
     * @param store the store
     * @return the result, with which the future completes
     * @throws Exception with which the future completes, unchanged
     */
    R run(SignalKeyStore store) throws Exception;
}
