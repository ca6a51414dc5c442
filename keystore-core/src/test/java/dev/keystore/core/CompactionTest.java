package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.keystore.CompactionFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.OperationInterruptedException;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A database compacts its backend. */
@Timeout(60)
class CompactionTest {

    @Test
    @DisplayName("R74 the database compacts a backend that can do that, once for each call")
    void compact_callsTheBackend() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.alice.put(KeyTypes.SESSION, "bob.1", bytes("value"));
            fixture.database.compact();
            assertThat(fixture.faults.calls(Operation.COMPACT)).hasSize(1);
            assertThat(fixture.alice.find(KeyTypes.SESSION, "bob.1")).hasValue(bytes("value"));
        }
    }

    @ParameterizedTest
    @EnumSource(names = "COMPLETE", mode = EnumSource.Mode.EXCLUDE)
    @DisplayName("R74 on a backend that can't be compacted, that is refused, and the message names its class")
    void compact_unsupported_namesTheBackend(Kind kind) {
        try (Fixture fixture = Fixture.of(kind)) {
            assertThatExceptionOfType(UnsupportedOperationException.class)
                    .isThrownBy(fixture.database::compact)
                    .withMessageContaining("dev.keystore.testkit.FaultyBackend")
                    .withMessageContaining("does not implement Compaction")
                    .withMessageContaining("nothing was changed");
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R74 a failed compaction says so with its reason, and the database stays usable")
    void compact_failed_saysSo(BackendException.Kind kind) {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.faults.on(Operation.COMPACT).fail(Moment.BEFORE, kind);
            assertThatExceptionOfType(CompactionFailedException.class)
                    .isThrownBy(fixture.database::compact)
                    .withMessageContaining("all entries are unchanged")
                    .withMessageContaining("Injected failure")
                    .withCauseInstanceOf(BackendException.class);
            fixture.alice.put(KeyTypes.SESSION, "bob.1", bytes("value"));
            fixture.database.compact();
        }
    }

    @Test
    @DisplayName("R27 R74 an interrupt that ends a compaction is reported as such, and the flag is kept")
    void compact_interrupted_isAnInterruption() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.faults.on(Operation.COMPACT).fail(Moment.BEFORE, () -> new OperationInterruptedException("a test"));
            assertThatExceptionOfType(OperationInterruptedException.class).isThrownBy(fixture.database::compact);
            assertThat(Thread.interrupted()).as("flag").isTrue();
            fixture.database.compact();
        }
    }

    @Test
    @DisplayName("R28 a closed database refuses to be compacted")
    void compact_closed_isRefused() {
        Fixture fixture = Fixture.of(Kind.COMPLETE);
        fixture.close();
        assertThatIllegalStateException().isThrownBy(fixture.database::compact);
        assertThat(fixture.faults.calls(Operation.COMPACT)).isEmpty();
    }
}
