package dev.keystore.core;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RollbackFailedException;
import dev.keystore.TransactionConflictException;
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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only writer of a backend.
 *
 * <p>Concurrency: a thread that commits puts its commit into the queue. If nobody leads, it leads: it takes what waits as
 * one group, writes that, and passes the lead to the first commit that has come meanwhile. Its own commit is always in
 * the group it leads. A thread that commits alone never waits for another. Commits are written in the order of the
 * queue.
 *
 * <p>Durability: a commit is acknowledged, and put into the cache, when the backend's write has returned; never before.
 *
 * <p>Recovery: for each commit in turn the leader checks that what it read is what is committed, the group's earlier
 * commits included (R24). A commit that fails this check takes no part in the write, and is told once the group is
 * written: if the group fails, the earlier commits that it met may never be. A group that fails transiently is tried
 * again as a group (R40); one that is refused is written commit by commit, so that only the culprit fails.
 *
 * <p>Time: a commit whose thread is interrupted or out of time leaves the queue at once, and between two attempts as soon
 * as the leader sees it. While the backend has it, it is waited for: only then is its outcome known. If the backend has
 * it beyond {@code commitTimeout}, the outcome is reported as unknown (R27, R41).
 */
final class CommitPipeline {

    private static final Logger LOG = LoggerFactory.getLogger(CommitPipeline.class);

    /** How long a commit that is out of time waits for a leader that is between two attempts to say so. */
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final EntryCache cache;
    private final Storage storage;
    private final int attempts;
    private final long retryNanos;
    private final Duration timeout;

    private final ReentrantLock queueLock = new ReentrantLock();
    private final Condition idle = queueLock.newCondition();
    private final Deque<PendingCommit> queue = new ArrayDeque<>();
    private boolean led;
    private boolean closed;
    private volatile @Nullable Thread leader;

    private final LongAdder commits = new LongAdder();
    private final LongAdder writes = new LongAdder();
    private final LongAdder retries = new LongAdder();
    private final LongAdder conflicts = new LongAdder();
    private final AtomicLong largestGroup = new AtomicLong();

    CommitPipeline(EntryCache cache, Storage storage, KeyStoreOptions options) {
        this.cache = cache;
        this.storage = storage;
        this.attempts = options.commitAttempts();
        this.retryNanos = options.retryDelay().toNanos();
        this.timeout = options.commitTimeout();
    }

    /** Commits, and returns when all of it is durable; throws what {@link dev.keystore.KeyOperations} lists. */
    void commit(PendingCommit commit) {
        if (Thread.currentThread().isInterrupted()) {
            throw new OperationInterruptedException("its turn to commit");
        }
        loadWhatIsDeleted(commit);
        enqueue(commit);
        boolean interrupted = false;
        while (commit.state != PendingCommit.State.DONE) {
            if (commit.state == PendingCommit.State.LEADING) {
                lead();
                continue;
            }
            interrupted |= Thread.interrupted();
            long nanosLeft = commit.deadlineNanos - System.nanoTime();
            if (interrupted || nanosLeft <= 0) {
                abandon(commit, interrupted, nanosLeft + GRACE_NANOS);
            } else {
                LockSupport.parkNanos(this, nanosLeft);
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        commit.throwFailure();
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
        queueLock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("The store is closed; nothing was written");
            }
            queue.add(commit);
            if (!led) {
                led = true;
                commit.state = PendingCommit.State.LEADING;
            }
        } finally {
            queueLock.unlock();
        }
    }

    /** Gives a commit up if that can be done truthfully; else waits for its leader, for at most {@code nanosLeft}. */
    private void abandon(PendingCommit commit, boolean interrupted, long nanosLeft) {
        commit.abandoned = true;
        if (withdraw(commit)) {
            commit.done(gaveUp(commit, interrupted, null));
        } else if (nanosLeft <= 0) {
            String reason = "the backend has not answered within " + timeout.toMillis() + " ms";
            commit.done(new CommitOutcomeUnknownException(commit.context.name, commit.entryIds(), reason, null));
        } else {
            LockSupport.unpark(leader);
            LockSupport.parkNanos(this, nanosLeft);
        }
    }

