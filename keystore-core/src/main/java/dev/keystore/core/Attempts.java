package dev.keystore.core;

import dev.keystore.ContextOwnedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.StoreOpenException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Repeats a call of the backend that is part of an opening, and that fails transiently, as a commit is repeated (R40).
 */
final class Attempts {

    private final KeyStoreOptions options;
    private final long deadlineNanos;

    /** Creates attempts that end when {@code commitTimeout} has passed from now. */
    Attempts(KeyStoreOptions options) {
        this.options = options;
        this.deadlineNanos = System.nanoTime() + options.commitTimeout().toNanos();
    }

    /**
     * Returns the result of a call.
     *
     * @param operation what the call is, for messages
     * @param failed what could not be done if it fails, for messages
     * @throws StoreOpenException if the backend failed
     * @throws ContextOwnedException if the call threw it
     * @throws OperationInterruptedException if an interrupt ended an attempt or the pause between two
     */
    <T> T of(String operation, String failed, Supplier<T> call) {
        for (int attempt = 1; ; attempt++) {
            try {
                return call.get();
            } catch (ContextOwnedException | StoreOpenException | ClosedException e) {
                throw e;
            } catch (RuntimeException e) {
                RuntimeException interruption = BackendFailures.asInterruption(operation, e);
                if (interruption != null) {
                    throw interruption;
                }
                long pauseNanos = Backoff.nanos(options.retryDelay().toNanos(), attempt);
                boolean last = attempt == options.commitAttempts() || deadlineNanos - System.nanoTime() < pauseNanos;
                if (last || !BackendFailures.isTransient(e)) {
                    throw new StoreOpenException(failed + ": " + BackendFailures.reason(e), e);
                }
                pause(operation, pauseNanos);
            }
        }
    }

    private static void pause(String operation, long nanos) {
        try {
            TimeUnit.NANOSECONDS.sleep(nanos);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OperationInterruptedException(operation, e);
        }
    }
}
