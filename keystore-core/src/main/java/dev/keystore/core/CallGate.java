package dev.keystore.core;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The calls of a backend that are under way, so that it is closed while no call is in it.
 *
 * <p>Concurrency: any number of threads enter at once, without waiting. A call counts as over once its field says so, which
 * a thread that has no stack left can still write (R31). A call is entered before it looks whether this is closed, and
 * closing looks for calls after it has closed: one of the two sees the other.
 */
final class CallGate {

    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** One call. */
    static final class Call {

        /** Set by the thread that called, before it leaves. */
        volatile boolean over;
    }

    private final Set<Call> calls = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    /**
     * Enters a call; its thread sets {@link Call#over} and then leaves.
     *
     * @throws ClosedException if this is closed
     */
    Call enter() {
        Call call = new Call();
        calls.add(call);
        if (closed) {
            call.over = true;
            throw new ClosedException();
        }
        return call;
    }

    void leave(Call call) {
        calls.remove(call);
    }

    /** Refuses calls from now on, and waits until the deadline, deaf to interrupts, for those that are under way. */
    void close(long deadlineNanos) {
        closed = true;
        boolean interrupted = false;
        while (!calls.stream().allMatch(call -> call.over) && deadlineNanos - System.nanoTime() > 0) {
            LockSupport.parkNanos(this, POLL_NANOS);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
