package dev.keystore.spi;

import java.util.List;
import java.util.Objects;

/**
 * The mutations of one commit to one context.
 *
 * @param context the context; of a context-free backend, always the default one
 * @param epoch what {@link ContextOwnership#takeOver} returned to the writer, or 0 where the backend has no ownership
 * @param sequence the number of this commit within the epoch, rising by at least one from 1; epoch and sequence together
 *     are the id of the commit
 * @param mutations in the order in which they take effect; several may be of one id, and the last of them counts
 */
public record Batch(String context, long epoch, long sequence, List<Mutation> mutations) {

    /** Takes a copy of {@code mutations}. */
    public Batch {
        Objects.requireNonNull(context, "context");
        Objects.requireNonNull(mutations, "mutations")
                .forEach(mutation -> Objects.requireNonNull(mutation, "mutations must not hold null"));
        mutations = List.copyOf(mutations);
    }
}
