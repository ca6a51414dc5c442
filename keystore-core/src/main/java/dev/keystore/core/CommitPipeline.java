package dev.keystore.core;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.CorruptEntryException;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RollbackFailedException;
import dev.keystore.TransactionConflictException;
import dev.keystore.core.PendingCommit.Done;
import dev.keystore.core.PendingCommit.State;
import dev.keystore.core.PendingCommit.Step;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only writer of a backend.
 *
 * <p>Concurrency: a thread that commits puts its commit into the queue. If nobody leads, it leads: it takes what waits as
 * one group, tries once to write that, and passes the lead to the head of the queue. Its own commit is the first of the
 * group it leads, and a thread whose commit is done leads no more. A thread that commits alone never waits for another.
 *
 * <p>Durability: a commit is acknowledged, and put into the cache, when the backend's write has returned; never before.
 *
 * <p>Recovery: for each commit in turn the leader checks that what it read is what is committed, the group's earlier
 * commits included (R24). A commit that fails this check takes no part in the write, and is told when the group is
 * written; if it is not, the earlier commit that it met may never be, so it goes back into the queue. So does a group
 * that was refused, to be written commit by commit, so that only the culprit fails, and one that failed transiently, after
 * a pause (R40). The latter is written context by context, and the commits of a context that then fails transiently go
 * behind those of the others, in their order: what holds one up, such as a lock, may be nothing to the others. A group
 * whose outcome is unknown is sent again where the backend tells commits apart by their ids, until it is known; nothing
 * else is written before (R54).
 *
 * <p>Time: until it is with the backend, a commit whose thread is interrupted or out of time ends itself, truthfully.
 * While the backend has it, it is waited for, since only then is its outcome known; beyond {@code commitTimeout} that is
 * reported as unknown (R27, R41). The leader's thread itself is in the backend's hands: a backend bounds its own calls.
 */
final class CommitPipeline {

    private static final Logger LOG = LoggerFactory.getLogger(CommitPipeline.class);
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final EntryCache cache;
    private final Storage storage;
    private final int maximumAttempts;
    private final long retryNanos;
    private final Duration timeout;
    private final Consumer<String> onOwnershipLost;

    /** The end of the queue, where commits come in. */
    private final Queue<PendingCommit> arrivals = new ConcurrentLinkedQueue<>();

    /** The rest of the queue, which the leader alone looks at and moves arrivals into. */
    private final Deque<PendingCommit> queue = new ArrayDeque<>();

    private final AtomicBoolean led = new AtomicBoolean();
    private volatile boolean closed;
    private volatile @Nullable Thread closer;

    private final LongAdder commits = new LongAdder();
    private final LongAdder writes = new LongAdder();
    private final LongAdder retries = new LongAdder();
    private final LongAdder conflicts = new LongAdder();
    private final AtomicLong largestGroup = new AtomicLong();

    CommitPipeline(EntryCache cache, Storage storage, KeyStoreOptions options, Consumer<String> onOwnershipLost) {
        this.cache = cache;
        this.storage = storage;
        this.maximumAttempts = options.commitAttempts();
        this.retryNanos = options.retryDelay().toNanos();
        this.timeout = options.commitTimeout();
        this.onOwnershipLost = onOwnershipLost;
    }

