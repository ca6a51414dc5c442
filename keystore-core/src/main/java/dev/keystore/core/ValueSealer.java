package dev.keystore.core;

import org.jspecify.annotations.Nullable;

/** Turns the values that a commit writes to its context into records. */
interface ValueSealer {

    /** Returns the record of a value, or null if the context has another sealer by now, which must be used instead. */
    byte @Nullable [] seal(String type, String id, byte[] value);

    /**
     * Returns whether a record has the form that {@link #seal} gives it now, without opening it.
     *
     * @throws dev.keystore.UnreadableEntryException if that cannot be determined, because the record is damaged
     */
    boolean hasSealed(String type, String id, byte[] record);
}
