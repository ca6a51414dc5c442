package dev.keystore.core;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.RollbackFailedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes batches to a backend without atomic commits, and rolls back a batch that fails (R42).
 *
 * <p>Recovery: all previous values are read before the first write; if one cannot be read, nothing is written. After a
 * failure, the entries written so far are compared with their previous values, last one first, and written back only
 * where they differ, so a backend on which all writes fail needs no rollback. The state of an entry that can be neither
 * read nor written back is unknown. A crash between two writes leaves part of the batch: such a backend cannot prevent
 * that.
 */
final class RollbackWriter {

    private final ContextAwareBackend backend;
    private final int attempts;
    private final long retryNanos;
    private final long timeoutNanos;

    /**
     * The last write, which the next leader may have to finish. Only the holder of the lead uses it: several pipelines
     * on one backend would need one writer each.
     */
    private @Nullable Write last;

    RollbackWriter(ContextAwareBackend backend, KeyStoreOptions options) {
        this.backend = backend;
        this.attempts = options.commitAttempts();
        this.retryNanos = options.retryDelay().toNanos();
        this.timeoutNanos = options.commitTimeout().toNanos();
    }

    /**
     * Writes a batch.
     *
     * @param stored the same batch with the names that the backend holds; {@link RollbackFailedException} lists entries
     *     by their names in {@code batch}
     */
    void write(Batch batch, Batch stored) {
        Write write = new Write(batch, stored, plan(stored));
        last = write;
        for (EntryChange change : write.changes) {
            write.started++;
            try {
                save(stored.context(), change.entry, change.next);
            } catch (RuntimeException | Error e) {
                rollback(write, e);
                throw nothingWritten(e);
            }
        }
        write.complete = true;
    }

    /** Returns the outcome of a batch whose writing thread failed, after rolling back what it has written. */
    @SuppressWarnings("ReferenceEquality") // this very batch, not an earlier one with equal contents
    WriteOutcome resume(Batch batch, Throwable cause) {
        Write write = last;
        if (write == null || write.batch != batch) {
            return new WriteOutcome.Refused(cause);
        }
        if (write.complete) {
            return new WriteOutcome.Written();
        }
        try {
            rollback(write, cause);
            return new WriteOutcome.Refused(cause);
        } catch (RollbackFailedException e) {
            return new WriteOutcome.Unknown(e);
        }
    }

    private static KeyStoreException nothingWritten(Throwable failure) {
        return failure instanceof OperationInterruptedException
                        || (failure instanceof BackendException known
                                && known.kind() != BackendException.Kind.OUTCOME_UNKNOWN)
                ? (KeyStoreException) failure
                : BackendException.permanent(BackendFailures.reason(failure), failure);
    }

    /** The write of a batch, and its progress. */
    private static final class Write {

        final Batch batch;
        final Batch stored;
        final List<EntryChange> changes;

        /** How many changes were started; the last of them may not be done. */
        int started;

        boolean complete;

        Write(Batch batch, Batch stored, List<EntryChange> changes) {
            this.batch = batch;
            this.stored = stored;
            this.changes = changes;
        }
    }

    private record EntryChange(EntryId entry, Optional<byte[]> previous, Optional<byte[]> next) {}

    private List<EntryChange> plan(Batch batch) {
        try {
            return readPrevious(batch);
        } catch (RuntimeException | Error e) {
            throw nothingWritten(e);
        }
    }

    /** Returns one change per entry, so that an entry in doubt holds either its previous value or its new one. */
    private List<EntryChange> readPrevious(Batch batch) {
        Map<EntryId, Optional<byte[]>> next = new LinkedHashMap<>();
        for (Mutation mutation : batch.mutations()) {
            if (mutation instanceof Mutation.Put put) {
                next.put(new EntryId(put.type(), put.id()), Optional.of(put.value()));
            } else if (mutation instanceof Mutation.Delete delete) {
                next.put(new EntryId(delete.type(), delete.id()), Optional.empty());
            } else if (mutation instanceof Mutation.Clear clear) {
                addCleared(batch.context(), clear, next);
            }
        }
        List<EntryChange> changes = new ArrayList<>();
        for (Map.Entry<EntryId, Optional<byte[]>> change : next.entrySet()) {
            EntryId entry = change.getKey();
            Optional<byte[]> previous = backend.load(batch.context(), entry.type(), entry.id());
            changes.add(new EntryChange(entry, previous, change.getValue()));
        }
        return changes;
    }

    private void addCleared(String context, Mutation.Clear clear, Map<EntryId, Optional<byte[]>> next) {
        for (Iterator<EntryId> earlier = next.keySet().iterator(); earlier.hasNext(); ) {
            if (!clear.keptTypes().contains(earlier.next().type())) {
                earlier.remove();
            }
        }
        try (Stream<EntryId> listed = backend.list(context)) {
            for (Iterator<EntryId> stored = listed.iterator(); stored.hasNext(); ) {
                EntryId entry = stored.next();
                if (!clear.keptTypes().contains(entry.type())) {
                    next.put(entry, Optional.empty());
                }
            }
        }
    }

    private void save(String context, EntryId entry, Optional<byte[]> value) {
        if (value.isPresent()) {
            backend.save(context, entry.type(), entry.id(), value.get());
        } else {
            backend.delete(context, entry.type(), entry.id());
        }
    }

    private void rollback(Write write, Throwable commitFailure) {
        String context = write.stored.context();
        List<EntryChange> written = write.changes.subList(0, write.started);
        long deadlineNanos = System.nanoTime() + timeoutNanos;
        List<EntryId> inDoubt = new ArrayList<>();
        Throwable rollbackFailure = null;
        for (int i = written.size() - 1; i >= 0; i--) {
            try {
                restore(context, written.get(i), deadlineNanos);
            } catch (RuntimeException | Error e) {
                inDoubt.add(written.get(i).entry);
                rollbackFailure = e;
            }
        }
        if (rollbackFailure != null) {
            throw new RollbackFailedException(
                    write.batch.context(),
                    StoredNames.entriesOf(write.batch, write.stored, inDoubt),
                    commitFailure,
                    rollbackFailure);
        }
    }

    /** Writes a previous value back, uninterruptibly: a rollback that stops halfway would leave part of the batch. */
    private void restore(String context, EntryChange change, long deadlineNanos) {
        boolean interrupted = Thread.interrupted();
        try {
            for (int attempt = 1; ; attempt++) {
                try {
                    if (!holdsPrevious(context, change)) {
                        save(context, change.entry, change.previous);
                    }
                    return;
                } catch (RuntimeException e) {
                    boolean interruptedWait = Thread.interrupted() || e instanceof OperationInterruptedException;
                    interrupted |= interruptedWait;
                    boolean mayRetry = interruptedWait || BackendFailures.isTransient(e);
                    if (!mayRetry || attempt == attempts || deadlineNanos - System.nanoTime() <= 0) {
                        throw e;
                    }
                    Uninterruptibles.sleepUninterruptibly(Backoff.nanos(retryNanos, attempt), TimeUnit.NANOSECONDS);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Compares an entry with its previous value. One that cannot be read counts as different, so it is written. */
    private boolean holdsPrevious(String context, EntryChange change) {
        try {
            Optional<byte[]> held = backend.load(context, change.entry.type(), change.entry.id());
            return Arrays.equals(held.orElse(null), change.previous.orElse(null));
        } catch (RuntimeException e) {
            return false;
        }
    }
}
