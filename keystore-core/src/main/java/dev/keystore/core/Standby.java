package dev.keystore.core;

import dev.keystore.core.CommitQueue.Lead;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The thread of a pipeline that leads when no committing thread can: when a leader failed with an error, when the head
 * of the queue belongs to a virtual thread or to a thread that does not claim the lead, and while a group is in doubt.
 *
 * <p>Recovery: it looks at the queue whenever it is woken and at least every 250 ms, so a failed wake-up costs no more
 * than that. Nothing it catches ends it (R31).
 */
final class Standby {

    private final CommitQueue queue;
    private final Consumer<Lead> leadOneGroup;
    private volatile @Nullable Thread thread;
    private volatile boolean stopped;

    /**
     * Creates a standby.
     *
     * @param leadOneGroup leads one group, if the lead is free
     */
    Standby(CommitQueue queue, Consumer<Lead> leadOneGroup) {
        this.queue = queue;
        this.leadOneGroup = leadOneGroup;
    }

    void start() {
        Thread started = new Thread(this::run, "keystore-standby");
        started.setDaemon(true);
        thread = started;
        started.start();
    }

    void wake() {
        LockSupport.unpark(thread);
    }

    /** Ends the thread once the queue is idle. */
    void stop() {
        stopped = true;
        wake();
    }

    private void run() {
        Lead seen = null;
        while (!stopped || !queue.isIdle()) {
            try {
                seen = leadWhereNeeded(seen);
            } catch (RuntimeException | Error e) {
                seen = null; // such as OutOfMemoryError: the next round may find memory
            }
            LockSupport.parkNanos(this, CommitQueue.CHECK_INTERVAL_NANOS);
            Thread.interrupted();
        }
    }

    /**
     * Leads until committing threads can do without the standby.
     *
     * @param seen the lead at the end of the last round: if it is still the same, its thread has not claimed it
     * @return the lead that committing threads are to claim next, or null
     */
    private @Nullable Lead leadWhereNeeded(@Nullable Lead seen) {
        queue.startIfIdle();
        Lead lead = queue.lead();
        while (lead != null && (lead.needsStandby() || lead == seen)) {
            leadOneGroup.accept(lead);
            Lead next = queue.lead();
            if (next == lead) {
                return null;
            }
            lead = next;
        }
        return lead;
    }

    /** Pauses the standby for the given time, even if it is woken or interrupted meanwhile. */
    void pause(long nanos) {
        long untilNanos = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = untilNanos - System.nanoTime()) {
            LockSupport.parkNanos(this, left);
            Thread.interrupted();
        }
    }
}
