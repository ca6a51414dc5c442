package dev.keystore.core;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Admits calls to the backend until it is closed, and lets closing wait for the calls in progress.
 *
 * <p>Concurrency: any number of threads enter concurrently, without waiting. A call has ended once
 * {@link RunningCall#ended} is set, which a thread can do even if it has no stack left (R31). Entering registers the
 * call before it checks whether the gate is closed, and closing checks for calls after it has closed the gate, so at
 * least one of the two notices the other.
 */
final class CallGate {

    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** A call in progress. */
    static final class RunningCall {

        /** Set by the calling thread before it leaves. A plain field write, which needs no stack. */
        volatile boolean ended;
    }

    private final Set<RunningCall> calls = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    /**
     * Registers a call. The calling thread sets {@link RunningCall#ended} and then calls {@link #leave}.
     *
     * @throws ClosedException if the gate is closed
     */
    RunningCall enter() {
        RunningCall call = new RunningCall();
        calls.add(call);
        if (closed) {
            call.ended = true;
            throw new ClosedException();
        }
        return call;
    }

    void leave(RunningCall call) {
        calls.remove(call);
    }

    /** Rejects further calls, and waits uninterruptibly for those in progress, at most until the deadline. */
    void close(long deadlineNanos) {
        closed = true;
        boolean interrupted = false;
        while (!haveEnded() && deadlineNanos - System.nanoTime() > 0) {
            LockSupport.parkNanos(this, POLL_NANOS);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean haveEnded() {
        for (RunningCall call : calls) {
            if (!call.ended) {
                return false;
            }
        }
        return true;
    }
}
