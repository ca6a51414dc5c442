package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.EmptinessCheck;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A backend knows whether it holds any entry. */
abstract class EmptinessContract extends Contract {

    EmptinessContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(EmptinessCheck.class);
    }

    private void assertEmpty(boolean expected) {
        assertThat(backend().require(EmptinessCheck.class).isEmpty())
                .as("is empty")
                .isEqualTo(expected);
    }

    @Test
    @DisplayName("R72 a backend is empty until its first entry is saved, and once its last entry is deleted")
    void isEmpty_beforeTheFirstAndAfterTheLast() {
        assertEmpty(true);
        entries().save(CONTEXT, TYPE, "1", bytes("value"));
        assertEmpty(false);
        entries().save(CONTEXT, TYPE, "2", bytes("value"));
        entries().delete(CONTEXT, TYPE, "1");
        assertEmpty(false);
        entries().delete(CONTEXT, TYPE, "2");
        assertEmpty(true);
        entries().load(CONTEXT, TYPE, "1");
        assertEmpty(true);
    }

    @Test
    @DisplayName("R72 an entry of any type in any context makes a backend not empty")
    void isEmpty_entryOfAnyContext_isFalse() {
        entries().save("another context", "_store", "mark", new byte[0]);

        assertEmpty(false);
    }
}
