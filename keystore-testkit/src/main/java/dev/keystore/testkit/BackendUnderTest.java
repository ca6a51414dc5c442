package dev.keystore.testkit;

import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PersistenceBackend;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Assumptions;

/**
 * The backend that is tested: its entries, with or without contexts, and its capabilities. Where contexts have owners,
 * it takes over each context before the first commit to it.
 */
final class BackendUnderTest {

    private final Backend backend;
    private final ContextAwareBackend entries;
    private final Map<String, Long> epochs = new ConcurrentHashMap<>();
    private final AtomicLong sequence = new AtomicLong();

    private boolean closed;

    BackendUnderTest(Backend backend) {
        this.backend = backend;
        this.entries = backend instanceof PersistenceBackend contextFree
                ? ContextAwareBackend.of(contextFree)
                : (ContextAwareBackend) backend;
    }

    ContextAwareBackend entries() {
        return entries;
    }

    /** Closes the backend, once. */
    void close() {
        if (!closed) {
            closed = true;
            backend.close();
        }
    }

    /** Returns the backend as an implementation of a capability; if it does not implement it, the test is skipped. */
    <C> C require(Class<C> capability) {
        Assumptions.assumeTrue(
                capability.isInstance(backend),
                () -> backend.getClass().getSimpleName() + " does not implement " + capability.getSimpleName());
        return capability.cast(backend);
    }

    boolean supports(Class<?> capability) {
        return capability.isInstance(backend);
    }

    void commit(String context, Mutation... mutations) {
        commit(context, List.of(mutations));
    }

    void commit(String context, List<Mutation> mutations) {
        require(AtomicCommit.class).commit(batch(context, mutations));
    }

    Batch batch(String context, Mutation... mutations) {
        return batch(context, List.of(mutations));
    }

    Batch batch(String context, List<Mutation> mutations) {
        return new Batch(context, epoch(context), sequence.incrementAndGet(), mutations);
    }

    /** Writes many entries, in one batch if the backend has batches. */
    void putAll(String context, List<Mutation.Put> puts) {
        if (supports(AtomicCommit.class)) {
            commit(context, List.copyOf(puts));
        } else {
            puts.forEach(put -> entries.save(context, put.type(), put.id(), put.value()));
        }
    }

    private long epoch(String context) {
        return backend instanceof ContextOwnership owned ? epochs.computeIfAbsent(context, owned::takeOver) : 0;
    }
}