    private boolean withdraw(PendingCommit commit) {
        queueLock.lock();
        try {
            if (commit.state != PendingCommit.State.QUEUED && commit.state != PendingCommit.State.LEADING) {
                return false;
            }
            boolean leading = commit.state == PendingCommit.State.LEADING;
            queue.remove(commit);
            commit.state = PendingCommit.State.WITHDRAWN;
            if (leading) {
                passOn();
            }
            return true;
        } finally {
            queueLock.unlock();
        }
    }

    /** Called with the queue locked: the next commit leads, or nobody does until one comes. */
    private void passOn() {
        PendingCommit next = queue.peek();
        if (next == null) {
            led = false;
            idle.signalAll();
        } else {
            next.state = PendingCommit.State.LEADING;
            next.wake();
        }
    }

    private void lead() {
        leader = Thread.currentThread();
        List<PendingCommit> group = take();
        List<PendingCommit> written = List.of();
        try {
            written = write(group);
        } catch (RuntimeException | Error e) {
            group.forEach(commit -> commit.done(unknown(commit, e)));
        } finally {
            // Those who were waiting come back with their next commits while the next leader wakes up: larger groups.
            written.forEach(commit -> commit.done(null));
            leader = null;
            queueLock.lock();
            try {
                passOn();
            } finally {
                queueLock.unlock();
            }
        }
    }

    /** Takes the group to be written; a clear is a group of its own, since it changes keys that it does not name. */
    private List<PendingCommit> take() {
        List<PendingCommit> group = new ArrayList<>();
        queueLock.lock();
        try {
            for (PendingCommit next = queue.peek();
                    next != null && group.size() < storage.groupLimit() && (group.isEmpty() || !next.cleared());
                    next = group.get(0).cleared() ? null : queue.peek()) {
                next.state = PendingCommit.State.TAKEN;
                group.add(queue.remove());
            }
        } finally {
            queueLock.unlock();
        }
        return group;
    }

    /** Puts commits back, for another thread to lead them. */
    private void putBack(List<PendingCommit> open) {
        queueLock.lock();
        try {
            for (int i = open.size() - 1; i >= 0; i--) {
                open.get(i).state = PendingCommit.State.QUEUED;
                queue.addFirst(open.get(i));
            }
        } finally {
            queueLock.unlock();
        }
    }

    /** Writes a group, tells those of it that failed, and returns those that are written and not told yet. */
    private List<PendingCommit> write(List<PendingCommit> group) {
        List<PendingCommit> open = group;
        for (int attempt = 1; ; attempt++) {
            Attempt tried = attempt(open);
            Throwable failure = tried.failure;
            if (failure == null) {
                conflicts.add(tried.refused.size());
                tried.refused.forEach(PendingCommit::done);
                count(tried);
                return tried.writers;
            }
            boolean passing = isTransient(failure);
            if (passing && attempt < attempts) {
                LOG.debug("Attempt {} to commit failed, trying again", attempt, failure);
                open = pause(open, attempt, failure);
                if (open.isEmpty()) {
                    return open;
                }
                if (Thread.currentThread().isInterrupted()) {
                    putBack(open);
                    return List.of();
                }
                retries.increment();
            } else if (passing || isUnknown(failure) || open.size() == 1) {
                open.forEach(commit -> commit.done(failed(commit, failure)));
                return List.of();
            } else {
                open.forEach(commit -> write(List.of(commit)).forEach(written -> written.done(null)));
                return List.of();
            }
        }
    }

    /** What came of one attempt: the commits that took part in the write, those refused, and the write's failure. */
    private static final class Attempt {
        final List<Batch> batches = new ArrayList<>();
        final List<PendingCommit> writers = new ArrayList<>();
        final Map<PendingCommit, KeyStoreException> refused = new LinkedHashMap<>();

        @Nullable
        Throwable failure;
    }

