package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.spi.Mutation;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How the values of one context become the records that its backend holds, and back: the engine's one seam for
 * encryption. {@link Envelope} is the plain form, {@link ContextKeys} the encrypted one.
 *
 * <p>Readers call {@link #open}. A commit is sealed on its own thread before it is queued. If the sealer is replaced
 * before it is written, by a commit that erases the context or by {@link StoreEncryption}, the leader has it sealed
 * again.
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

    /**
     * Returns the true type and id of an entry whose names are hidden, by its record. May load the keys of the context;
     * throws as {@link #open} does.
     *
     * @param stored the stored type and id; exceptions name them
     */
    EntryId entryOf(EntryId stored, byte[] record);

    /** Returns what seals values now. May load the keys of the context; throws as {@link #open} does. */
    ValueSealer current();

    /** Returns what seals the values of a commit that erases the context first. */
    ValueSealer afterErase();

    /**
     * Returns whether the values of a commit have to be sealed again, since {@code sealer} was replaced after they were
     * sealed with it. Called by the leader; throws as {@link #open} does.
     *
     * @param erases whether the commit erases the context first
     */
    boolean isOutdated(ValueSealer sealer, boolean erases);

    /**
     * Returns the mutation that stores the keys of a sealer, to be part of a commit that is sealed with it; null if
     * they are stored already. Called by the leader.
     */
    Mutation.@Nullable Put unwrittenKeys(ValueSealer sealer);

    /** Returns the types that stay if a commit clears the context of all but {@code keptTypes}. */
    Set<String> keptByClear(Set<String> keptTypes);

    /**
     * Records that a commit is durable. Called by the leader, again if a former one failed meanwhile.
     *
     * @param sealer what sealed its values, or null if it wrote none
     * @param erased whether it erased the context
     */
    void recordDurable(@Nullable ValueSealer sealer, boolean erased);

    /** Records that it is unknown whether a commit is durable that erased the context. Called by the leader. */
    void recordEraseUnknown(@Nullable ValueSealer sealer);

    /**
     * Records that nothing was written of a commit, and that it will not be. Overwrites keys that {@link #afterErase}
     * has created for it.
     */
    void recordUnwritten(@Nullable ValueSealer sealer);

    /** Returns whether the stored keys of the context can be read; true if it has none. Changes nothing. */
    boolean areKeysIntact();

    /** Overwrites the keys, if there are any. Nothing can be sealed or opened with them any more. */
    void close();
}
