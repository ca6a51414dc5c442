package dev.keystore.testkit;

import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Mutation;
import org.junit.jupiter.api.BeforeEach;

/** Tests that hold for both ways to write: single saves and deletes, and batches, which the engine prefers. */
abstract class WritingContract extends Contract {

    private final Way way;

    WritingContract(BackendFixture fixture, Way way) {
        super(fixture);
        this.way = way;
    }

    enum Way {
        BY_SAVE,
        BY_COMMIT
    }

    @BeforeEach
    final void requireCapability() {
        if (way == Way.BY_COMMIT) {
            backend().require(AtomicCommit.class);
        }
    }

    final void save(String context, String type, String id, byte[] value) {
        if (way == Way.BY_COMMIT) {
            backend().commit(context, new Mutation.Put(type, id, value));
        } else {
            entries().save(context, type, id, value);
        }
    }

    final void save(String id, String value) {
        save(CONTEXT, TYPE, id, bytes(value));
    }

    final void remove(String context, String type, String id) {
        if (way == Way.BY_COMMIT) {
            backend().commit(context, new Mutation.Delete(type, id));
        } else {
            entries().delete(context, type, id);
        }
    }

    final void remove(String id) {
        remove(CONTEXT, TYPE, id);
    }
}
