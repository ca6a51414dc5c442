package dev.keystore.core;

import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RollbackFailedException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.CommitGroup.CheckResult;
import dev.keystore.core.CommitState.Conflict;
import dev.keystore.core.CommitState.Done;
import dev.keystore.core.CommitState.Ended;
import dev.keystore.core.WriteOutcome.InDoubt;
import dev.keystore.core.WriteOutcome.Refused;
import dev.keystore.core.WriteOutcome.Retry;
import dev.keystore.core.WriteOutcome.Unknown;
import dev.keystore.core.WriteOutcome.Written;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes one group: checks and prepares its commits, calls the backend, and updates the cache according to the outcome.
 * It knows no queue and starts no thread. Only the holder of the lead calls it.
 *
 * <p>The check asks whether the context of each commit still takes commits ({@link Context#refusal}), and compares what
 * the commit read with what is committed, including the earlier commits of the group (R24). A commit that fails it is
 * left out of the write. The others are prepared: a commit whose sealer was replaced since it was sealed is sealed
 * again, it takes the next number of its context, and an entry for the freshness anchor may be attached.
 */
final class GroupWriter {

    private static final Logger LOG = LoggerFactory.getLogger(GroupWriter.class);
    private static final Written WRITTEN = new Written();

    private final EntryCache cache;
    private final Storage storage;
    private final EngineEvents events;

    GroupWriter(EntryCache cache, Storage storage, EngineEvents events) {
        this.cache = cache;
        this.storage = storage;
        this.events = events;
    }

    /**
     * Checks a group and writes it, uninterruptibly.
     *
     * @return the outcome of the write; a commit that failed the check is in {@link CheckResult#failed}
     */
    WriteOutcome write(CommitGroup group) {
        CheckResult checked = uninterruptibly(new Supplier<>() {
            @Override
            public CheckResult get() {
                return checkAndBeginWriting(group.requests());
            }
        });
        group.recordCheck(checked);
        return checked.batches().isEmpty() ? WRITTEN : send(group);
    }

    private CheckResult checkAndBeginWriting(List<CommitRequest> requests) {
        CheckResult checked = check(requests);
        while (!checked.beginWriting()) {
            checked = check(requests);
        }
        return checked;
    }

    /** Checks each commit, then creates its batch, since the next one is checked against those that will be written. */
    private CheckResult check(List<CommitRequest> requests) {
        List<Batch> batches = new ArrayList<>();
        List<CommitRequest> passed = new ArrayList<>();
        Map<CommitRequest, Done> failed = new LinkedHashMap<>();
        Map<EntryKey, Entry> earlier = new HashMap<>();
        for (CommitRequest request : requests) {
            if (request.state.isFinished()) {
                continue;
            }
            try {
                Done refusal = refusal(request, earlier);
                if (refusal != null) {
                    failed.put(request, refusal);
                    continue;
                }
                Batch batch = batchOf(request, earlier);
                if (batch != null) {
                    batches.add(batch);
                }
                passed.add(request);
                earlier.putAll(request.contents.writes);
            } catch (LoadFailedException | UnreadableEntryException e) {
                failed.put(request, new Ended(CommitFailures.unwritten(request, e)));
            }
        }
        return new CheckResult(batches, passed, failed);
    }

    /** Returns the end of a commit whose context refuses commits, or that read what has changed since; or null. */
    private @Nullable Done refusal(CommitRequest request, Map<EntryKey, Entry> earlier) {
        KeyStoreException refusal = request.context().refusal();
        if (refusal != null) {
            return new Ended(refusal);
        }
        EntryKey changed = firstChanged(request.contents, earlier);
        return changed == null ? null : new Conflict(changed.entryId());
    }

    /** Returns the first key that a commit read and that has changed since, or null. */
    private @Nullable EntryKey firstChanged(CommitContents commit, Map<EntryKey, Entry> earlier) {
        for (Map.Entry<EntryKey, Entry> read : commit.reads.entrySet()) {
            Entry next = earlier.get(read.getKey());
            boolean current = next == null
                    ? cache.isCurrent(read.getKey(), read.getValue())
                    : next.sameContentsAs(read.getValue());
            if (!current) {
                return read.getKey();
            }
        }
        return null;
    }

    /** Returns what a commit that has passed its check writes, with the next number, or null if that is nothing. */
    private @Nullable Batch batchOf(CommitRequest request, Map<EntryKey, Entry> earlier) {
        Context context = request.context();
        request.sealAgainIfOutdated();
        List<Mutation> mutations = new ArrayList<>(mutations(request.contents, earlier));
        FreshnessEntry attached = request.contents.chooseFreshnessEntry(!mutations.isEmpty());
        if (attached != null) {
            mutations.add(attached.put(context.name()));
        }
        // A group that is checked again takes further numbers: they only have to increase (R54).
        return mutations.isEmpty()
                ? null
                : new Batch(context.name(), context.epoch(), context.nextSequence(), mutations);
    }

    private List<Mutation> mutations(CommitContents commit, Map<EntryKey, Entry> earlier) {
        StoredWrite storedWrite = commit.storedWrite();
        if (storedWrite != null) {
            return storedWrite.decide(storage);
        }
        List<Mutation> mutations = new ArrayList<>(commit.writes.size() + 1);
        Mutation clear = commit.clear();
        if (clear != null) {
            mutations.add(clear);
        }
        Mutation keys = commit.unwrittenKeys();
        if (keys != null) {
            mutations.add(keys);
        }
        for (EntryKey key : commit.writes.keySet()) {
            Mutation put = commit.put(key);
            if (put != null) {
                mutations.add(put);
            } else if (commit.keeps(key.type.name()) && exists(key, earlier.get(key))) {
                mutations.add(new Mutation.Delete(key.type.name(), key.id));
            }
        }
        return mutations;
    }

    /** Returns whether a key exists after the earlier commits of the group. */
    private boolean exists(EntryKey key, @Nullable Entry earlier) {
        return earlier == null ? cache.exists(key) : earlier.exists();
    }

    private WriteOutcome send(CommitGroup group) {
        CheckResult checked = group.checked();
        cache.beginWrite(group.inFlightWrite(), checked.passed());
        group.startMeasuring(events);
        group.markSent();
        WriteOutcome outcome;
        try {
            outcome = uninterruptibly(new Supplier<>() {
                @Override
                public WriteOutcome get() {
                    return writeBatches(group);
                }
            });
        } catch (RuntimeException | Error e) {
            outcome = classify(e);
        }
        group.outcome = outcome;
        return outcome;
    }

    private WriteOutcome writeBatches(CommitGroup group) {
        events.beginFsyncs(group.measured());
        try {
            storage.write(group.checked().batches());
            return WRITTEN;
        } finally {
            events.endFsyncs(group.measured());
        }
    }

    /**
     * Runs work, and repeats it if an interrupt of this thread ended a wait inside it: nothing was written then. The
     * thread's interrupt must not affect other threads' commits; its flag is cleared meanwhile and restored at the end.
     */
    private static <T> T uninterruptibly(Supplier<T> work) {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                try {
                    return work.get();
                } catch (RuntimeException e) {
                    boolean interruptedWait = e instanceof OperationInterruptedException
                            || (BackendFailures.isTransient(e)
                                    && Thread.currentThread().isInterrupted());
                    if (!interruptedWait) {
                        throw e;
                    }
                    interrupted = true;
                    Thread.interrupted();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private WriteOutcome classify(Throwable failure) {
        if (BackendFailures.isTransient(failure)) {
            return new Retry(failure);
        }
        if (BackendFailures.isOutcomeUnknown(failure)) {
            return classifyUnknown(failure);
        }
        return failure instanceof RollbackFailedException ? new Unknown(failure) : new Refused(failure);
    }

    /** Returns the outcome of a write that may have happened: only ownership makes it possible to find that out. */
    private WriteOutcome classifyUnknown(Throwable failure) {
        return storage.hasOwnership() ? new InDoubt(failure) : new Unknown(failure);
    }

    /** Returns the outcome of a group whose leader failed with {@code cause}, as far as the backend can tell. */
    WriteOutcome resume(CommitGroup group, Throwable cause) {
        WriteOutcome known = group.outcome;
        if (known != null) {
            return known;
        }
        if (!group.isSent()) {
            return new Refused(cause);
        }
        WriteOutcome resumed = storage.resumeWrite(group.checked().batches(), cause);
        return resumed == null ? classifyUnknown(cause) : resumed;
    }

    /**
     * Sends a group in doubt again, with the same commit ids, so that it is applied exactly once (R54).
     *
     * @return the outcome of the first write or of this one, or {@code doubt} if it is still unknown
     * @throws RuntimeException if the backend failed in a way that may recur each time
     */
    WriteOutcome sendAgain(CommitGroup group, InDoubt doubt) {
        CheckResult checked = group.checked();
        try {
            return writeBatches(group);
        } catch (ClosedException e) {
            return new Unknown(doubt.cause());
        } catch (OwnershipLostException e) {
            return outcomeOfFirstWrite(checked, doubt, e);
        } catch (BackendException e) {
            if (BackendFailures.isPermanent(e)) {
                throw e;
            }
            LOG.debug("The outcome of a write is still unknown", e);
            return doubt;
        }
    }

    /**
     * Returns the outcome of the first write of a group that cannot be sent again, since one of its contexts is lost.
     */
    private WriteOutcome outcomeOfFirstWrite(CheckResult checked, InDoubt doubt, OwnershipLostException failure) {
        try {
            return isUnwritten(checked) ? new Refused(failure) : new Unknown(doubt.cause(), failure);
        } catch (ClosedException e) {
            return new Unknown(doubt.cause());
        } catch (RuntimeException e) {
            LOG.debug("The outcome of a write is still unknown", e);
            return doubt;
        }
    }

    /** Returns whether the backend knows that nothing was written; throws if it may be able to tell later. */
    private boolean isUnwritten(CheckResult checked) {
        try {
            return storage.isUnwritten(checked.batches());
        } catch (BackendException e) {
            if (!BackendFailures.isPermanent(e)) {
                throw e;
            }
            LOG.debug("The outcome of a write remains unknown", e);
            return false;
        }
    }

    /** Marks the context that another owner has taken over, and drops what is cached of it. */
    private static void markLost(List<CommitRequest> commits, OwnershipLostException failure) {
        for (CommitRequest commit : commits) {
            if (commits.size() == 1 || commit.context().name().equals(failure.context())) {
                commit.context().markOwnershipLost();
            }
        }
    }

    /** Updates the cache according to a known outcome. Idempotent, since another leader may have to repeat it. */
    void updateCache(CommitGroup group, WriteOutcome outcome) {
        List<CommitRequest> passed = group.checked().passed();
        OwnershipLostException lost = lostOwnership(outcome);
        if (lost != null) {
            markLost(passed, lost);
        }
        for (CommitRequest request : passed) {
            CommitContents commit = request.contents;
            if (outcome instanceof Written) {
                commit.recordDurable();
                cache.publish(commit);
            } else if (outcome instanceof Unknown) {
                commit.recordUnknown();
                cache.forget(commit);
            } else if (commit.clears()) {
                // Without atomic commits, a load during a clear may have read what was rolled back afterwards.
                cache.forget(commit);
            }
        }
        cache.endWrite(group.inFlightWrite(), passed);
    }

    /** Returns what shows that a context of the group is lost, or null. */
    private static @Nullable OwnershipLostException lostOwnership(WriteOutcome outcome) {
        if (outcome instanceof Unknown unknown) {
            return unknown.lost();
        }
        return outcome instanceof Refused refused && refused.cause() instanceof OwnershipLostException lost
                ? lost
                : null;
    }
}