    /** Commits, and returns when all of it is durable; throws what {@link dev.keystore.KeyOperations} lists. */
    void commit(PendingCommit commit) {
        if (Thread.currentThread().isInterrupted()) {
            throw new OperationInterruptedException("its turn to commit");
        }
        loadWhatIsDeleted(commit);
        enqueue(commit);
        KeyStoreException failure = awaitOutcome(commit).failure();
        if (failure instanceof OwnershipLostException) {
            throw loss(commit.context);
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Returns what to throw at one who would write to a context that is lost; tells the listener, the first time. */
    OwnershipLostException loss(Context context) {
        return context.loss(onOwnershipLost);
    }

    private Done awaitOutcome(PendingCommit commit) {
        boolean interrupted = false;
        try {
            while (true) {
                State state = commit.state();
                if (state instanceof Done done) {
                    return done;
                } else if (state == Step.LEADING) {
                    lead(commit);
                } else {
                    interrupted |= Thread.interrupted();
                    await(commit, (Step) state, interrupted);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void await(PendingCommit commit, Step step, boolean interrupted) {
        long nanosLeft = commit.deadlineNanos - System.nanoTime();
        if (step == Step.WRITING && nanosLeft <= 0) {
            commit.end(
                    step,
                    unknown(
                            commit,
                            "the backend has not answered within " + timeout.toMillis() + " ms",
                            commit.lastFailure));
        } else if (step != Step.WRITING && (interrupted || nanosLeft <= 0)) {
            commit.end(step, gaveUp(commit, interrupted));
        } else {
            LockSupport.parkNanos(this, nanosLeft);
        }
    }

    /** The leader will ask whether it exists (R14): loading it here spares the others of its group the wait. */
    private void loadWhatIsDeleted(PendingCommit commit) {
        try {
            commit.writes.forEach((key, entry) -> {
                if (!entry.exists() && commit.keeps(key.type.name())) {
                    exists(key, null);
                }
            });
        } catch (LoadFailedException e) {
            throw failed(commit, e);
        }
    }

    private void enqueue(PendingCommit commit) {
        arrivals.add(commit);
        if (closed && arrivals.remove(commit)) {
            LockSupport.unpark(closer);
            throw new ClosedException();
        }
        if (led.compareAndSet(false, true)) {
            passOn();
        }
    }

    private void lead(PendingCommit own) {
        List<PendingCommit> group = new ArrayList<>();
        whileLeading(group, () -> {
            take(group);
            Attempt attempt = checkAndWrite(group);
            if (attempt.inDoubt) {
                settle(own, attempt, group);
            } else {
                conclude(own, attempt, group);
                passOn();
            }
        });
    }

    /** Nobody may wait for a leader that is gone, by a defect or an error of the VM. */
    private void whileLeading(List<PendingCommit> group, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            group.forEach(commit -> commit.tell(
                    commit.state() == Step.WRITING ? unknown(commit, String.valueOf(e), e) : failed(commit, e)));
            passOn();
        }
    }

    /**
     * Finds out what became of a group whose outcome is unknown, by sending it again until the backend answers: it has the
     * ids of its first sending, and is written once (R54). Nobody else leads until then, and reads of what the group
     * writes wait. The threads of its commits wait no longer than their deadlines, so this is done on a thread of its own.
     */
    private void settle(PendingCommit own, Attempt attempt, List<PendingCommit> group) {
        LOG.debug("The outcome of a write is unknown, and it is sent again", attempt.failure);
        attempt.writers.forEach(commit -> commit.lastFailure = attempt.failure);
        Thread settler = new Thread(
                () -> whileLeading(group, () -> {
                    for (int tries = 1; attempt.inDoubt; tries++) {
                        LockSupport.parkNanos(Math.min(Backoff.nanos(retryNanos, tries), LONGEST_PAUSE_NANOS));
                        retries.increment();
                        sendAgain(attempt);
                    }
                    endWrite(attempt);
                    conclude(own, attempt, group);
                    passOn();
                }),
                "keystore-settle");
        settler.setDaemon(true);
        try {
            settler.start();
        } catch (Error e) {
            endWrite(attempt);
            throw e;
        }
    }

    /** Takes the group to be written; a clear is a group of its own, since it changes keys that it does not name. */
    private void take(List<PendingCommit> group) {
        PendingCommit next = head();
        while (next != null && group.size() < storage.groupLimit()) {
            boolean single = next.cleared() || next.alone;
            if (!group.isEmpty() && (single || !fits(group.get(0), next))) {
                return;
            }
            queue.remove();
            if (next.step(Step.LEADING, Step.TAKEN) || next.step(Step.QUEUED, Step.TAKEN)) {
                group.add(next);
                if (single) {
                    return;
                }
            }
            next = head();
        }
    }

    /** Returns whether a commit can be in the group of another: not with other contexts' commits if either is to be apart. */
    private static boolean fits(PendingCommit first, PendingCommit next) {
        return first.apart ? next.context == first.context : !next.apart;
    }

    /** Returns the head of the whole queue, or null. */
    private @Nullable PendingCommit head() {
        for (PendingCommit next = arrivals.poll(); next != null; next = arrivals.poll()) {
            queue.add(next);
        }
        return queue.peek();
    }

    /** Puts those that are not done back to the head of the queue, in their order. */
    private void putBack(List<PendingCommit> group) {
        for (int i = group.size() - 1; i >= 0; i--) {
            if (group.get(i).returnTo(Step.QUEUED)) {
                queue.addFirst(group.get(i));
            }
        }
    }

    /** Moves the commits of a context behind those of the others that are in the queue, in their order. */
    private void putBehindOthers(Context context) {
        head();
        List<PendingCommit> later =
                queue.stream().filter(commit -> commit.context == context).toList();
        queue.removeIf(commit -> commit.context == context);
        queue.addAll(later);
    }

    /** Lets the head of the queue lead, or nobody until a commit comes. */
    private void passOn() {
        do {
            for (PendingCommit next = head(); next != null; next = head()) {
                if (next.step(Step.QUEUED, Step.LEADING)) {
                    next.wake();
                    return;
                }
                queue.remove();
            }
            led.set(false);
            LockSupport.unpark(closer);
        } while (!arrivals.isEmpty() && led.compareAndSet(false, true));
    }

    /** What came of one try: the commits that took part in the write, those refused, and the write's failure. */
    private static final class Attempt {
        final List<Batch> batches = new ArrayList<>();
        final List<PendingCommit> writers = new ArrayList<>();
        final Map<PendingCommit, KeyStoreException> refused = new LinkedHashMap<>();
        final Pending write = new Pending();

        @Nullable
        Throwable failure;

        /** Whether the failure leaves the outcome unknown, and sending the batches again will tell it. */
        boolean inDoubt;

        /** Claims the writers for the backend; returns false if one of them has given up since the check. */
        boolean begin() {
            boolean all = true;
            for (PendingCommit writer : writers) {
                all &= writer.state() == Step.WRITING || writer.step(Step.TAKEN, Step.WRITING);
            }
            return all;
        }
    }

    /** Tells those of a group whose outcome is known after a try, and puts the others back. */
    private void conclude(PendingCommit own, Attempt attempt, List<PendingCommit> group) {
        Throwable failure = attempt.failure;
        if (failure == null) {
            count(attempt);
            attempt.refused.forEach(PendingCommit::tell);
            attempt.writers.forEach(commit -> commit.tell(null));
            return;
        }
        if (isTransient(failure)) {
            LOG.debug("A write of {} commits failed and is tried again", attempt.writers.size(), failure);
            for (PendingCommit commit : attempt.writers) {
                commit.lastFailure = failure;
                if (++commit.attempts == maximumAttempts) {
                    commit.tell(failed(commit, failure));
                }
            }
            group.forEach(commit -> commit.returnTo(Step.TAKEN));
            pause(own);
            retries.increment();
            attempt.writers.forEach(commit -> commit.apart = true);
        } else if (isUnknown(failure) || attempt.writers.size() == 1) {
            attempt.writers.forEach(commit -> commit.tell(failed(commit, failure)));
        } else {
            attempt.writers.forEach(commit -> commit.alone = true);
        }
        putBack(group);
        if (isTransient(failure)) {
            Set<Context> contexts =
                    attempt.writers.stream().map(commit -> commit.context).collect(Collectors.toSet());
            if (contexts.size() == 1) {
                putBehindOthers(contexts.iterator().next());
            }
        }
    }

    /** Checks and writes; an interrupt of this thread is put aside, since the others' commits are not its business. */
    private Attempt checkAndWrite(List<PendingCommit> group) {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                try {
                    Attempt attempt = check(group);
                    if (attempt.begin()) {
                        if (!attempt.batches.isEmpty()) {
                            write(attempt);
                        }
                        return attempt;
                    }
                } catch (OperationInterruptedException e) {
                    interrupted |= Thread.interrupted();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private Attempt check(List<PendingCommit> group) {
        Attempt attempt = new Attempt();
        Map<EntryKey, Entry> ahead = new HashMap<>();
        for (PendingCommit commit : group) {
            if (commit.isDone()) {
                continue;
            }
            try {
                EntryKey changed = firstChanged(commit, ahead);
                if (changed != null) {
                    attempt.refused.put(
                            commit, new TransactionConflictException(commit.context.name, changed.entryId()));
                    continue;
                }
                List<Mutation> mutations = mutations(commit, ahead);
                if (!mutations.isEmpty()) {
                    Context context = commit.context;
                    attempt.batches.add(new Batch(context.name, context.epoch, context.nextSequence(), mutations));
                }
                attempt.writers.add(commit);
                ahead.putAll(commit.writes);
            } catch (LoadFailedException | CorruptEntryException e) {
                attempt.refused.put(commit, failed(commit, e));
            }
        }
        return attempt;
    }

    private @Nullable EntryKey firstChanged(PendingCommit commit, Map<EntryKey, Entry> ahead) {
        for (Map.Entry<EntryKey, Entry> read : commit.reads.entrySet()) {
            Entry next = ahead.get(read.getKey());
            boolean current = next == null
                    ? cache.isCurrent(read.getKey(), read.getValue())
                    : next.sameContentsAs(read.getValue());
            if (!current) {
                return read.getKey();
            }
        }
        return null;
    }

    private List<Mutation> mutations(PendingCommit commit, Map<EntryKey, Entry> ahead) {
        List<Mutation> mutations = new ArrayList<>(commit.writes.size() + 1);
        Mutation clear = commit.clear();
        if (clear != null) {
            mutations.add(clear);
        }
        for (EntryKey key : commit.writes.keySet()) {
            Mutation put = commit.put(key);
            if (put != null) {
                mutations.add(put);
            } else if (commit.keeps(key.type.name()) && exists(key, ahead.get(key))) {
                mutations.add(new Mutation.Delete(key.type.name(), key.id));
            }
        }
        return mutations;
    }

    /** A damaged entry exists: deleting it is how one gets rid of it. */
    private boolean exists(EntryKey key, @Nullable Entry ahead) {
        try {
            return (ahead == null ? cache.read(key) : ahead).exists();
        } catch (CorruptEntryException e) {
            return true;
        }
    }

    private void write(Attempt attempt) {
        try {
            cache.beginWrite(attempt.write, attempt.writers);
            send(attempt);
        } catch (RuntimeException | Error e) {
            attempt.failure = e;
            attempt.inDoubt = isUnknown(e) && storage.hasOwnership() && e instanceof BackendException;
        } finally {
            if (!attempt.inDoubt) {
                endWrite(attempt);
            }
        }
    }

    private void send(Attempt attempt) {
        storage.write(attempt.batches);
        attempt.failure = null;
        attempt.inDoubt = false;
        attempt.writers.forEach(cache::publish);
    }

    /** As long as the backend can't be reached, what it says is of this sending and not of the first. */
    private void sendAgain(Attempt attempt) {
        try {
            sendUnlessLost(attempt);
        } catch (ClosedException e) {
            attempt.inDoubt = false;
        } catch (RuntimeException | Error e) {
            LOG.debug("The outcome of a write is still unknown", e);
        }
    }

    /** Once a context is lost, the group is not sent again as it was: the outcome is that of its first sending. */
    private void sendUnlessLost(Attempt attempt) {
        try {
            send(attempt);
        } catch (OwnershipLostException e) {
            if (isUnwritten(attempt)) {
                attempt.failure = e;
            }
            attempt.writers.stream()
                    .map(writer -> writer.context)
                    .filter(context -> context.name.equals(e.context()))
                    .forEach(Context::lose);
            attempt.inDoubt = false;
        }
    }

    /** Returns whether it is known that nothing was written; throws if the backend may know that at another time. */
    private boolean isUnwritten(Attempt attempt) {
        try {
            return storage.isUnwritten(attempt.batches);
        } catch (BackendException e) {
            if (e.kind() != BackendException.Kind.PERMANENT) {
                throw e;
            }
            LOG.debug("The outcome of a write stays unknown", e);
            return false;
        }
    }

    private void endWrite(Attempt attempt) {
        boolean unknown = attempt.failure != null
                && (isUnknown(attempt.failure) || attempt.failure instanceof RollbackFailedException);
        for (PendingCommit commit : attempt.writers) {
            // A load that ran beside a clear without atomic commits may have seen what was taken back since.
            if (attempt.failure != null && (unknown || commit.cleared())) {
                cache.forget(commit);
            }
        }
        cache.endWrite(attempt.write, attempt.writers);
    }

    /** Waits before the next try, as long as this thread's own commit has reason to. */
    private void pause(PendingCommit own) {
        long untilNanos = System.nanoTime() + Backoff.nanos(retryNanos, own.attempts);
        while (own.state() == Step.TAKEN) {
            long now = System.nanoTime();
            boolean interrupted = Thread.currentThread().isInterrupted();
            if (interrupted || own.deadlineNanos - now <= 0) {
                own.end(Step.TAKEN, gaveUp(own, interrupted));
            } else if (untilNanos - now <= 0) {
                return;
            } else {
                LockSupport.parkNanos(this, Math.min(untilNanos - now, own.deadlineNanos - now));
            }
        }
    }

    private void count(Attempt attempt) {
        conflicts.add(attempt.refused.values().stream()
                .filter(TransactionConflictException.class::isInstance)
                .count());
        if (!attempt.batches.isEmpty()) {
            writes.increment();
            commits.add(attempt.batches.size());
            largestGroup.accumulateAndGet(attempt.batches.size(), Math::max);
        }
    }

    private static boolean isTransient(Throwable failure) {
        return failure instanceof BackendException known && known.kind() == BackendException.Kind.TRANSIENT;
    }

    /** An error thrown from anywhere in a backend says nothing about what was written before it. */
    private static boolean isUnknown(Throwable failure) {
        return failure instanceof Error
                || (failure instanceof BackendException known && known.kind() == BackendException.Kind.OUTCOME_UNKNOWN);
    }

    private static KeyStoreException failed(PendingCommit commit, Throwable failure) {
        if (failure instanceof RollbackFailedException known) {
            return known;
        }
        if (failure instanceof OwnershipLostException) {
            commit.context.lose();
            return new OwnershipLostException(commit.context.name, commit.context.epoch);
        }
        String reason = String.valueOf(failure.getMessage());
        return isUnknown(failure)
                ? unknown(commit, reason, failure)
                : new CommitFailedException(commit.context.name, reason, failure);
    }

    private static KeyStoreException unknown(PendingCommit commit, String reason, @Nullable Throwable failure) {
        return new CommitOutcomeUnknownException(commit.context.name, commit.entryIds(), reason, failure);
    }

    private KeyStoreException gaveUp(PendingCommit commit, boolean interrupted) {
        if (interrupted) {
            return new OperationInterruptedException("a commit to context \"" + commit.context.name + "\"");
        }
        String reason = "it was not done within " + timeout.toMillis() + " ms";
        return new CommitFailedException(commit.context.name, reason, commit.lastFailure);
    }

    /** Takes no more commits, and waits until the deadline, deaf to interrupts, for those that it has. */
    void close(long deadlineNanos) {
        closer = Thread.currentThread();
        closed = true;
        boolean interrupted = false;
        // In this order: what is no longer among the arrivals has a leader.
        while ((!arrivals.isEmpty() || led.get()) && deadlineNanos - System.nanoTime() > 0) {
            LockSupport.parkNanos(this, deadlineNanos - System.nanoTime());
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    KeyStoreStats stats() {
        return new KeyStoreStats(
                commits.sum(),
                writes.sum(),
                largestGroup.get(),
                retries.sum(),
                conflicts.sum(),
                cache.loads(),
                cache.cachedBytes());
    }
}
