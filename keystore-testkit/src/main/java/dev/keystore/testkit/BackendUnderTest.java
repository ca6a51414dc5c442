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
 * The backend that is tested: its entries whether or not it knows contexts, and what it claims. It is the owner of each
 * context that it commits to, where there are owners.
 */
final class BackendUnderTest {

    private final Backend backend;
    private final ContextAwareBackend entries;
    private final Map<String, Long> epochs = new ConcurrentHashMap<>();
    private final AtomicLong sequence = new AtomicLong();

    BackendUnderTest(Backend backend) {
        this.backend = backend;
        this.entries = backend instanceof PersistenceBackend contextFree
                ? new DefaultContext(contextFree)
                : (ContextAwareBackend) backend;
    }

    ContextAwareBackend entries() {
        return entries;
    }

    void close() {
        backend.close();
    }

    /** Returns the backend as what it claims to be; without that claim, the test is skipped. */
    <C> C claimed(Class<C> capability) {
        Assumptions.assumeTrue(
                capability.isInstance(backend),
                () -> backend.getClass().getSimpleName() + " does not claim " + capability.getSimpleName());
        return capability.cast(backend);
    }

    boolean claims(Class<?> capability) {
        return capability.isInstance(backend);
    }

    void commit(String context, Mutation... mutations) {
        commit(context, List.of(mutations));
    }

    void commit(String context, List<Mutation> mutations) {
        claimed(AtomicCommit.class).commit(batch(context, mutations));
    }

    Batch batch(String context, Mutation... mutations) {
        return batch(context, List.of(mutations));
    }

    Batch batch(String context, List<Mutation> mutations) {
        return new Batch(context, epoch(context), sequence.incrementAndGet(), mutations);
    }

    /** Writes many entries in the fastest way there is. */
    void putAll(String context, List<Mutation.Put> puts) {
        if (claims(AtomicCommit.class)) {
            commit(context, List.copyOf(puts));
        } else {
            puts.forEach(put -> entries.save(context, put.type(), put.id(), put.value()));
        }
    }

    private long epoch(String context) {
        return backend instanceof ContextOwnership owned ? epochs.computeIfAbsent(context, owned::takeOver) : 0;
    }
}
