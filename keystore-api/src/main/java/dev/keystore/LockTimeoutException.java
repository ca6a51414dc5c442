package dev.keystore;

import java.time.Duration;

/** A lock was not free within {@code lockTimeout} (R27). The work did not run, and nothing was written. */
public final class LockTimeoutException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final String lockKey;
    private final String holder;

    /**
     * Makes an exception.
     *
     * @param holder who holds the lock: its thread and the lock key it asked for
     */
    public LockTimeoutException(String context, String lockKey, Duration waited, String holder) {
        super(
                "Lock \"" + lockKey + "\" of context \"" + context + "\" was not free within " + waited.toMillis()
                        + " ms; held by " + holder,
                null);
        this.lockKey = lockKey;
        this.holder = holder;
    }

    /** Returns the lock key that was waited for. */
    public String lockKey() {
        return lockKey;
    }

    /** Returns who held the lock when the wait ended, for people to read. */
    public String holder() {
        return holder;
    }
}
