package dev.keystore.core;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How the values of one context become the records that its backend holds, and back: the engine's one seam for
 * encryption. {@link Envelope} is the plain form, {@link ContextKeys} the encrypted one.
 *
 * <p>Readers call {@link #open}. A commit is sealed on its own thread before it is queued. If a commit before it erased
 * the context, {@link #current} is then another object, and the leader has the commit sealed again.
 */
interface ContextSealer {

    /**
     * Returns the value of a record. May load the keys of the context.
     *
     * @throws dev.keystore.UnreadableEntryException if the record, or the keys of its context, cannot be read
     * @throws IllegalArgumentException if the record is damaged; the message is the reason
     * @throws dev.keystore.LoadFailedException if the keys of the context could not be loaded
     */
    byte[] open(String type, String id, byte[] record);

    /** Returns what seals values now. May load the keys of the context; throws as {@link #open} does. */
    ValueSealer current();

    /** Returns what seals the values of a commit that erases the context first. */
    ValueSealer afterErase();

    /** Returns the types that stay if a commit clears the context of all but {@code keptTypes}. */
    Set<String> keptByClear(Set<String> keptTypes);

    /**
     * Records that a commit is durable. Called by the leader, again if a former one failed meanwhile.
     *
     * @param sealer what sealed its values, or null if it wrote none
     * @param erased whether it erased the context
     */
    void written(@Nullable ValueSealer sealer, boolean erased);

    /** Records that it is unknown whether a commit is durable that erased the context. Called by the leader. */
    void eraseUnknown(@Nullable ValueSealer sealer);

    /** Returns whether the stored keys of the context can be read; true if it has none. Changes nothing. */
    boolean areKeysIntact();
}
