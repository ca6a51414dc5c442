package dev.keystore.spi;

import dev.keystore.ContextPosition;
import java.util.Optional;

/**
 * A backend that keeps, for each context, the position of its last commit (R81). The position is written in the same
 * atomic write as the commit, so that no copy of the store has one without the other.
 *
 * <p>On a backend with {@link ContextOwnership}, it is the id of the last commit: the {@linkplain Batch#epoch() epoch}
 * and the {@linkplain Batch#sequence() sequence} of its batch. Others number commits as they like, but each commit of a
 * context must raise its position, also after the backend was closed and opened again. Saves and deletes of single
 * entries may or may not.
 */
public interface ContextPositions {

    /**
     * Returns the position of a context. Neither takes the context over nor changes anything, so it may be called for
     * contexts that other processes own.
     *
     * @param context the name of the context
     * @return the position of the last commit; empty if there was none, or if nothing is known of it because the
     *     context has held nothing since, or an earlier version wrote it
     * @throws BackendException if the position could not be read
     */
    Optional<ContextPosition> position(String context);

    /**
     * Returns a bound for the contexts that have held something, and of which {@link #position} knows nothing any more:
     * none of them had a higher position. A context that has never held anything gets a higher position than this by
     * its first commit. This distinguishes an old copy of the store, which lacks a context because it is older, from
     * the store in which that context was erased.
     *
     * @return the bound; empty if there are no such contexts
     * @throws BackendException if it could not be read
     */
    Optional<ContextPosition> highestForgotten();
}
