package dev.keystore.core;

import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.core.CommitQueue.Lead;
import dev.keystore.core.CommitQueue.Phase;
import dev.keystore.core.CommitRequest.Done;
import dev.keystore.core.CommitRequest.State;
import dev.keystore.core.CommitRequest.Step;
import dev.keystore.core.WriteOutcome.InDoubt;
import dev.keystore.core.WriteOutcome.Refused;
import dev.keystore.core.WriteOutcome.Retry;
import dev.keystore.core.WriteOutcome.Unknown;
import dev.keystore.core.WriteOutcome.Written;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only writer of a backend: commits wait in a {@link CommitQueue}, and its leader writes them with a
 * {@link GroupWriter}, a group at a time.
 *
 * <pre>
 *            add                 offerLead             take              claim
 * (created) ────► QUEUED ──────────────────► LEADING ────────► TAKEN ──────────► WRITING
 *                   │ └───────────────────────────────take──────►│ ▲               │
 *                   ├─ interrupted, timed out: nothing written ──┤ └─── retry ─────┤
 *                   ▼                                            ▼                 ▼
 *                 Done                                         Done       Done: written, refused,
 *                                                                         or in doubt at the deadline
 * </pre>
 *
 * <p>Durability: a commit is acknowledged, and put into the cache, when the backend's write has returned; never before.
 *
 * <p>Recovery: a group that failed transiently goes back to the head of the queue after a pause (R40). It is written
 * context by context then, and the commits of a context that fails transiently again go behind those of the others, in
 * their order: what holds one up, such as a lock, may be nothing to the others. A group that was refused goes back to be
 * written commit by commit, so that only the culprit fails; a commit that failed its check is refused only once the group
 * is written, since the earlier commit that it met may never be. A group whose outcome is unknown is sent again where the
 * backend tells commits apart by their ids, until it is known; nothing else is written before (R54).
 *
 * <p>Errors: any {@link Throwable} on a leading thread ends what that thread does and nothing else (R31). The lead is left
 * with one write of a field, and the standby, a thread of the pipeline that has its stack to itself, finishes the group
 * from what is written down in it. The standby also leads for virtual threads, which might not get a carrier while
 * others wait for them, and sends groups in doubt again.
 *
 * <p>Time: until it is with the backend, a commit whose thread is interrupted or out of time ends itself, truthfully.
 * While the backend has it, it is waited for, since only then is its outcome known; beyond {@code commitTimeout} that is
 * reported as unknown (R27, R41). The leader's thread itself is in the backend's hands: a backend bounds its own calls.
 */
final class CommitPipeline {

    private static final Logger LOG = LoggerFactory.getLogger(CommitPipeline.class);
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** How often a group may fail to be concluded. */
    private static final int MOST_FAILURES = 10;

    private final CommitQueue queue = new CommitQueue(this::wakeStandby);
    private final GroupWriter writer;
    private final int groupLimit;
    private final int maximumAttempts;
    private final long retryNanos;
    private final Duration timeout;
    private final Consumer<String> onOwnershipLost;

    private volatile @Nullable Thread standby;
    private volatile boolean stopped;

    private final LongAdder commits = new LongAdder();
    private final LongAdder writes = new LongAdder();
    private final LongAdder retries = new LongAdder();
    private final AtomicLong largestGroup = new AtomicLong();

    CommitPipeline(EntryCache cache, Storage storage, KeyStoreOptions options, Consumer<String> onOwnershipLost) {
        this.writer = new GroupWriter(cache, storage);
        this.groupLimit = storage.groupLimit();
        this.maximumAttempts = options.commitAttempts();
        this.retryNanos = options.retryDelay().toNanos();
        this.timeout = options.commitTimeout();
        this.onOwnershipLost = onOwnershipLost;
    }

    /** Starts the standby. */
    void start() {
        Thread thread = new Thread(this::standBy, "keystore-standby");
        thread.setDaemon(true);
        standby = thread;
        thread.start();
    }

