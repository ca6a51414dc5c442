package dev.keystore.spi.support;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Waits by checking a condition repeatedly: first without a pause, then with pauses of up to a millisecond.
 *
 * <p>The thread that makes the condition true does not have to signal it, which would be a call that can fail. A
 * waiting thread never depends on another waiting thread, which may be a virtual thread without a carrier. Every wait
 * has a deadline.
 */
public final class Await {

    private static final int SPINS = 32;
    private static final int YIELDS = 16;
    private static final long SHORTEST_PAUSE_NANOS = 20_000;
    private static final long LONGEST_PAUSE_NANOS = 1_000_000;

    private Await() {}

    /** How a wait ended. */
    public enum Outcome {
        /** The condition is true. */
        DONE,
        /** The condition was false at the deadline. */
        TIMED_OUT,
        /** The thread was interrupted; its interrupt flag is set. */
        INTERRUPTED
    }

    /**
     * Waits until a condition is true. An interrupt ends the wait, unless the condition becomes true within
     * microseconds.
     *
     * @param condition is evaluated on the calling thread, at least once
     * @param timeout the maximum time to wait
     * @return how the wait ended
     */
    @SuppressWarnings("ThreadPriorityCheck") // A yield is often enough, and nothing depends on it.
    public static Outcome until(BooleanSupplier condition, Duration timeout) {
        long startNanos = System.nanoTime();
        for (int round = 0; !condition.getAsBoolean(); round++) {
            if (round < SPINS) {
                Thread.onSpinWait();
            } else if (round < SPINS + YIELDS) {
                Thread.yield();
            } else if (Thread.currentThread().isInterrupted()) {
                return Outcome.INTERRUPTED;
            } else if (System.nanoTime() - startNanos >= timeout.toNanos()) {
                return Outcome.TIMED_OUT;
            } else {
                pause(round - SPINS - YIELDS);
            }
        }
        return Outcome.DONE;
    }

    /**
     * Waits until a condition is true, regardless of interrupts. The thread's interrupt flag is preserved.
     *
     * @param condition is evaluated on the calling thread, at least once
     * @param timeout the maximum time to wait
     * @return whether the condition is true
     */
    public static boolean uninterruptibly(BooleanSupplier condition, Duration timeout) {
        boolean interrupted = Thread.interrupted();
        long startNanos = System.nanoTime();
        try {
            while (true) {
                Outcome outcome = until(condition, timeout.minusNanos(System.nanoTime() - startNanos));
                if (outcome != Outcome.INTERRUPTED) {
                    return outcome == Outcome.DONE;
                }
                interrupted |= Thread.interrupted();
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static void pause(int pauses) {
        LockSupport.parkNanos(Math.min(LONGEST_PAUSE_NANOS, SHORTEST_PAUSE_NANOS << Math.min(pauses, 6)));
    }
}