    /** Checks and writes a group once; an interrupt of this thread waits, since the others' commits are not its business. */
    private Attempt attempt(List<PendingCommit> open) {
        boolean interrupted = Thread.interrupted();
        try {
            Attempt attempt = check(open);
            if (!attempt.batches.isEmpty()) {
                write(attempt);
            }
            return attempt;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private Attempt check(List<PendingCommit> open) {
        Attempt attempt = new Attempt();
        Map<EntryKey, Entry> ahead = new HashMap<>();
        for (PendingCommit commit : open) {
            try {
                EntryKey changed = firstChanged(commit, ahead);
                if (changed != null) {
                    EntryId entry = changed.entryId();
                    attempt.refused.put(commit, new TransactionConflictException(commit.context.name, entry));
                    continue;
                }
                List<Mutation> mutations = mutations(commit, ahead);
                if (!mutations.isEmpty()) {
                    Context context = commit.context;
                    attempt.batches.add(new Batch(context.name, context.epoch, context.nextSequence(), mutations));
                }
                attempt.writers.add(commit);
                ahead.putAll(commit.writes);
            } catch (KeyStoreException e) {
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
        Pending write = cache.beginWrite(attempt.writers);
        try {
            storage.write(attempt.batches);
            attempt.writers.forEach(cache::publish);
        } catch (RuntimeException | Error e) {
            attempt.failure = e;
            if (isUnknown(e) || e instanceof RollbackFailedException) {
                attempt.writers.forEach(cache::forget);
            }
        } finally {
            cache.endWrite(write, attempt.writers);
        }
    }

    /** Waits before the next attempt, and returns the commits that are still to be written then. */
    private List<PendingCommit> pause(List<PendingCommit> group, int attempt, Throwable failure) {
        long untilNanos = System.nanoTime() + Backoff.nanos(retryNanos, attempt);
        List<PendingCommit> open = new ArrayList<>(group);
        while (true) {
            long now = System.nanoTime();
            long waitNanos = untilNanos - now;
            boolean interrupted = Thread.currentThread().isInterrupted();
            for (PendingCommit commit : List.copyOf(open)) {
                long nanosLeft = commit.deadlineNanos - now;
                boolean itsInterrupt = commit.abandoned || (interrupted && commit.belongsToThisThread());
                if (nanosLeft <= 0 || itsInterrupt) {
                    open.remove(commit);
                    commit.done(gaveUp(commit, nanosLeft > 0, failure));
                }
                waitNanos = Math.min(waitNanos, nanosLeft);
            }
            if (waitNanos <= 0 || open.isEmpty() || interrupted) {
                return open;
            }
            LockSupport.parkNanos(this, waitNanos);
        }
    }

    private void count(Attempt attempt) {
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

    private KeyStoreException failed(PendingCommit commit, Throwable failure) {
        if (failure instanceof RollbackFailedException known) {
            return known;
        }
        if (failure instanceof OwnershipLostException) {
            commit.context.lost = true;
            commit.context.dropCached();
            return new OwnershipLostException(commit.context.name, commit.context.epoch);
        }
        return isUnknown(failure)
                ? unknown(commit, failure)
                : new CommitFailedException(commit.context.name, String.valueOf(failure.getMessage()), failure);
    }

    private static KeyStoreException unknown(PendingCommit commit, Throwable failure) {
        String reason = String.valueOf(failure.getMessage());
        return new CommitOutcomeUnknownException(commit.context.name, commit.entryIds(), reason, failure);
    }

    private KeyStoreException gaveUp(PendingCommit commit, boolean interrupted, @Nullable Throwable failure) {
        if (interrupted) {
            return new OperationInterruptedException("a commit to context \"" + commit.context.name + "\"");
        }
        String reason = "it was not done within " + timeout.toMillis() + " ms";
        return new CommitFailedException(commit.context.name, reason, failure);
    }

    /** Takes no more commits, and waits for those that it has, for at most {@code commitTimeout}. */
    void close() {
        queueLock.lock();
        try {
            closed = true;
            long nanosLeft = timeout.toNanos();
            while (led && nanosLeft > 0) {
                nanosLeft = idle.awaitNanos(nanosLeft);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            queueLock.unlock();
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
