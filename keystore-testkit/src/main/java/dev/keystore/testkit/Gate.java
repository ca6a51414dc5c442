package dev.keystore.testkit;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A gate at which a {@link Fault} holds calls to a backend until the test opens it, for tests of races without
 * sleeping.
 *
 * <p>Safe for use by any number of threads. Once open, a gate stays open.
 */
public final class Gate {

    private static final long TIMEOUT_SECONDS = 30;

    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch opened = new CountDownLatch(1);

    Gate() {}

    /**
     * Waits, up to 30 s, until a call has arrived at this gate.
     *
     * @throws AssertionError if none arrived in time
     * @throws InterruptedException if interrupted while waiting
     */
    public void awaitReached() throws InterruptedException {
        if (!reached.await(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("no call arrived at the gate within " + TIMEOUT_SECONDS + " s");
        }
    }

    /**
     * Returns whether a call has arrived at this gate.
     *
     * @return true if at least one call has arrived
     */
    public boolean isReached() {
        return reached.getCount() == 0;
    }

    /** Releases the calls at this gate, and lets later calls pass. */
    public void open() {
        opened.countDown();
    }

    /**
     * Waits at this gate. Like a read that hangs in the kernel, it ignores interrupts, but keeps the interrupt flag.
     */
    void pass() {
        reached.countDown();
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(2 * TIMEOUT_SECONDS);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    if (!opened.await(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                        throw new AssertionError("the gate was not opened within " + 2 * TIMEOUT_SECONDS + " s");
                    }
                    return;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
