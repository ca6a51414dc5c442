package dev.keystore.core;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The calls of a backend that are under way, so that it is closed while no call is in it.
 *
 * <p>Concurrency: any number of threads enter at once, without waiting. Leaving is one write of a field, which a thread that
 * has no stack left can still do (R31). A call is entered before it looks whether this is closed, and closing looks for
 * calls after it has closed: one of the two sees the other.
 */
final class CallsUnderWay {

    private static final int SLOTS = 256;
    private static final int PROBES = 8;
    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** One call. */
    static final class Call {

        /** Set by the thread that called when it leaves. */
        volatile boolean over;
    }

    private final AtomicReferenceArray<@Nullable Call> slots = new AtomicReferenceArray<>(SLOTS);

    /** The calls that found no free slot. */
    private final Queue<Call> others = new ConcurrentLinkedQueue<>();

    private volatile boolean closed;

    /**
     * Enters a call; its thread sets {@link Call#over} when it leaves.
     *
     * @throws ClosedException if this is closed
     */
    Call enter() {
        Call call = new Call();
        register(call);
        if (closed) {
            call.over = true;
            throw new ClosedException();
        }
        return call;
    }

    private void register(Call call) {
        int slot = Thread.currentThread().hashCode();
        for (int i = 0; i < PROBES; i++) {
            int probed = (slot + i) & (SLOTS - 1);
            Call last = slots.get(probed);
            if ((last == null || last.over) && slots.compareAndSet(probed, last, call)) {
                return;
            }
        }
        others.removeIf(other -> other.over);
        others.add(call);
    }

    /** Refuses calls from now on, and waits until the deadline, deaf to interrupts, for those that are under way. */
    void close(long deadlineNanos) {
        closed = true;
        boolean interrupted = false;
        while (isAnyUnderWay() && deadlineNanos - System.nanoTime() > 0) {
            LockSupport.parkNanos(this, POLL_NANOS);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isAnyUnderWay() {
        for (int i = 0; i < SLOTS; i++) {
            Call call = slots.get(i);
            if (call != null && !call.over) {
                return true;
            }
        }
        return others.stream().anyMatch(call -> !call.over);
    }
}
