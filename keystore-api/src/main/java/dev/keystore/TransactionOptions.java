package dev.keystore;

/**
 * How one transaction is run.
 *
 * @param maxAttempts how often the work is run at most while its commit ends in a conflict; 1 runs it once
 */
public record TransactionOptions(int maxAttempts) {

    /** The work is run once, and a conflict reaches the caller. */
    public static final TransactionOptions DEFAULT = new TransactionOptions(1);

    /**
     * Checks the options.
     *
     * @throws IllegalArgumentException if {@code maxAttempts} is less than 1
     */
    public TransactionOptions {
        if (maxAttempts < 1) {
            throw new IllegalArgumentException("maxAttempts must be at least 1, was " + maxAttempts);
        }
    }

    /**
     * Runs the work again, with a fresh handle, when its commit was refused because something it read has changed.
     *
     * <p>The locks are held over all attempts. The work must not have side effects that may not happen twice.
     *
     * @param maxAttempts how often the work is run at most, the first time included; after the last conflict the
     *     {@link TransactionConflictException} reaches the caller
     */
    public static TransactionOptions retryOnConflict(int maxAttempts) {
        return new TransactionOptions(maxAttempts);
    }
}
