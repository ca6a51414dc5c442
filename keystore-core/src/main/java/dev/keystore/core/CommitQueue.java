package dev.keystore.core;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The commits that wait to be written, and the lead: the right to take them. The queue knows neither backend nor cache.
 *
 * <p>Concurrency: any thread adds a commit. There is at most one {@link Lead}. Its holder takes a group from the head
 * of the queue, and when the group is finished it hands the lead off to the thread of the new head. A platform thread
 * that commits alone leads its own commit, without a switch to another thread; for a virtual thread, the standby leads.
 *
 * <p>Recovery: a thread that leaves its lead unfinished, by any error, marks it {@link LeadPhase#ABANDONED}. This is
 * one write of a field, which needs no stack. The standby finds it within {@link #CHECK_INTERVAL_NANOS} and finishes
 * the lead's group. It also finds a lead that was offered to a thread that does not claim it.
 */
final class CommitQueue {

    /** How often the standby looks for an abandoned lead when it is not woken. */
    static final long CHECK_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    /** The phases of a lead. */
    enum LeadPhase {
        /** The thread of the request that it was offered to may claim it, and so may the standby. */
        OFFERED,
        /** A thread holds it. */
        HELD,
        /** Its holder has failed, or leaves the rest to the standby. */
        ABANDONED
    }

    /** The right to take commits from the queue, and the group that its holder has taken. */
    static final class Lead {

        private static final VarHandle PHASE;

        static {
            try {
                PHASE = MethodHandles.lookup().findVarHandle(Lead.class, "phase", LeadPhase.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        private final @Nullable CommitRequest offeredTo;

        /** Written directly by a holder that leaves, which may have no stack left for a call (R31). */
        volatile LeadPhase phase;

        /** The group that its holder has taken and not finished. Published by the write of {@link #phase}. */
        @Nullable
        CommitGroup group;

        private Lead(@Nullable CommitRequest offeredTo, LeadPhase phase) {
            this.offeredTo = offeredTo;
            this.phase = phase;
        }

        /** Takes it if it is in phase {@code from}, and returns whether it was. */
        boolean claim(LeadPhase from) {
            return PHASE.compareAndSet(this, from, LeadPhase.HELD);
        }

        /** Returns whether no thread except the standby will claim it. */
        boolean needsStandby() {
            return phase == LeadPhase.ABANDONED
                    || (phase == LeadPhase.OFFERED && offeredTo != null && !offeredTo.state.canLead());
        }
    }

    /** The tail of the queue, to which commits are added. */
    private final Queue<CommitRequest> arrivals = new ConcurrentLinkedQueue<>();

    /** The head of the queue. Only the holder of the lead uses it, and moves arrivals into it. */
    @SuppressWarnings("JdkObsolete") // an ArrayDeque loses its elements if it runs out of memory while it grows
    private final Deque<CommitRequest> waiting = new LinkedList<>();

    private final AtomicReference<@Nullable Lead> lead = new AtomicReference<>();
    private final Runnable wakeStandby;
    private volatile boolean closed;
    private volatile @Nullable Thread closer;

    CommitQueue(Runnable wakeStandby) {
        this.wakeStandby = wakeStandby;
    }

    /**
     * Adds a commit. If no thread leads, the lead is offered to the thread of the head of the queue.
     *
     * @throws ClosedException if the queue is closed; the commit is not in it
     */
    void add(CommitRequest request) {
        arrivals.add(request);
        if (closed && arrivals.remove(request)) {
            LockSupport.unpark(closer);
            throw new ClosedException();
        }
        startIfIdle();
    }

    /** Offers the lead to the head of the queue, if there is one and no thread leads. */
    void startIfIdle() {
        if (lead.get() != null || arrivals.isEmpty()) {
            return;
        }
        Lead mine = new Lead(null, LeadPhase.HELD);
        boolean handedOff = false;
        try {
            if (lead.compareAndSet(null, mine)) {
                handOff(mine);
            }
            handedOff = true;
        } finally {
            if (!handedOff) {
                mine.phase = LeadPhase.ABANDONED;
            }
        }
    }

    /** Returns the current lead, or null if no commit waits. */
    @Nullable
    Lead lead() {
        return lead.get();
    }

    /** Returns the current lead if it was offered to {@code request}, else null. */
    @Nullable
    Lead offeredTo(CommitRequest request) {
        Lead offered = lead.get();
        return offered != null && offered.offeredTo == request ? offered : null;
    }

    /**
     * Moves commits from the head of the queue into a group of at most {@code limit}. The caller creates the group, so
     * that the commits taken so far are not lost if this fails midway.
     */
    void take(CommitGroup group, int limit) {
        CommitRequest next = drainAndPeek();
        while (next != null && group.size() < limit) {
            boolean single = next.mustBeAlone();
            if (!group.isEmpty() && (single || !group.requests().get(0).admits(next))) {
                return;
            }
            if (!next.state.isFinished()) {
                group.add(next);
            }
            waiting.remove();
            if (single && !group.isEmpty()) {
                return;
            }
            next = drainAndPeek();
        }
    }

    /** Moves all arrivals to {@link #waiting}, and returns its head or null. */
    private @Nullable CommitRequest drainAndPeek() {
        drainArrivals();
        return waiting.peek();
    }

    private void drainArrivals() {
        for (CommitRequest next = arrivals.peek(); next != null; next = arrivals.peek()) {
            waiting.add(next);
            if (!arrivals.remove(next)) {
                waiting.removeLast(); // rejected by add, since the queue is closed
            }
        }
    }

    /**
     * Puts commits back at the head of the queue, in their order. Each is added before its state becomes
     * {@code QUEUED}, so that a failure midway loses none; a commit that is in the queue twice is taken only once.
     */
    void putBack(List<CommitRequest> requests) {
        for (int i = requests.size() - 1; i >= 0; i--) {
            CommitRequest request = requests.get(i);
            waiting.addFirst(request);
            if (!request.state.returnTo(CommitState.Step.QUEUED)) {
                waiting.removeFirst();
            }
        }
    }

    /** Moves the commits of a context behind those of other contexts in the queue; both keep their order. */
    void putBehindOthers(Context context) {
        drainArrivals();
        int before = waiting.size();
        List<CommitRequest> later = new ArrayList<>();
        for (CommitRequest request : waiting) {
            if (request.context() == context) {
                later.add(request);
            }
        }
        for (CommitRequest request : later) {
            waiting.addLast(request); // before it leaves its former place, so that a failure loses none
        }
        Iterator<CommitRequest> former = waiting.iterator();
        for (int i = 0; i < before; i++) {
            if (former.next().context() == context) {
                former.remove();
            }
        }
    }

    /**
     * Ends a lead whose group is finished, and offers a new one to the thread of the head of the queue. If no commit
     * waits, the next one to be added starts a lead.
     */
    void handOff(Lead from) {
        from.group = null;
        do {
            for (CommitRequest next = drainAndPeek(); next != null; next = drainAndPeek()) {
                if (!next.state.isFinished() && next.state.offerLead()) {
                    lead.set(new Lead(next, LeadPhase.OFFERED));
                    if (next.state.canLead()) {
                        next.state.wake();
                    } else {
                        wakeStandby.run();
                    }
                    return;
                }
                waiting.remove();
            }
            lead.set(null);
            LockSupport.unpark(closer);
            // A thread that added a commit before the lead was cleared saw a leader and did not start a lead.
        } while (!arrivals.isEmpty() && lead.compareAndSet(null, from));
    }

    /** Rejects further commits, and waits uninterruptibly until the queue is idle, at most until the deadline. */
    void close(long deadlineNanos) {
        closer = Thread.currentThread();
        closed = true;
        boolean interrupted = false;
        while (!isIdle() && deadlineNanos - System.nanoTime() > 0) {
            LockSupport.parkNanos(this, Math.min(CHECK_INTERVAL_NANOS, deadlineNanos - System.nanoTime()));
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Returns whether no commit waits and no thread leads. */
    boolean isIdle() {
        // In this order: a commit that is no longer among the arrivals has a leader.
        return arrivals.isEmpty() && lead.get() == null;
    }
}
