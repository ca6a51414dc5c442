package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.RollbackFailedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

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

    RollbackWriter(ContextAwareBackend backend, KeyStoreOptions options) {
        this.backend = backend;
        this.attempts = options.commitAttempts();
        this.retryNanos = options.retryDelay().toNanos();
    }

    void write(Batch batch) {
        List<Step> steps = plan(batch);
        for (int i = 0; i < steps.size(); i++) {
            try {
                Step step = steps.get(i);
                save(batch.context(), step.entry, step.next);
            } catch (RuntimeException | Error e) {
                rollback(batch.context(), steps.subList(0, i + 1), e);
                throw e instanceof BackendException known && known.kind() != BackendException.Kind.OUTCOME_UNKNOWN
                        ? known
                        : BackendException.permanent(String.valueOf(e.getMessage()), e);
            }
        }
    }

    private record Step(EntryId entry, Optional<byte[]> previous, Optional<byte[]> next) {}

    private List<Step> plan(Batch batch) {
        List<Step> steps = new ArrayList<>();
        for (Mutation mutation : batch.mutations()) {
            if (mutation instanceof Mutation.Put put) {
                steps.add(step(batch.context(), new EntryId(put.type(), put.id()), Optional.of(put.value())));
            } else if (mutation instanceof Mutation.Delete delete) {
                steps.add(step(batch.context(), new EntryId(delete.type(), delete.id()), Optional.empty()));
            } else if (mutation instanceof Mutation.Clear clear) {
                try (Stream<EntryId> listed = backend.list(batch.context())) {
                    listed.filter(entry -> !clear.keptTypes().contains(entry.type()))
                            .toList()
                            .forEach(entry -> steps.add(step(batch.context(), entry, Optional.empty())));
                }
            }
        }
        return steps;
    }

    private Step step(String context, EntryId entry, Optional<byte[]> next) {
        return new Step(entry, backend.load(context, entry.type(), entry.id()), next);
    }

    private void save(String context, EntryId entry, Optional<byte[]> value) {
        if (value.isPresent()) {
            backend.save(context, entry.type(), entry.id(), value.get());
        } else {
            backend.delete(context, entry.type(), entry.id());
        }
    }

    private void rollback(String context, List<Step> written, Throwable commitFailure) {
        List<EntryId> inDoubt = new ArrayList<>();
        Throwable rollbackFailure = null;
        for (int i = written.size() - 1; i >= 0; i--) {
            try {
                restore(context, written.get(i));
            } catch (RuntimeException | Error e) {
                inDoubt.add(written.get(i).entry);
                rollbackFailure = e;
            }
        }
        if (rollbackFailure != null) {
            throw new RollbackFailedException(context, inDoubt, commitFailure, rollbackFailure);
        }
    }

    private void restore(String context, Step step) {
        for (int attempt = 1; ; attempt++) {
            try {
                if (!holdsPrevious(context, step)) {
                    save(context, step.entry, step.previous);
                }
                return;
            } catch (BackendException e) {
                if (e.kind() != BackendException.Kind.TRANSIENT || attempt == attempts) {
                    throw e;
                }
                LockSupport.parkNanos(this, Backoff.nanos(retryNanos, attempt));
            }
        }
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
