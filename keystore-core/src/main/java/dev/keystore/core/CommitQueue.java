package dev.keystore.core;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Deque;
import java.util.LinkedList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The commits that wait to be written, and the lead: the right to take them. It knows neither backend nor cache.
 *
 * <p>Concurrency: any thread adds a commit. There is at most one {@link Lead}; its holder takes a group from the head of
 * the queue and hands the lead off to the new head, whose thread then holds it. A thread that commits alone leads its own
 * commit, without a hand-over to another thread.
 *
 * <p>Recovery: a thread that leaves its lead unfinished, by whatever error, marks it as {@link Phase#LEFT}, which is one
 * write of a field and needs no stack. The standby finds it within {@link #PATIENCE_NANOS} and goes on from what the
 * lead's group says. In the same way it finds a lead that was offered to a thread that does not come for it.
 */
final class CommitQueue {

    /** How often the standby looks for a lead that nobody holds any more, if nobody wakes it. */
    static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    /** Who holds a lead. */
    enum Phase {
        /** The thread of the request that it was offered to may take it, or the standby. */
        OFFERED,
        /** Somebody holds it. */
        HELD,
        /** Its holder has left, or wants the standby to go on. */
        LEFT
    }

    /** The right to take commits from the queue, and what its holder has taken. */
    static final class Lead {

        private static final VarHandle PHASE;

        static {
            try {
                PHASE = MethodHandles.lookup().findVarHandle(Lead.class, "phase", Phase.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        private final @Nullable CommitRequest offeredTo;

        /** Written as a field by a holder that leaves: it may have no stack left for a call. */
        volatile Phase phase;

        /** What its holder has taken and not finished. */
        @Nullable
        CommitGroup group;

        private Lead(@Nullable CommitRequest offeredTo, Phase phase) {
            this.offeredTo = offeredTo;
            this.phase = phase;
        }

        /** Takes it, if nobody holds it. */
        boolean claim(Phase from) {
            return PHASE.compareAndSet(this, from, Phase.HELD);
        }

        /** Returns whether nobody will come for it but the standby. */
        boolean isDeserted() {
            return phase == Phase.LEFT || (phase == Phase.OFFERED && offeredTo != null && !offeredTo.canLead());
        }
    }

    /** The end of the queue, where commits come in. */
    private final Queue<CommitRequest> arrivals = new ConcurrentLinkedQueue<>();

    /** The rest of the queue, which the holder of the lead alone looks at and moves arrivals into. */
    @SuppressWarnings("JdkObsolete") // an ArrayDeque that finds no memory to grow forgets what it holds
    private final Deque<CommitRequest> waiting = new LinkedList<>();

    private final AtomicReference<@Nullable Lead> lead = new AtomicReference<>();
    private final Runnable wakeStandby;
    private volatile boolean closed;
    private volatile @Nullable Thread closer;

    CommitQueue(Runnable wakeStandby) {
        this.wakeStandby = wakeStandby;
    }

    /**
     * Adds a commit. If nobody leads, the head of the queue is to lead now.
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

    /** Offers the lead to the head of the queue if there is one, and nobody leads. */
    void startIfIdle() {
        if (lead.get() != null || arrivals.isEmpty()) {
            return;
        }
        Lead mine = new Lead(null, Phase.HELD);
        boolean handedOff = false;
        try {
            if (lead.compareAndSet(null, mine)) {
                handOff(mine);
            }
            handedOff = true;
        } finally {
            if (!handedOff) {
                mine.phase = Phase.LEFT;
            }
        }
    }

    /** Returns the lead, or null if nobody leads and nothing waits. */
    @Nullable
    Lead lead() {
        return lead.get();
    }

    /** Returns the lead that was offered to a request, or null. */
    @Nullable
    Lead offeredTo(CommitRequest request) {
        Lead offered = lead.get();
        return offered != null && offered.offeredTo == request ? offered : null;
    }

    /** Moves commits from the head of the queue into a group of at most so many. */
    void take(CommitGroup group, int limit) {
        CommitRequest next = head();
        while (next != null && group.size() < limit) {
            boolean single = next.isWrittenAlone();
            if (!group.isEmpty() && (single || !fits(group.requests().get(0), next))) {
                return;
            }
            if (!next.isOver()) {
                group.add(next);
            }
            waiting.remove();
            if (single && !group.isEmpty()) {
                return;
            }
            next = head();
        }
    }

    /** Returns whether a commit can be in the group of another: not with other contexts' commits if either is to be apart. */
    private static boolean fits(CommitRequest first, CommitRequest next) {
        return first.apart ? next.context == first.context : !next.apart;
    }

    /** Returns the head of the whole queue, or null. */
    private @Nullable CommitRequest head() {
        for (CommitRequest next = arrivals.peek(); next != null; next = arrivals.peek()) {
            waiting.add(next);
            if (!arrivals.remove(next)) {
                waiting.removeLast(); // refused by add, since the queue is closed
            }
        }
        return waiting.peek();
    }

    /**
     * Puts commits back to the head of the queue, in their order. One is in the queue before it counts as queued: so it is
     * not lost if this fails, and one that is there twice is taken once.
     */
    void putBack(List<CommitRequest> requests) {
        for (int i = requests.size() - 1; i >= 0; i--) {
            CommitRequest request = requests.get(i);
            waiting.addFirst(request);
            if (!request.returnTo(CommitRequest.Step.QUEUED)) {
                waiting.removeFirst();
            }
        }
    }

    /** Moves the commits of a context behind those of the others that are in the queue, in their order. */
    void putBehindOthers(Context context) {
        head();
        List<CommitRequest> later =
                waiting.stream().filter(request -> request.context == context).toList();
        waiting.removeIf(request -> request.context == context);
        waiting.addAll(later);
    }

    /** Lets the head of the queue lead, or nobody until a commit comes. Its group is finished. */
    void handOff(Lead from) {
        from.group = null;
        do {
            for (CommitRequest next = head(); next != null; next = head()) {
                if (!next.isOver() && next.offerLead()) {
                    lead.set(new Lead(next, Phase.OFFERED));
                    if (next.canLead()) {
                        next.wake();
                    } else {
                        wakeStandby.run();
                    }
                    return;
                }
                waiting.remove();
            }
            lead.set(null);
            LockSupport.unpark(closer);
        } while (!arrivals.isEmpty() && lead.compareAndSet(null, from));
    }

    /** Takes no more commits, and waits until the deadline, deaf to interrupts, for those that it has. */
    void close(long deadlineNanos) {
        closer = Thread.currentThread();
        closed = true;
        boolean interrupted = false;
        // In this order: what is no longer among the arrivals has a leader.
        while (!isIdle() && deadlineNanos - System.nanoTime() > 0) {
            LockSupport.parkNanos(this, Math.min(PATIENCE_NANOS, deadlineNanos - System.nanoTime()));
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Returns whether nobody leads and nothing waits. */
    boolean isIdle() {
        return arrivals.isEmpty() && lead.get() == null;
    }
}
