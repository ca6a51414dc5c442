package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.Mutation;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;

/** The common part of the tests of owned contexts. */
abstract class OwnershipContract extends Contract {

    private final AtomicLong sequence = new AtomicLong();

    OwnershipContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(ContextOwnership.class);
    }

    final ContextOwnership owned() {
        return backend().require(ContextOwnership.class);
    }

    /** Opens the backend once more, like another process. */
    final ContextOwnership openedAgain() throws Exception {
        return openedAnother().require(ContextOwnership.class);
    }

    /** Opens the backend once more, like another process, to be closed before this one. */
    final BackendUnderTest openedAnother() throws Exception {
        skipUnlessPersistent();
        return openAnother();
    }

    final ContextOwnership anotherOwner() throws Exception {
        ContextOwnership other = openedAgain();
        Assumptions.assumeTrue(!other.equals(owned()), "opening the backend twice returned the same object");
        return other;
    }

    final long takeOver() {
        return owned().takeOver(CONTEXT);
    }

    final void commit(long epoch, Mutation... mutations) {
        commit(CONTEXT, epoch, mutations);
    }

    final void commit(String context, long epoch, Mutation... mutations) {
        owned().commit(new Batch(context, epoch, sequence.incrementAndGet(), List.of(mutations)));
    }

    final void assertRefused(long epoch, Mutation... mutations) {
        assertRefused(CONTEXT, epoch, mutations);
    }

    final void assertRefused(String context, long epoch, Mutation... mutations) {
        assertThatExceptionOfType(OwnershipLostException.class)
                .isThrownBy(() -> commit(context, epoch, mutations))
                .satisfies(refusal -> assertThat(refusal.context()).isEqualTo(context));
    }
}
