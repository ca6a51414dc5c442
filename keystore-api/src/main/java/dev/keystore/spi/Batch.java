package dev.keystore.spi;

import java.util.List;
import java.util.Objects;

/**
 * The mutations of one commit to one context.
 *
 * <p>Together, epoch and sequence are the id of the commit.
 *
 * @param context the name of the context; {@link PersistenceBackend#DEFAULT_CONTEXT} for a context-free backend
 * @param epoch the epoch that {@link ContextOwnership#takeOver} returned to the writer, or 0 if the backend does not
 *     implement {@link ContextOwnership}
 * @param sequence the number of this commit within the epoch; starts at 1 and increases with each commit, possibly with
 *     gaps
 * @param mutations the mutations in the order in which they take effect; if several concern one id, the last one
 *     counts; unmodifiable
 */
public record Batch(String context, long epoch, long sequence, List<Mutation> mutations) {

    /**
     * Creates a batch. The list is copied; the values of its mutations are not.
     *
     * @param context the name of the context
     * @param epoch the epoch of the writer, or 0
     * @param sequence the number of this commit within the epoch
     * @param mutations the mutations in order
     */
    public Batch {
        Objects.requireNonNull(context, "context");
        for (Mutation mutation : Objects.requireNonNull(mutations, "mutations")) {
            Objects.requireNonNull(mutation, "mutations must not contain null");
        }
        mutations = List.copyOf(mutations);
    }
}
