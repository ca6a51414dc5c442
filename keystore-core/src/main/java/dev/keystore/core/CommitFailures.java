package dev.keystore.core;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyStoreException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RollbackFailedException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Creates the exceptions of failed commits. The type of each states what was written (R41). */
final class CommitFailures {

    private CommitFailures() {}

    /** Returns the exception of a commit of which nothing was written. */
    static KeyStoreException unwritten(CommitRequest request, Throwable failure) {
        Context context = request.context();
        return failure instanceof OwnershipLostException
                ? new OwnershipLostException(context.name(), context.epoch())
                : new CommitFailedException(context.name(), BackendFailures.reason(failure), failure);
    }

    /** Returns the exception of a commit of which it is unknown what was written. */
    static KeyStoreException unknown(CommitRequest request, Throwable failure) {
        return failure instanceof RollbackFailedException known
                ? known
                : unknown(request, BackendFailures.reason(failure), failure);
    }

    private static KeyStoreException unknown(CommitRequest request, String reason, @Nullable Throwable failure) {
        return new CommitOutcomeUnknownException(
                request.context().name(), request.contents.entryIds(), reason, failure);
    }

    /** Returns the exception of a commit that the backend was writing at the deadline. */
    static KeyStoreException unanswered(CommitRequest request, Duration timeout) {
        return unknown(
                request,
                "the backend has not answered within " + timeout.toMillis() + " ms (commitTimeout)",
                request.lastFailure());
    }

    /** Returns the exception of a commit whose thread was interrupted before the backend wrote it. */
    static KeyStoreException interrupted(CommitRequest request) {
        return new OperationInterruptedException(
                "a commit to context \"" + request.context().name() + "\" to be written", "nothing was written", null);
    }

    /** Returns the exception of a commit that the backend was not writing at the deadline. */
    static KeyStoreException timedOut(CommitRequest request, Duration timeout) {
        String reason = "it was not written within " + timeout.toMillis() + " ms (commitTimeout)";
        return new CommitFailedException(request.context().name(), reason, request.lastFailure());
    }
}
