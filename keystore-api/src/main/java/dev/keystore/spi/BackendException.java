package dev.keystore.spi;

import dev.keystore.KeyStoreException;
import org.jspecify.annotations.Nullable;

/**
 * A failure of a backend, which says what the engine may do about it.
 *
 * <p>Messages name types and ids, never a byte of a value.
 */
public final class BackendException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final Kind kind;

    private BackendException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /** Makes a failure that trying again does not help, such as a full disk; nothing was written. */
    public static BackendException permanent(String message, @Nullable Throwable cause) {
        return new BackendException(Kind.PERMANENT, message, cause);
    }

    /** Makes a failure that may be gone at the next try, such as a busy file; nothing was written. */
    public static BackendException transientFailure(String message, @Nullable Throwable cause) {
        return new BackendException(Kind.TRANSIENT, message, cause);
    }

    /** Makes a failure after which nobody can tell whether the write took effect, such as a connection cut in COMMIT. */
    public static BackendException outcomeUnknown(String message, @Nullable Throwable cause) {
        return new BackendException(Kind.OUTCOME_UNKNOWN, message, cause);
    }

    /** Returns what kind of failure this is. */
    public Kind kind() {
        return kind;
    }

    /** What the engine may do about a failure. */
    public enum Kind {
        /** Nothing was written, and trying again does not help. */
        PERMANENT,
        /** Nothing was written, and the engine tries again. */
        TRANSIENT,
        /** All was written, or nothing; nobody can tell. */
        OUTCOME_UNKNOWN
    }
}