    /** Commits, and returns when all of it is durable; throws what {@link dev.keystore.KeyOperations} lists. */
    void commit(CommitRequest request) {
        StackHeadroom.require();
        if (Thread.currentThread().isInterrupted()) {
            throw new OperationInterruptedException("its turn to commit");
        }
        try {
            writer.loadDeleted(request);
        } catch (LoadFailedException e) {
            throw CommitFailures.unwritten(request, e);
        }
        KeyStoreException failure = outcome(request);
        if (failure instanceof OwnershipLostException) {
            throw loss(request.context);
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Returns what to throw at a caller that would write to a context which is lost; calls the listener, the first time. */
    OwnershipLostException loss(Context context) {
        return context.loss(onOwnershipLost);
    }

    /** Brings a commit to its end and returns its failure, or null if all of it is durable. */
    private @Nullable KeyStoreException outcome(CommitRequest request) {
        try {
            queue.add(request);
            return awaitDone(request).failure();
        } catch (RuntimeException | Error e) {
            request.deserted = true;
            if (request.withdraw(CommitFailures.unwritten(request, e))) {
                throw e;
            }
            return request.state() instanceof Done done ? done.failure() : CommitFailures.unknown(request, e);
        } finally {
            request.deserted = true;
            if (queue.offeredTo(request) != null) {
                wakeStandby();
            }
        }
    }

    private Done awaitDone(CommitRequest request) {
        boolean interrupted = false;
        try {
            while (true) {
                State state = request.state();
                if (state instanceof Done done) {
                    return done;
                }
                Lead lead = state == Step.LEADING && request.canLead() ? queue.offeredTo(request) : null;
                if (lead == null || !lead(lead, request)) {
                    interrupted |= Thread.interrupted();
                    await(request, (Step) state, interrupted);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void await(CommitRequest request, Step step, boolean interrupted) {
        long nanosLeft = request.deadlineNanos - System.nanoTime();
        if (step == Step.WRITING && nanosLeft <= 0) {
            request.end(step, CommitFailures.unanswered(request, timeout));
        } else if (step != Step.WRITING && interrupted) {
            request.end(step, CommitFailures.interrupted(request));
        } else if (step != Step.WRITING && nanosLeft <= 0) {
            request.end(step, CommitFailures.timedOut(request, timeout));
        } else {
            LockSupport.parkNanos(this, nanosLeft);
        }
    }

    /**
     * Takes a group and writes it, or goes on with the one that the last holder of the lead has left, and hands the lead
     * off.
     *
     * @param own the commit of this thread; null on the standby
     * @return false if somebody else holds the lead
     */
    private boolean lead(Lead lead, @Nullable CommitRequest own) {
        boolean held = false;
        boolean handedOff = false;
        try {
            // Within this block, so that no call comes between taking the lead and what leaves it.
            held = lead.claim(Phase.OFFERED) || (own == null && lead.claim(Phase.LEFT));
            if (!held || queue.lead() != lead) {
                held = false; // it was handed off by a thread that failed just after
                return false;
            }
            CommitGroup group = lead.group;
            WriteOutcome outcome;
            if (group != null && group.failures > MOST_FAILURES) {
                outcome = abandon(group);
            } else if (group == null) {
                group = new CommitGroup();
                lead.group = group;
                queue.take(group, groupLimit);
                outcome = writer.write(group);
            } else {
                outcome = writer.resume(group, Objects.requireNonNullElseGet(group.failure, LeaderGone::new));
            }
            if (outcome instanceof InDoubt doubt) {
                if (own != null) {
                    return true; // the standby settles it
                }
                outcome = settle(group, doubt);
            }
            conclude(own, group, outcome);
            queue.handOff(lead);
            handedOff = true;
        } catch (RuntimeException | Error e) {
            CommitGroup group = lead.group;
            if (group != null) {
                group.failure = e;
                group.failures++;
            }
        } finally {
            if (held && !handedOff) {
                lead.phase = Phase.LEFT;
                if (own != null) {
                    wakeStandby(); // the standby itself tries again after a pause
                }
            }
        }
        return true;
    }

    /** Ends the commits of a group that could not be concluded time and again, so that others go on. */
    private static WriteOutcome abandon(CommitGroup group) {
        Throwable cause = Objects.requireNonNullElseGet(group.failure, LeaderGone::new);
        boolean mayBeWritten = group.sent && !(group.outcome instanceof Refused || group.outcome instanceof Retry);
        group.requests()
                .forEach(request -> request.complete(
                        mayBeWritten
                                ? CommitFailures.unknown(request, cause)
                                : CommitFailures.unwritten(request, cause)));
        return new Unknown(cause);
    }

    /** The failure of a leader that could not even say what it threw. */
    private static final class LeaderGone extends RuntimeException {

        private static final long serialVersionUID = 1L;

        LeaderGone() {
            super("the thread that wrote it is gone");
        }
    }

    /**
     * Finds out what became of a group whose outcome is unknown, by sending it again until the backend answers. Nobody else
     * leads until then, and reads of what the group writes wait. The threads of its commits wait no longer than their
     * deadlines.
     */
    private WriteOutcome settle(CommitGroup group, InDoubt doubt) {
        LOG.debug("The outcome of a write is unknown, and it is sent again", doubt.cause());
        group.checked().writers().forEach(request -> request.lastFailure = doubt.cause());
        WriteOutcome outcome = doubt;
        int errors = 0;
        for (int tries = 1; outcome instanceof InDoubt; tries++) {
            parkFully(Math.min(Backoff.nanos(retryNanos, tries), LONGEST_PAUSE_NANOS));
            retries.increment();
            try {
                outcome = writer.sendAgain(group, doubt);
                errors = 0;
            } catch (RuntimeException | Error e) {
                // Unlike a server that is away, this may happen each time, and would end all writing.
                LOG.debug("The outcome of a write is still unknown", e);
                outcome = ++errors == maximumAttempts ? new Unknown(doubt.cause()) : doubt;
            }
        }
        group.outcome = outcome;
        return outcome;
    }

    /** Ends the commits of a group whose outcome is known after this try, and puts the others back. */
    private void conclude(@Nullable CommitRequest own, CommitGroup group, WriteOutcome outcome) {
        writer.finish(group, outcome);
        CommitGroup.Checked checked = group.checked();
        if (outcome instanceof Written) {
            count(group);
            checked.refused().forEach(CommitRequest::complete);
            checked.writers().forEach(request -> request.complete(null));
            return;
        }
        if (outcome instanceof Retry retry) {
            LOG.debug("A write of {} commits failed and is tried again", group.size(), retry.cause());
            for (CommitRequest request : checked.writers()) {
                request.lastFailure = retry.cause();
                if (++request.attempts >= maximumAttempts) {
                    request.complete(CommitFailures.unwritten(request, retry.cause()));
                }
            }
            group.requests().forEach(request -> request.returnTo(Step.TAKEN));
            pause(own, group);
            retries.increment();
            checked.writers().forEach(request -> request.apart = true);
        } else if (outcome instanceof Unknown unknown) {
            checked.writers().forEach(request -> request.complete(CommitFailures.unknown(request, unknown.cause())));
        } else if (outcome instanceof Refused refused) {
            refuse(group, refused.cause());
        }
        queue.putBack(group.requests());
        if (outcome instanceof Retry) {
            Set<Context> contexts =
                    checked.writers().stream().map(request -> request.context).collect(Collectors.toSet());
            if (contexts.size() == 1) {
                queue.putBehindOthers(contexts.iterator().next());
            }
        }
    }

    /** Only the culprit of a refused group fails: the commits of a larger one are put back to be written one by one. */
    private static void refuse(CommitGroup group, Throwable cause) {
        List<CommitRequest> writers = group.sent ? group.checked().writers() : group.requests();
        if (writers.size() > 1) {
            writers.forEach(request -> request.isolated = true);
        } else {
            writers.forEach(request -> request.complete(CommitFailures.unwritten(request, cause)));
        }
    }

    /** Waits before the next try, as long as this thread's own commit has reason to. */
    private void pause(@Nullable CommitRequest own, CommitGroup group) {
        int attempts = group.checked().writers().get(0).attempts;
        long untilNanos = System.nanoTime() + Backoff.nanos(retryNanos, attempts);
        if (own == null) {
            while (untilNanos - System.nanoTime() > 0
                    && !group.requests().stream().allMatch(CommitRequest::isOver)) {
                parkFully(Math.min(untilNanos - System.nanoTime(), CommitQueue.PATIENCE_NANOS));
            }
            return;
        }
        while (own.state() == Step.TAKEN) {
            long now = System.nanoTime();
            boolean interrupted = Thread.currentThread().isInterrupted();
            if (interrupted) {
                own.end(Step.TAKEN, CommitFailures.interrupted(own));
            } else if (own.deadlineNanos - now <= 0) {
                own.end(Step.TAKEN, CommitFailures.timedOut(own, timeout));
            } else if (untilNanos - now <= 0) {
                return;
            } else {
                LockSupport.parkNanos(this, Math.min(untilNanos - now, own.deadlineNanos - now));
            }
        }
    }

    /** Parks for so long, however often it is woken: the standby is, for other reasons. */
    private void parkFully(long nanos) {
        long untilNanos = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = untilNanos - System.nanoTime()) {
            LockSupport.parkNanos(this, left);
            Thread.interrupted();
        }
    }

    private void count(CommitGroup group) {
        if (group.counted) {
            return;
        }
        group.counted = true;
        int batches = group.checked().batches().size();
        if (batches > 0) {
            writes.increment();
            commits.add(batches);
            largestGroup.accumulateAndGet(batches, Math::max);
        }
    }

    private void wakeStandby() {
        LockSupport.unpark(standby);
    }

    /** Leads whenever the thread that should can't, until the pipeline is closed and idle. */
    private void standBy() {
        Lead seen = null;
        while (!stopped || !queue.isIdle()) {
            try {
                seen = attend(seen);
            } catch (RuntimeException | Error e) {
                seen = null; // such as OutOfMemoryError: the next round may find memory
            }
            LockSupport.parkNanos(this, CommitQueue.PATIENCE_NANOS);
            Thread.interrupted();
        }
    }

    /**
     * Leads until nobody needs the standby.
     *
     * @param seen the lead that was offered to somebody in the last round
     * @return the lead that is offered to somebody now
     */
    private @Nullable Lead attend(@Nullable Lead seen) {
        queue.startIfIdle();
        Lead lead = queue.lead();
        while (lead != null && (lead.isDeserted() || lead == seen)) {
            lead(lead, null);
            Lead next = queue.lead();
            if (next == lead) {
                return null;
            }
            lead = next;
        }
        return lead;
    }

    /** Takes no more commits, and waits until the deadline, deaf to interrupts, for those that it has. */
    void close(long deadlineNanos) {
        queue.close(deadlineNanos);
        stopped = true;
        wakeStandby();
    }

    KeyStoreStats stats(long conflicts, EntryCache cache) {
        return new KeyStoreStats(
                commits.sum(),
                writes.sum(),
                largestGroup.get(),
                retries.sum(),
                conflicts,
                cache.loads(),
                cache.cachedBytes());
    }
}
