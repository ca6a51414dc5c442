package dev.keystore.core;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyStoreException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RollbackFailedException;
import dev.keystore.spi.BackendException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Translates what went wrong into the exception whose type tells the state of the data (R41). */
final class CommitFailures {

    private CommitFailures() {}

    static boolean isTransient(Throwable failure) {
        return failure instanceof BackendException known && known.kind() == BackendException.Kind.TRANSIENT;
    }

    /** An error thrown from anywhere in a backend says nothing about what was written before it. */
    static boolean isUnknown(Throwable failure) {
        return failure instanceof Error
                || (failure instanceof BackendException known && known.kind() == BackendException.Kind.OUTCOME_UNKNOWN);
    }

    /** Returns what it means to a commit that nothing was written. */
    static KeyStoreException unwritten(CommitRequest request, Throwable failure) {
        if (failure instanceof OwnershipLostException) {
            request.context.lose();
            return new OwnershipLostException(request.context.name, request.context.epoch);
        }
        return new CommitFailedException(request.context.name, reason(failure), failure);
    }

    /** Returns what it means to a commit that what was written is not known. */
    static KeyStoreException unknown(CommitRequest request, Throwable failure) {
        return failure instanceof RollbackFailedException known ? known : unknown(request, reason(failure), failure);
    }

    private static KeyStoreException unknown(CommitRequest request, String reason, @Nullable Throwable failure) {
        return new CommitOutcomeUnknownException(request.context.name, request.entryIds(), reason, failure);
    }

    /** Returns what it means that the backend, which has the commit, does not answer in time. */
    static KeyStoreException unanswered(CommitRequest request, Duration timeout) {
        return unknown(
                request, "the backend has not answered within " + timeout.toMillis() + " ms", request.lastFailure);
    }

    static KeyStoreException interrupted(CommitRequest request) {
        return new OperationInterruptedException("a commit to context \"" + request.context.name + "\"");
    }

    static KeyStoreException timedOut(CommitRequest request, Duration timeout) {
        String reason = "it was not done within " + timeout.toMillis() + " ms";
        return new CommitFailedException(request.context.name, reason, request.lastFailure);
    }

    /** Returns the message of a failure. A backend's exception may fail to say it. */
    private static String reason(Throwable failure) {
        try {
            return failure instanceof Error ? failure.toString() : String.valueOf(failure.getMessage());
        } catch (RuntimeException e) {
            return failure.getClass().getName();
        }
    }
}
