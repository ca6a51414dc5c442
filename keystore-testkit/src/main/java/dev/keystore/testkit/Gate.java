package dev.keystore.testkit;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Where a {@link Fault} holds a call to a backend until the test lets it go on: a test of a race without a sleep.
 *
 * <p>Safe for use by any number of threads. Once open, a gate stays open.
 */
public final class Gate {

    private static final long DEADLINE_SECONDS = 30;

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
        if (!reached.await(DEADLINE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("no call arrived at the gate within " + DEADLINE_SECONDS + " s");
        }
    }

    /** Tells whether a call has arrived at this gate. */
    public boolean isReached() {
        return reached.getCount() == 0;
    }

    /** Lets the calls at this gate go on, and those that come later pass. */
    public void open() {
        opened.countDown();
    }

    /** Waits at this gate, deaf to interrupts like a read that hangs in the kernel; the interrupt flag is kept. */
    void pass() {
        reached.countDown();
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(2 * DEADLINE_SECONDS);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    if (!opened.await(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                        throw new AssertionError("nobody opened the gate within " + 2 * DEADLINE_SECONDS + " s");
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
