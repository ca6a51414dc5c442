package dev.keystore.core;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import org.jspecify.annotations.Nullable;

/** Classifies what a call to the backend threw. */
final class BackendFailures {

    private BackendFailures() {}

    /** Returns whether another attempt may succeed, and nothing was written by this one (R40). */
    static boolean isTransient(@Nullable Throwable failure) {
        return failure instanceof BackendException known && known.kind() == BackendException.Kind.TRANSIENT;
    }

    /** Returns whether another attempt would fail in the same way, and nothing was written. */
    static boolean isPermanent(@Nullable Throwable failure) {
        return failure instanceof BackendException known && known.kind() == BackendException.Kind.PERMANENT;
    }

    /**
     * Returns whether the call may have written. An error thrown inside a backend says nothing about what it wrote
     * before.
     */
    static boolean isOutcomeUnknown(Throwable failure) {
        return failure instanceof Error
                || (failure instanceof BackendException known && known.kind() == BackendException.Kind.OUTCOME_UNKNOWN);
    }

    /**
     * Returns the message of a failure, or the name of its class if it has none. The {@code getMessage} of a backend's
     * exception may itself fail.
     */
    static String reason(Throwable failure) {
        try {
            String message = failure instanceof Error ? failure.toString() : failure.getMessage();
            return message == null ? failure.getClass().getName() : message;
        } catch (RuntimeException e) {
            return failure.getClass().getName();
        }
    }

    /**
     * Returns whether an interrupt of this thread ended a call that threw {@code failure}: its type or the thread's
     * interrupt flag says so.
     */
    static boolean isInterruption(RuntimeException failure) {
        return failure instanceof OperationInterruptedException
                || Thread.currentThread().isInterrupted();
    }

    /**
     * Returns the exception to throw if an interrupt of this thread ended the call (R27), with the interrupt flag set;
     * else null.
     *
     * @param wait what the thread waited for, for the message
     * @param failure what the call threw; it is an interruption if its type or the thread's interrupt flag says so
     */
    static @Nullable OperationInterruptedException asInterruption(String wait, RuntimeException failure) {
        if (failure instanceof OperationInterruptedException known) {
            Thread.currentThread().interrupt();
            return known;
        }
        return Thread.currentThread().isInterrupted() ? new OperationInterruptedException(wait, failure) : null;
    }
}
