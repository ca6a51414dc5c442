package dev.keystore.core;

import dev.keystore.spi.Mutation;
import org.jspecify.annotations.Nullable;

/** Turns the values that a commit writes to its context into records. */
interface ValueSealer {

    /** Returns the record of a value, or null if the context has another sealer by now, which must be used instead. */
    byte @Nullable [] seal(String type, String id, byte[] value);

    /** Returns the mutation that stores the keys, to be part of the same commit; null if they are stored already. */
    Mutation.@Nullable Put unwrittenKeys();
}
