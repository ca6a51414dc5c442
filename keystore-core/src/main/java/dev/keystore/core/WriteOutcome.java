package dev.keystore.core;

/** What came of the write of a group. */
sealed interface WriteOutcome {

    /** All of it is durable. */
    record Written() implements WriteOutcome {}

    /** Nothing of it was written, and another try does not help. */
    record Refused(Throwable cause) implements WriteOutcome {}

    /** Nothing of it was written, and another try may help. */
    record Retry(Throwable cause) implements WriteOutcome {}

    /** All of it is written, or nothing; sending it again finds out which (R54). */
    record InDoubt(Throwable cause) implements WriteOutcome {}

    /** What is written can't be found out; or, on a backend without atomic commits, could not be rolled back. */
    record Unknown(Throwable cause) implements WriteOutcome {}
}
