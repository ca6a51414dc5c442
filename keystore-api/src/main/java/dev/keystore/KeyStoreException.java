package dev.keystore;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The superclass of all failures of a key store. The subclass states what was written:
 *
 * <ul>
 *   <li>an unknown part: {@link RollbackFailedException},
 *   <li>all or nothing, but it is unknown which: {@link CommitOutcomeUnknownException},
 *   <li>the form of some entries, but no value: {@link RewriteIncompleteException} and
 *       {@link CompactionFailedException},
 *   <li>nothing: every other subclass in this package. After {@link StoreOpenException} and
 *       {@link OperationInterruptedException}, the former owner of a context that was being opened may have lost it.
 * </ul>
 *
 * <p>Those of other packages say it in their documentation. An operation on a whole store, such as a copy, keeps what
 * it wrote before it failed.
 *
 * <p>No message contains a byte of a value (R45).
 */
public class KeyStoreException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private static final int MAXIMUM_NAMED = 20;

    /**
     * Creates an exception.
     *
     * @param message what failed, why, and what to do
     * @param cause the underlying failure, or {@code null}
     */
    public KeyStoreException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Returns the first 20 entries or contexts of a list, for messages. */
    static String names(List<?> list) {
        return list.isEmpty()
                ? "none"
                : list.size() <= MAXIMUM_NAMED
                        ? list.toString()
                        : list.subList(0, MAXIMUM_NAMED) + " and " + (list.size() - MAXIMUM_NAMED) + " more";
    }

    /** Returns the message of a failure, or the name of its class if it has none. */
    static String reason(Throwable failure) {
        String message = failure.getMessage();
        return message == null ? failure.getClass().getName() : message;
    }
}
