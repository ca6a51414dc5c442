package dev.keystore.spi;

import dev.keystore.KeyStoreException;
import org.jspecify.annotations.Nullable;

/**
 * Thrown by a backend when an operation failed. Its {@link #kind()} states what was written, and tells the engine
 * whether to retry.
 *
 * <p>A backend author chooses the kind as follows:
 *
 * <ul>
 *   <li>{@link #transientFailure} if nothing was written and the same call may succeed shortly, for example when a file
 *       is locked or a connection was refused. The engine retries a commit, with 5 attempts by default (R40).
 *   <li>{@link #permanent} if nothing was written and a retry would fail again, for example when the disk is full. The
 *       caller gets a {@link dev.keystore.CommitFailedException} or a {@link dev.keystore.LoadFailedException}.
 *   <li>{@link #outcomeUnknown} only for writes, and only if the backend cannot determine whether the write took
 *       effect, for example when the connection broke during COMMIT. On a backend with {@link ContextOwnership} the
 *       engine resolves the outcome through the commit id; on any other the caller gets a
 *       {@link dev.keystore.CommitOutcomeUnknownException}.
 * </ul>
 *
 * <p>A message may name types and ids, but must never contain a byte of a value (R45).
 */
public final class BackendException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The kind of this failure. */
    private final Kind kind;

    private BackendException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /**
     * Returns a new exception for a failure that a retry does not resolve. Nothing was written.
     *
     * @param message what failed and why
     * @param cause the underlying failure, or {@code null}
     * @return an exception of kind {@link Kind#PERMANENT}
     */
    public static BackendException permanent(String message, @Nullable Throwable cause) {
        return new BackendException(Kind.PERMANENT, message, cause);
    }

    /**
     * Returns a new exception for a failure that a retry may resolve. Nothing was written.
     *
     * @param message what failed and why
     * @param cause the underlying failure, or {@code null}
     * @return an exception of kind {@link Kind#TRANSIENT}
     */
    public static BackendException transientFailure(String message, @Nullable Throwable cause) {
        return new BackendException(Kind.TRANSIENT, message, cause);
    }

    /**
     * Returns a new exception for a write that may or may not have taken effect.
     *
     * @param message what failed and why
     * @param cause the underlying failure, or {@code null}
     * @return an exception of kind {@link Kind#OUTCOME_UNKNOWN}
     */
    public static BackendException outcomeUnknown(String message, @Nullable Throwable cause) {
        return new BackendException(Kind.OUTCOME_UNKNOWN, message, cause);
    }

    /**
     * Returns the kind of this failure.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }

    /** States what was written and whether a retry may succeed. */
    public enum Kind {
        /** Nothing was written, and a retry would fail again. */
        PERMANENT,
        /** Nothing was written, and a retry may succeed. */
        TRANSIENT,
        /** Either everything was written or nothing; the backend cannot determine which. */
        OUTCOME_UNKNOWN
    }
}
