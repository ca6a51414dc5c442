package dev.keystore.core;

import dev.keystore.CorruptEntryException;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RollbackFailedException;
import dev.keystore.TransactionConflictException;
import dev.keystore.core.CommitGroup.Checked;
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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The write of one group: check what its commits read, call the backend, and bring the cache in line with what came of it.
 * It knows no queue and starts no thread; the holder of the lead calls it, one thread at a time.
 *
 * <p>For each commit in turn it checks that what it read is what is committed, the group's earlier commits included (R24).
 * A commit that fails this check takes no part in the write.
 */
final class GroupWriter {

    private static final Logger LOG = LoggerFactory.getLogger(GroupWriter.class);
    private static final Written WRITTEN = new Written();

    private final EntryCache cache;
    private final Storage storage;

    GroupWriter(EntryCache cache, Storage storage) {
        this.cache = cache;
        this.storage = storage;
    }

    /**
     * Checks a group and writes it. An interrupt of this thread is put aside until the end, since the others' commits are
     * not its business.
     */
    WriteOutcome write(CommitGroup group) {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                try {
                    Checked checked = check(group.requests());
                    if (checked.claim()) {
                        group.checked(checked);
                        return checked.batches().isEmpty() ? WRITTEN : send(group);
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

    private Checked check(List<CommitRequest> requests) {
        List<Batch> batches = new ArrayList<>();
        List<CommitRequest> writers = new ArrayList<>();
        Map<CommitRequest, KeyStoreException> refused = new LinkedHashMap<>();
        Map<EntryKey, Entry> ahead = new HashMap<>();
        for (CommitRequest request : requests) {
            if (request.isOver()) {
                continue;
            }
            try {
                EntryKey changed = firstChanged(request, ahead);
                if (changed != null) {
                    refused.put(request, new TransactionConflictException(request.context.name, changed.entryId()));
                    continue;
                }
                List<Mutation> mutations = mutations(request, ahead);
                if (!mutations.isEmpty()) {
                    Context context = request.context;
                    batches.add(new Batch(context.name, context.epoch, context.nextSequence(), mutations));
                }
                writers.add(request);
                ahead.putAll(request.writes);
            } catch (LoadFailedException | CorruptEntryException e) {
                refused.put(request, CommitFailures.unwritten(request, e));
            }
        }
        return new Checked(batches, writers, refused);
    }

    private @Nullable EntryKey firstChanged(CommitRequest request, Map<EntryKey, Entry> ahead) {
        for (Map.Entry<EntryKey, Entry> read : request.reads.entrySet()) {
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

    private List<Mutation> mutations(CommitRequest request, Map<EntryKey, Entry> ahead) {
        List<Mutation> mutations = new ArrayList<>(request.writes.size() + 1);
        Mutation clear = request.clear();
        if (clear != null) {
            mutations.add(clear);
        }
        for (EntryKey key : request.writes.keySet()) {
            Mutation put = request.put(key);
            if (put != null) {
                mutations.add(put);
            } else if (request.keeps(key.type.name()) && exists(key, ahead.get(key))) {
                mutations.add(new Mutation.Delete(key.type.name(), key.id));
            }
        }
        return mutations;
    }

    /**
     * Loads what a commit deletes: the leader will ask whether it exists (R14), and the others of its group need not wait
     * for that.
     *
     * @throws LoadFailedException if the backend can't say
     */
    void loadDeleted(CommitRequest request) {
        request.writes.forEach((key, entry) -> {
            if (!entry.exists() && request.keeps(key.type.name())) {
                exists(key, null);
            }
        });
    }

    /** A damaged entry exists: deleting it is how one gets rid of it. */
    private boolean exists(EntryKey key, @Nullable Entry ahead) {
        try {
            return (ahead == null ? cache.read(key) : ahead).exists();
        } catch (CorruptEntryException e) {
            return true;
        }
    }

    private WriteOutcome send(CommitGroup group) {
        Checked checked = group.checked();
        cache.beginWrite(group.write, checked.writers());
        group.sent = true;
        WriteOutcome outcome;
        try {
            writeUninterruptibly(checked.batches());
            outcome = WRITTEN;
        } catch (RuntimeException | Error e) {
            outcome = failed(e);
        }
        group.outcome = outcome;
        return outcome;
    }

    /** An interrupt of this thread that ends a wait within the backend is put aside as well: nothing was written then. */
    private void writeUninterruptibly(List<Batch> batches) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    storage.write(batches);
                    return;
                } catch (RuntimeException e) {
                    boolean cutShort = e instanceof OperationInterruptedException
                            || (CommitFailures.isTransient(e)
                                    && Thread.currentThread().isInterrupted());
                    if (!cutShort) {
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

    private WriteOutcome failed(Throwable failure) {
        if (CommitFailures.isTransient(failure)) {
            return new Retry(failure);
        }
        if (CommitFailures.isUnknown(failure)) {
            return storage.hasOwnership() ? new InDoubt(failure) : new Unknown(failure);
        }
        return failure instanceof RollbackFailedException ? new Unknown(failure) : new Refused(failure);
    }

    /** Returns what came of a group whose leader is gone: as far as the backend can tell. */
    WriteOutcome resume(CommitGroup group, Throwable cause) {
        WriteOutcome known = group.outcome;
        if (known != null) {
            return known;
        }
        if (!group.sent) {
            return new Refused(cause);
        }
        WriteOutcome rolledBack = storage.rollBack(group.checked().batches(), cause);
        return rolledBack == null ? failed(new LeaderGoneError(cause)) : rolledBack;
    }

    /** Stands for whatever a leader threw that is gone: like any error, it leaves the outcome open. */
    private static final class LeaderGoneError extends Error {

        private static final long serialVersionUID = 1L;

        LeaderGoneError(Throwable cause) {
            super("the thread that wrote it failed: " + cause, cause);
        }
    }

    /**
     * Sends a group in doubt once more, with the ids of its first sending: it is written once (R54).
     *
     * <p>What the backend says is of this sending, and not of the first.
     *
     * @throws RuntimeException if the backend failed in a way that another try does not help
     */
    WriteOutcome sendAgain(CommitGroup group, InDoubt doubt) {
        Checked checked = group.checked();
        try {
            storage.write(checked.batches());
            return WRITTEN;
        } catch (ClosedException e) {
            return new Unknown(doubt.cause());
        } catch (OwnershipLostException e) {
            return lost(checked, doubt, e);
        } catch (BackendException e) {
            if (e.kind() == BackendException.Kind.PERMANENT) {
                throw e;
            }
            LOG.debug("The outcome of a write is still unknown", e);
            return doubt;
        }
    }

    /** Once a context is lost, the group is not sent again as it was: the outcome is that of its first sending. */
    private WriteOutcome lost(Checked checked, InDoubt doubt, OwnershipLostException loss) {
        try {
            boolean unwritten = isUnwritten(checked);
            checked.writers().stream()
                    .map(writer -> writer.context)
                    .filter(context -> context.name.equals(loss.context()))
                    .forEach(Context::lose);
            return unwritten ? new Refused(loss) : new Unknown(doubt.cause());
        } catch (ClosedException e) {
            return new Unknown(doubt.cause());
        } catch (RuntimeException e) {
            LOG.debug("The outcome of a write is still unknown", e);
            return doubt;
        }
    }

    /** Returns whether it is known that nothing was written; throws if the backend may know that at another time. */
    private boolean isUnwritten(Checked checked) {
        try {
            return storage.isUnwritten(checked.batches());
        } catch (BackendException e) {
            if (e.kind() != BackendException.Kind.PERMANENT) {
                throw e;
            }
            LOG.debug("The outcome of a write stays unknown", e);
            return false;
        }
    }

    /** Brings the cache in line with an outcome that is known. Doing it again does nothing more. */
    void finish(CommitGroup group, WriteOutcome outcome) {
        List<CommitRequest> writers = group.checked().writers();
        for (CommitRequest writer : writers) {
            if (outcome instanceof Written) {
                cache.publish(writer);
            } else if (outcome instanceof Unknown || writer.cleared()) {
                // A load alongside a clear without atomic commits may have seen what was rolled back since.
                cache.forget(writer);
            }
        }
        cache.endWrite(group.write, writers);
    }
}
