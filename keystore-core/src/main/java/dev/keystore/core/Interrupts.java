package dev.keystore.core;

import dev.keystore.OperationInterruptedException;
import org.jspecify.annotations.Nullable;

/** Distinguishes a call to the backend that an interrupt ended from one that failed (R27). */
final class Interrupts {

    private Interrupts() {}

    /**
     * Returns what to throw if an interrupt of this thread ended a call, with the interrupt flag set; else null.
     *
     * @param wait what was waited for, for the message
     * @param failure what the call threw: it says so itself, or the flag does
     */
    static @Nullable OperationInterruptedException translate(String wait, RuntimeException failure) {
        if (failure instanceof OperationInterruptedException known) {
            Thread.currentThread().interrupt();
            return known;
        }
        return Thread.currentThread().isInterrupted() ? new OperationInterruptedException(wait, failure) : null;
    }
}
