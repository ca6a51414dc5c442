package dev.keystore;

/**
 * Options for a single transaction.
 *
 * @param maxAttempts the maximum number of times that the work runs, including the first; it runs again only after a
 *     conflict; 1 by default
 */
public record TransactionOptions(int maxAttempts) {

    /** The default: the work runs once, and a conflict is thrown to the caller. */
    public static final TransactionOptions DEFAULT = new TransactionOptions(1);

    /**
     * Creates options.
     *
     * @param maxAttempts the maximum number of times that the work runs, at least 1
     * @throws IllegalArgumentException if {@code maxAttempts} is less than 1
     */
    public TransactionOptions {
        if (maxAttempts < 1) {
            throw new IllegalArgumentException("maxAttempts must be at least 1, was " + maxAttempts);
        }
    }

    /**
     * Returns options that run the work again, with a new handle, after a conflict.
     *
     * <p>The locks are held across all attempts. The work must tolerate that its side effects outside the transaction
     * happen once per attempt.
     *
     * @param maxAttempts the maximum number of times that the work runs, including the first; a conflict of the last
     *     attempt is thrown to the caller
     * @return the options
     * @throws IllegalArgumentException if {@code maxAttempts} is less than 1
     */
    public static TransactionOptions retryOnConflict(int maxAttempts) {
        return new TransactionOptions(maxAttempts);
    }
}
