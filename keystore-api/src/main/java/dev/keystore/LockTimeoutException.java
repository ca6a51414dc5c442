package dev.keystore;

import java.time.Duration;

/**
 * Thrown when a lock was not free within {@code lockTimeout} (R27). The work of the transaction did not run, and
 * nothing was written.
 */
public final class LockTimeoutException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The lock key that was waited for. */
    private final String lockKey;

    /** A description of the holder. */
    private final String holder;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param lockKey the lock key that was waited for
     * @param waited how long the thread waited; shown in milliseconds
     * @param holder a description of the holder: its thread and the lock key it asked for
     */
    public LockTimeoutException(String context, String lockKey, Duration waited, String holder) {
        super(
                "Lock \"" + lockKey + "\" of context \"" + context + "\" was not free within " + waited.toMillis()
                        + " ms (lockTimeout), held by " + holder
                        + "; nothing was written; run the transaction again",
                null);
        this.lockKey = lockKey;
        this.holder = holder;
    }

    /**
     * Returns the lock key that was waited for.
     *
     * @return the lock key
     */
    public String lockKey() {
        return lockKey;
    }

    /**
     * Returns a description of the thread that held the lock when the wait ended.
     *
     * @return a description for people to read
     */
    public String holder() {
        return holder;
    }
}
