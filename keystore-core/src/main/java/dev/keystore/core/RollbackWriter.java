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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes batches to a backend without atomic commits, and takes back what a failed one has written (R42).
 *
 * <p>Recovery: every previous value is read before the first write, and if one can't be read nothing is written. After a
 * failure each entry touched so far, the last one first, is compared with its previous value and written only where it
 * differs: a backend that fails all its writes has nothing to be undone. What can neither be read nor written back is in
 * doubt. A crash between two writes leaves part of the batch: that is what such a backend cannot promise.
 */
final class RollbackWriter {

    private final ContextAwareBackend backend;
    private final int attempts;
    private final long retryNanos;
    private final long timeoutNanos;

    /** The last write, for whoever has to finish it: one thread at a time, each after the other. */
    private @Nullable Write last;

    RollbackWriter(ContextAwareBackend backend, KeyStoreOptions options) {
        this.backend = backend;
        this.attempts = options.commitAttempts();
        this.retryNanos = options.retryDelay().toNanos();
        this.timeoutNanos = options.commitTimeout().toNanos();
    }

    void write(Batch batch) {
        Write write = new Write(batch, plan(batch));
        last = write;
        for (Step step : write.steps) {
            write.begun++;
            try {
                save(batch.context(), step.entry, step.next);
            } catch (RuntimeException | Error e) {
                rollback(write, e);
                throw nothingWritten(e);
            }
        }
        write.complete = true;
    }

    /** Finds out what became of a batch whose writing thread is gone, and rolls back what is left of it. */
    @SuppressWarnings("ReferenceEquality") // this batch, and not one that was written before with the same contents
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
                : BackendException.permanent(String.valueOf(failure.getMessage()), failure);
    }

    /** A write of a batch, and how far it has come. */
    private static final class Write {

        final Batch batch;
        final List<Step> steps;

        /** Of so many steps, the last of which may not be done, the entries may have changed. */
        int begun;

        boolean complete;

        Write(Batch batch, List<Step> steps) {
            this.batch = batch;
            this.steps = steps;
        }
    }

    private record Step(EntryId entry, Optional<byte[]> previous, Optional<byte[]> next) {}

    private List<Step> plan(Batch batch) {
        try {
            return readPrevious(batch);
        } catch (RuntimeException | Error e) {
            throw nothingWritten(e);
        }
    }

    /** One step for each entry, so that an entry in doubt holds its previous value or its new one. */
    private List<Step> readPrevious(Batch batch) {
        Map<EntryId, Optional<byte[]>> next = new LinkedHashMap<>();
        for (Mutation mutation : batch.mutations()) {
            if (mutation instanceof Mutation.Put put) {
                next.put(new EntryId(put.type(), put.id()), Optional.of(put.value()));
            } else if (mutation instanceof Mutation.Delete delete) {
                next.put(new EntryId(delete.type(), delete.id()), Optional.empty());
            } else if (mutation instanceof Mutation.Clear clear) {
                next.keySet().removeIf(entry -> !clear.keptTypes().contains(entry.type()));
                try (Stream<EntryId> listed = backend.list(batch.context())) {
                    listed.filter(entry -> !clear.keptTypes().contains(entry.type()))
                            .forEach(entry -> next.put(entry, Optional.empty()));
                }
            }
        }
        List<Step> steps = new ArrayList<>();
        next.forEach((entry, value) ->
                steps.add(new Step(entry, backend.load(batch.context(), entry.type(), entry.id()), value)));
        return steps;
    }

    private void save(String context, EntryId entry, Optional<byte[]> value) {
        if (value.isPresent()) {
            backend.save(context, entry.type(), entry.id(), value.get());
        } else {
            backend.delete(context, entry.type(), entry.id());
        }
    }

    private void rollback(Write write, Throwable commitFailure) {
        String context = write.batch.context();
        List<Step> written = write.steps.subList(0, write.begun);
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
            throw new RollbackFailedException(context, inDoubt, commitFailure, rollbackFailure);
        }
    }

    /** Puts an entry back, deaf to interrupts: an entry half-way put back is nobody's wish. */
    private void restore(String context, Step step, long deadlineNanos) {
        boolean interrupted = Thread.interrupted();
        try {
            for (int attempt = 1; ; attempt++) {
                try {
                    if (!holdsPrevious(context, step)) {
                        save(context, step.entry, step.previous);
                    }
                    return;
                } catch (RuntimeException e) {
                    boolean cutShort = Thread.interrupted() || e instanceof OperationInterruptedException;
                    interrupted |= cutShort;
                    boolean passing = cutShort || isTransient(e);
                    if (!passing || attempt == attempts || deadlineNanos - System.nanoTime() <= 0) {
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

    private static boolean isTransient(RuntimeException failure) {
        return failure instanceof BackendException known && known.kind() == BackendException.Kind.TRANSIENT;
    }

    /** A value that can't be read is taken to differ: it is written, which puts it right whatever it is. */
    private boolean holdsPrevious(String context, Step step) {
        try {
            Optional<byte[]> held = backend.load(context, step.entry.type(), step.entry.id());
            return Arrays.equals(held.orElse(null), step.previous.orElse(null));
        } catch (RuntimeException e) {
            return false;
        }
    }
}
