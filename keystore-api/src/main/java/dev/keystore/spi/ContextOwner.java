package dev.keystore.spi;

import java.time.Instant;
import java.util.Objects;

/**
 * What a backend has recorded about the last owner of a context.
 *
 * @param host the name of the owner's machine, as reported by the owner
 * @param process the owner's process id on that machine
 * @param since when the owner took the context over, by its own clock
 * @param alive whether the owner is alive, as {@link ContextOwnership#takeOverUnlessOwned} would determine
 * @param epoch the current epoch of the context
 */
public record ContextOwner(String host, String process, Instant since, boolean alive, long epoch) {

    /**
     * Creates a description of an owner.
     *
     * @param host the name of the owner's machine
     * @param process the owner's process id
     * @param since when the owner took the context over
     * @param alive whether the owner is alive
     * @param epoch the current epoch of the context
     */
    public ContextOwner {
        Objects.requireNonNull(host, "host");
        Objects.requireNonNull(process, "process");
        Objects.requireNonNull(since, "since");
    }
}
