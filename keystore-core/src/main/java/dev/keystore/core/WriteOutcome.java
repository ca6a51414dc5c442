package dev.keystore.core;

import dev.keystore.OwnershipLostException;
import org.jspecify.annotations.Nullable;

/** The outcome of the write of a group. */
sealed interface WriteOutcome {

    /** All of it is durable. */
    record Written() implements WriteOutcome {}

    /** Nothing was written, and another attempt to write the same group would not help. */
    record Refused(Throwable cause) implements WriteOutcome {}

    /** Nothing was written, and another attempt may succeed. */
    record Retry(Throwable cause) implements WriteOutcome {}

    /** All of it is written or nothing is; sending it again finds out which (R54). */
    record InDoubt(Throwable cause) implements WriteOutcome {}

    /**
     * It is impossible to determine what was written; or, on a backend without atomic commits, part of it is written
     * and could not be rolled back.
     *
     * @param lost shows that another owner has taken over a context of the group meanwhile; null if none has, as far as
     *     is known
     */
    record Unknown(Throwable cause, @Nullable OwnershipLostException lost) implements WriteOutcome {

        Unknown(Throwable cause) {
            this(cause, null);
        }
    }
}
