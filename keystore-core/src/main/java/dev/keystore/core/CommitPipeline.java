package dev.keystore.core;

import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.CommitGroup.CheckResult;
import dev.keystore.core.CommitQueue.Lead;
import dev.keystore.core.CommitQueue.LeadPhase;
import dev.keystore.core.CommitState.Done;
import dev.keystore.core.CommitState.Ended;
import dev.keystore.core.CommitState.State;
import dev.keystore.core.CommitState.Step;
import dev.keystore.core.WriteOutcome.InDoubt;
import dev.keystore.core.WriteOutcome.Refused;
import dev.keystore.core.WriteOutcome.Retry;
import dev.keystore.core.WriteOutcome.Unknown;
import dev.keystore.core.WriteOutcome.Written;
import dev.keystore.spi.support.EarlyInitialization;
import java.lang.invoke.MethodHandles;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the commits of all contexts of a database. Commits wait in a {@link CommitQueue}; the thread of the commit at
 * its head leads: it takes a group and writes it with a {@link GroupWriter}. {@link CommitState} draws the states of a
 * commit.
 *
 * <p>The outcomes of a group, and what {@link GroupWriter#updateCache} and {@link #conclude} make of them:
 *
 * <pre>
 * Written ──► publish to the cache ──► Done
 * Refused ──► one commit: Done(CommitFailed or OwnershipLost);  several: QUEUED again, each in a group without others
 * Retry   ──► pause ──► QUEUED again, each context in separate groups;  attempts used up: Done(CommitFailed)
 * InDoubt ──► the standby sends it again, until it is Written, Refused or Unknown
 * Unknown ──► drop from the cache ──► Done(CommitOutcomeUnknown or RollbackFailed)
 * </pre>
 *
 * <p>Concurrency: a database has one pipeline, and one thread at a time holds its lead. Lock order in the whole engine,
 * from the outermost lock to the innermost; a thread that holds one of them acquires, or waits for, only later ones:
 *
 * <ol>
 *   <li>the lock keys of a transaction ({@link LockTable}); those of one call in their sort order (R25);
 *   <li>the lock of a context that is being opened, copied or moved ({@link SignalKeyDatabase}), possibly inside a
 *       transaction;
 *   <li>the lead;
 *   <li>a load in flight ({@link InFlight}), by key: the leader may wait for one while it checks a group;
 *   <li>the locks of the backend;
 *   <li>the publication of a commit ({@link Context}), for which readers wait;
 *   <li>a bin of the map of keys in flight ({@link EntryLoader});
 *   <li>the lock of the {@link S3FifoCache}.
 * </ol>
 *
 * <p>The write of a group is in flight as well, but a thread that waits for it holds no lock except 1: the leader loads
 * nothing through the cache between registering the write and ending it, and a loading thread ends its load before it
 * waits for a clear.
 *
 * <p>Durability: a commit is acknowledged and cached after the backend's write has returned, never before (R11, R13).
 *
 * <p>Recovery: a group that fails transiently is put back after a pause, to be written context by context (R40). If all
 * its commits belong to one context, they move behind the others, because what blocks them, such as a lock, may not
 * block those. A refused group is written again commit by commit, so that only the culprit fails. A commit that failed
 * its check is ended only after the group is written, because the earlier commit that it conflicts with may fail. If
 * the group is not written, it is checked again. A group in doubt is sent again with the same commit ids, and nothing
 * else is written until its outcome is known, or several attempts in a row have failed for a reason other than an
 * outage (R54).
 *
 * <p>Errors: any {@link Throwable} on a leading thread ends at most the commits of its group (R31). A leader leaves its
 * lead by one write of a field. The {@link Standby} then finishes the group from what is recorded in it, and without
 * atomic commits in {@link RollbackWriter}. For this to hold, state is written before the calls that depend on it; and
 * fields that a thread may have to write when it has no stack left are written directly: {@link Lead#phase},
 * {@link CommitState#callerGone}, and the group's outcome and failures. The classes that end a commit evaluate no
 * lambda expression: if the first evaluation runs out of memory, each later one fails, too.
 *
 * <p>Time: until it is being written, a commit ends itself when its thread is interrupted or its {@code commitTimeout}
 * has passed: nothing was written. While it is being written, its thread waits for the outcome, at most until
 * {@code commitTimeout}; then the outcome is reported as unknown (R27, R41). The leader's own thread is inside the
 * backend meanwhile: backends bound their own calls.
 */
final class CommitPipeline {

    private static final Logger LOG = LoggerFactory.getLogger(CommitPipeline.class);
    private static final long MAXIMUM_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** If more leaders than this have failed to finish a group, its commits are ended with what is known. */
    private static final int MAXIMUM_FAILURES = 10;

    private final CommitQueue queue = new CommitQueue(this::wakeStandby);
    private final Standby standby = new Standby(queue, this::leadAsStandby);
    private final EntryCache cache;
    private final GroupWriter writer;
    private final CommitCounters counters;
    private final EngineEvents events;
    private final int groupLimit;
    private final int maximumAttempts;
    private final long retryNanos;
    private final Duration timeout;

    CommitPipeline(
            EntryCache cache, Storage storage, KeyStoreOptions options, CommitCounters counters, EngineEvents events) {
        EarlyInitialization.of(
                MethodHandles.lookup(),
                Backoff.class,
                CheckResult.class,
                CommitState.class,
                InFlight.Result.class,
                Lead.class,
                SealedWrites.class,
                Step.class,
                LeadPhase.class);
        this.cache = cache;
        this.writer = new GroupWriter(cache, storage, events);
        this.counters = counters;
        this.events = events;
        this.groupLimit = storage.groupLimit();
        this.maximumAttempts = options.commitAttempts();
        this.retryNanos = options.retryDelay().toNanos();
        this.timeout = options.commitTimeout();
    }

    /** Starts the standby. */
    void start() {
        standby.start();
    }

    private void wakeStandby() {
        standby.wake();
    }

    /** Commits, and returns how the commit has ended, when it has. */
    Done commit(CommitRequest request) {
        StackHeadroom.require();
        KeyStoreException unprepared = sealAndLoadDeleted(request);
        if (unprepared != null) {
            request.state.endUnlessWriting(unprepared);
            return request.state.outcome();
        }
        return queueAndAwait(request);
    }

    /**
     * Does what the thread of a commit does before it queues the commit; returns the exception if that fails, or the
     * thread was interrupted.
     */
    private @Nullable KeyStoreException sealAndLoadDeleted(CommitRequest request) {
        if (Thread.currentThread().isInterrupted()) {
            return CommitFailures.interrupted(request);
        }
        try {
            request.contents.seal();
            cache.loadDeleted(request.contents);
            return null;
        } catch (OperationInterruptedException e) {
            return e;
        } catch (LoadFailedException | UnreadableEntryException e) {
            return CommitFailures.unwritten(request, e);
        }
    }

    private Done queueAndAwait(CommitRequest request) {
        try {
            queue.add(request);
            return awaitDone(request);
        } catch (RuntimeException | Error e) {
            // Thrown only if nothing is written; otherwise the caller learns the commit's outcome.
            request.state.callerGone = true;
            if (request.state.endUnlessWriting(CommitFailures.unwritten(request, e))) {
                throw e;
            }
            request.state.endInAnyState(new Ended(CommitFailures.unknown(request, e))); // unless it has ended
            return request.state.outcome();
        } finally {
            request.state.callerGone = true;
            wakeStandbyIfOffered(request);
        }
    }

    /**
     * Queues commits of this thread that write records, so that a leader can take them as one group, and returns how
     * each has ended, when all have.
     */
    List<Done> commitEach(List<CommitRequest> requests) {
        StackHeadroom.require();
        if (Thread.currentThread().isInterrupted()) {
            for (CommitRequest request : requests) {
                request.state.endUnlessWriting(CommitFailures.interrupted(request));
            }
        } else {
            queueAndAwaitEach(requests);
        }
        List<Done> outcomes = new ArrayList<>();
        for (CommitRequest request : requests) {
            outcomes.add(request.state.outcome());
        }
        return outcomes;
    }

    private void queueAndAwaitEach(List<CommitRequest> requests) {
        try {
            for (CommitRequest request : requests) {
                queue.add(request);
            }
            for (CommitRequest request : requests) {
                awaitDone(request);
            }
        } catch (RuntimeException | Error e) {
            boolean unwritten = true;
            for (CommitRequest request : requests) {
                request.state.callerGone = true;
                unwritten &= request.state.endUnlessWriting(CommitFailures.unwritten(request, e));
            }
            if (unwritten) {
                throw e;
            }
            endAsUnknown(requests, e);
        } finally {
            for (CommitRequest request : requests) {
                request.state.callerGone = true;
                wakeStandbyIfOffered(request);
            }
        }
    }

    /** Wakes the standby if the lead was offered to a commit whose thread leaves. */
    private void wakeStandbyIfOffered(CommitRequest request) {
        if (queue.offeredTo(request) != null) {
            wakeStandby();
        }
    }

    private Done awaitDone(CommitRequest request) {
        boolean interrupted = false;
        try {
            while (true) {
                State state = request.state.get();
                if (state instanceof Done done) {
                    return done;
                }
                Lead lead = state == Step.LEAD_OFFERED && request.state.canLead() ? queue.offeredTo(request) : null;
                if (lead == null || !leadOneGroup(lead, request)) {
                    interrupted |= Thread.interrupted();
                    endOrPark(request, (Step) state, interrupted);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Ends a commit whose thread was interrupted or whose time is up, or parks its thread. */
    private void endOrPark(CommitRequest request, Step step, boolean interrupted) {
        long nanosLeft = request.deadlineNanos - System.nanoTime();
        if (step == Step.WRITING && nanosLeft <= 0) {
            request.state.endFrom(step, CommitFailures.unanswered(request, timeout));
        } else if (step != Step.WRITING && interrupted) {
            request.state.endFrom(step, CommitFailures.interrupted(request));
        } else if (step != Step.WRITING && nanosLeft <= 0) {
            request.state.endFrom(step, CommitFailures.timedOut(request, timeout));
        } else {
            LockSupport.parkNanos(this, nanosLeft);
        }
    }

    private void leadAsStandby(Lead lead) {
        leadOneGroup(lead, null);
    }

    /**
     * Claims the lead, writes the next group or finishes the one that the last holder has left, and hands the lead off.
     *
     * @param own the commit of this thread; null if this thread is the standby
     * @return false if another thread holds the lead
     */
    private boolean leadOneGroup(Lead lead, @Nullable CommitRequest own) {
        boolean isStandby = own == null;
        boolean held = false;
        boolean handedOff = false;
        try {
            // The claim is inside this block, so that no call can fail between it and the write that abandons the lead.
            held = lead.claim(LeadPhase.OFFERED) || (isStandby && lead.claim(LeadPhase.ABANDONED));
            if (!held || queue.lead() != lead) {
                held = false; // a thread handed it off and failed just afterwards
                return false;
            }
            WriteOutcome outcome = writeGroup(lead);
            CommitGroup group = Objects.requireNonNull(lead.group);
            if (outcome instanceof InDoubt doubt) {
                for (CommitRequest request : group.checked().passed()) {
                    request.recordFailure(doubt.cause());
                }
                if (!isStandby) {
                    return true; // the finally block abandons the lead, so that the standby resolves the group
                }
                outcome = resolve(group, doubt);
            }
            group.stopMeasuring();
            writer.updateCache(group, outcome);
            conclude(own, group, outcome);
            queue.handOff(lead);
            handedOff = true;
            group.report(events, outcome);
        } catch (RuntimeException | Error e) {
            // Not thrown: the standby finishes the group, and this thread waits for its commit like the others.
            CommitGroup group = lead.group;
            if (group != null) {
                group.failure = e;
                group.failures++;
            }
        } finally {
            if (held && !handedOff) {
                lead.phase = LeadPhase.ABANDONED;
                if (!isStandby) {
                    wakeStandby(); // the standby itself tries again after a pause
                }
            }
        }
        return true;
    }

    /** Takes and writes the next group, or returns the outcome of the one that the last holder of the lead has left. */
    private WriteOutcome writeGroup(Lead lead) {
        CommitGroup group = lead.group;
        if (group == null) {
            group = new CommitGroup();
            lead.group = group; // set before the queue gives up any commit
            queue.take(group, groupLimit);
            return writer.write(group);
        }
        Throwable cause = group.failure == null ? new LeaderGoneException() : group.failure;
        if (group.failures > MAXIMUM_FAILURES) {
            endAll(group, cause); // now, since concluding the group may fail again
            return new Unknown(cause);
        }
        return writer.resume(group, cause);
    }

    /** Ends the commits of a group that several leaders failed to finish, so that later commits are not blocked. */
    private static void endAll(CommitGroup group, Throwable cause) {
        boolean mayBeWritten = group.isSent() && !(group.outcome instanceof Refused || group.outcome instanceof Retry);
        if (mayBeWritten) {
            endAsUnknown(group.requests(), cause);
        } else {
            endAsUnwritten(group.requests(), cause);
        }
    }

    private static void endAsUnknown(List<CommitRequest> requests, Throwable cause) {
        for (CommitRequest request : requests) {
            request.state.endInAnyState(new Ended(CommitFailures.unknown(request, cause)));
        }
    }

    private static void endAsUnwritten(List<CommitRequest> requests, Throwable cause) {
        for (CommitRequest request : requests) {
            request.state.endInAnyState(new Ended(CommitFailures.unwritten(request, cause)));
        }
    }

    /** Stands for what a leader threw if that leader could not record it. */
    private static final class LeaderGoneException extends RuntimeException {

        private static final long serialVersionUID = 1L;

        LeaderGoneException() {
            super("the thread that wrote the commit is gone");
        }
    }

    /**
     * Sends a group in doubt again until its outcome is known. Until then nothing else is written, and reads of its
     * keys wait. The threads of its commits wait no longer than their own deadlines.
     */
    private WriteOutcome resolve(CommitGroup group, InDoubt doubt) {
        LOG.debug("The outcome of a write is unknown; sending it again", doubt.cause());
        WriteOutcome outcome = doubt;
        int errors = 0;
        for (int attempt = 1; outcome instanceof InDoubt; attempt++) {
            standby.pause(Math.min(Backoff.nanos(retryNanos, attempt), MAXIMUM_PAUSE_NANOS));
            counters.retried();
            group.countSending();
            try {
                outcome = writer.sendAgain(group, doubt);
                errors = 0;
            } catch (RuntimeException | Error e) {
                // Unlike an unreachable server, this may recur each time and would block all later commits.
                LOG.debug("The outcome of a write is still unknown", e);
                outcome = ++errors == maximumAttempts ? new Unknown(doubt.cause()) : doubt;
            }
        }
        group.outcome = outcome;
        return outcome;
    }

    /**
     * Ends those commits of a group whose outcome is final, and puts the others back into the queue.
     *
     * @param own the commit of this thread; null if this thread is the standby
     */
    private void conclude(@Nullable CommitRequest own, CommitGroup group, WriteOutcome outcome) {
        CheckResult checked = group.checked();
        if (outcome instanceof Written) {
            count(group);
            for (Map.Entry<CommitRequest, Done> failed : checked.failed().entrySet()) {
                failed.getKey().state.endInAnyState(failed.getValue());
            }
            for (CommitRequest request : checked.passed()) {
                request.state.endInAnyState(new Ended(null));
            }
        } else if (outcome instanceof Retry retry) {
            concludeRetry(own, group, retry.cause());
        } else if (outcome instanceof Refused refused) {
            concludeRefused(group, refused.cause());
            queue.putBack(group.requests()); // those that are isolated now, or failed their check
        } else if (outcome instanceof Unknown unknown) {
            endAsUnknown(checked.passed(), unknown.cause());
            queue.putBack(group.requests()); // those that failed their check are checked again
        } else {
            throw new AssertionError("the outcome was not resolved: " + outcome);
        }
    }

    private void count(CommitGroup group) {
        int batches = group.checked().batches().size();
        if (group.tryMarkCounted() && batches > 0) {
            counters.written(batches);
        }
    }

    private void concludeRetry(@Nullable CommitRequest own, CommitGroup group, Throwable cause) {
        LOG.debug("A write of {} commits failed transiently and will be retried", group.size(), cause);
        List<CommitRequest> passed = group.checked().passed();
        for (CommitRequest request : passed) {
            request.recordFailure(cause);
            if (request.countFailedAttempt() >= maximumAttempts) {
                request.state.endInAnyState(new Ended(CommitFailures.unwritten(request, cause)));
            }
        }
        for (CommitRequest request : group.requests()) {
            request.state.returnTo(Step.TAKEN);
        }
        pause(own, group);
        if (!areFinished(passed)) {
            counters.retried();
            group.markRetried();
        }
        Set<Context> contexts = new HashSet<>();
        for (CommitRequest request : passed) {
            request.restrictToContext();
            contexts.add(request.context());
        }
        queue.putBack(group.requests());
        if (contexts.size() == 1) {
            queue.putBehindOthers(contexts.iterator().next());
        }
    }

    private static boolean areFinished(List<CommitRequest> requests) {
        for (CommitRequest request : requests) {
            if (!request.state.isFinished()) {
                return false;
            }
        }
        return true;
    }

    /** Ends the commit of a group of one. The commits of a larger group are written one by one, to find the culprit. */
    private static void concludeRefused(CommitGroup group, Throwable cause) {
        // A leader that failed before it sent the group may not have recorded a check.
        List<CommitRequest> refused = group.isSent() ? group.checked().passed() : group.requests();
        if (refused.size() == 1) {
            endAsUnwritten(refused, cause);
            return;
        }
        for (CommitRequest request : refused) {
            request.isolate();
        }
    }

    /** Waits before the next attempt. A committing thread waits no longer than its own commit may. */
    private void pause(@Nullable CommitRequest own, CommitGroup group) {
        int attempts = group.checked().passed().get(0).failedAttempts();
        long untilNanos = System.nanoTime() + Backoff.nanos(retryNanos, attempts);
        if (own == null) {
            pauseStandby(group, untilNanos);
        } else {
            pauseCommitter(own, untilNanos);
        }
    }

    private void pauseStandby(CommitGroup group, long untilNanos) {
        while (untilNanos - System.nanoTime() > 0 && !areFinished(group.requests())) {
            standby.pause(Math.min(untilNanos - System.nanoTime(), CommitQueue.CHECK_INTERVAL_NANOS));
        }
    }

    private void pauseCommitter(CommitRequest own, long untilNanos) {
        while (own.state.get() == Step.TAKEN) {
            long now = System.nanoTime();
            boolean interrupted = Thread.currentThread().isInterrupted();
            if (interrupted) {
                own.state.endFrom(Step.TAKEN, CommitFailures.interrupted(own));
            } else if (own.deadlineNanos - now <= 0) {
                own.state.endFrom(Step.TAKEN, CommitFailures.timedOut(own, timeout));
            } else if (untilNanos - now <= 0) {
                return;
            } else {
                LockSupport.parkNanos(this, Math.min(untilNanos - now, own.deadlineNanos - now));
            }
        }
    }

    /**
     * Rejects further commits, and waits uninterruptibly until those in the queue have ended, at most until the
     * deadline.
     */
    void close(long deadlineNanos) {
        queue.close(deadlineNanos);
        standby.stop();
    }
}
