package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.CorruptEntryException;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.RollbackFailedException;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Interrupts while the backend reads or opens, in each form in which a backend may report them. */
@Timeout(60)
class InterruptionTest {

    /** The ways in which a backend ends a call because its thread was interrupted. */
    enum Form {
        FAILURE(() -> interrupted(BackendException.permanent("broken off", null))),
        TRANSIENT_FAILURE(() -> interrupted(BackendException.transientFailure("broken off", null))),
        UNCHECKED(() -> interrupted(new UncheckedIOException(new ClosedByInterruptException()))),
        ITSELF(() -> interrupted(new OperationInterruptedException("the file"))),
        ITSELF_WITHOUT_FLAG(() -> new OperationInterruptedException("the file"));

        @SuppressWarnings("ImmutableEnumChecker") // the suppliers keep nothing
        private final Supplier<RuntimeException> failures;

        Form(Supplier<RuntimeException> failures) {
            this.failures = failures;
        }

        /** Returns whether it reports an ended wait, after which nothing is written and the commit is sent again. */
        boolean endsAWait() {
            return this == ITSELF || this == ITSELF_WITHOUT_FLAG || this == TRANSIENT_FAILURE;
        }

        private static RuntimeException interrupted(RuntimeException failure) {
            Thread.currentThread().interrupt();
            return failure;
        }
    }

    @AfterEach
    void clearFlag() {
        assertThat(Thread.interrupted()).as("the tests leave no flag").isFalse();
    }

    private static void assertInterrupted(String name, Form form, Runnable call) {
        Throwable thrown = catchThrowable(call::run);
        assertThat(Thread.interrupted()).as("the flag after %s", name).isTrue();
        assertThat(thrown).as(name).isInstanceOf(OperationInterruptedException.class);
        if (form.name().startsWith("ITSELF")) {
            assertThat(thrown).as(name).hasStackTraceContaining("Interrupted while waiting for the file");
        } else {
            assertThat(thrown.getCause()).as(name).isNotNull();
        }
    }

    private static Map<String, Consumer<Fixture>> reads() {
        Map<String, Consumer<Fixture>> reads = new LinkedHashMap<>();
        reads.put("find", fixture -> fixture.find("x"));
        reads.put("get", fixture -> fixture.alice.get(KeyTypes.SESSION, List.of("x", "y")));
        reads.put("credentials", fixture -> fixture.alice.credentials());
        reads.put("take", fixture -> fixture.alice.take(KeyTypes.SESSION, "x"));
        reads.put("insert", fixture -> fixture.alice.insert(KeyTypes.SESSION, "z", bytes("1")));
        reads.put("move", fixture -> fixture.alice.move(KeyTypes.SESSION, "x", "z"));
        reads.put("delete", fixture -> fixture.alice.delete(KeyTypes.SESSION, "x"));
        reads.put(
                "find in a transaction",
                fixture -> fixture.alice.useTransaction("k", tx -> tx.find(KeyTypes.SESSION, "x")));
        reads.put(
                "get in a transaction",
                fixture -> fixture.alice.useTransaction("k", tx -> tx.get(KeyTypes.SESSION, List.of("x", "y"))));
        reads.put("ids", fixture -> count(fixture.alice.ids(KeyTypes.SESSION, "")));
        reads.put(
                "ids in a transaction",
                fixture -> fixture.alice.useTransaction("k", tx -> count(tx.ids(KeyTypes.SESSION, ""))));
        return reads;
    }

    private static long count(Stream<String> ids) {
        try (ids) {
            return ids.count();
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    @DisplayName("R27 an interrupt that ends a read in the backend is reported as an interruption, keeps the flag "
            + "and breaks nothing")
    void read_interruptedInBackend_saysSo(Form form) {
        for (Kind kind : List.of(Kind.COMPLETE, Kind.PLAIN)) {
            for (Moment moment : List.of(Moment.BEFORE, Moment.MIDWAY)) {
                try (Fixture written = Fixture.of(kind)) {
                    written.put("x", "1");
                    written.put("y", "2");
                    reads().forEach((name, read) -> {
                        try (Fixture fixture = written.reopen()) {
                            fixture.faults.on(Operation.LOAD, Operation.LIST).fail(moment, form.failures);
                            assertInterrupted(name, form, () -> read.accept(fixture));
                            assertThat(fixture.find("x")).as("x after %s", name).isEqualTo("1");
                            assertThat(fixture.database.stats().commits()).isZero();
                        }
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    @DisplayName("R27 an interrupt that ends the opening of a context is reported as one, and the context can be "
            + "opened afterwards")
    void forContext_interruptedInBackend_saysSo(Form form) {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.faults.on(Operation.TAKE_OVER).times(2).fail(Moment.BEFORE, form.failures);
            assertInterrupted("forContext", form, () -> fixture.database.forContext("bob"));
            assertInterrupted("takeOver", form, () -> fixture.database.takeOver("bob"));
            assertThat(fixture.faults.count(Operation.TAKE_OVER)).isEqualTo(2);
            fixture.faults.on(Operation.LIST).fail(Moment.BEFORE, form.failures);
            assertInterrupted("forExistingContext", form, () -> fixture.database.forExistingContext("bob"));
            fixture.database.forContext("bob").put(KeyTypes.SESSION, "x", bytes("1"));
        }
    }

    @Test
    @DisplayName("R27 an outcome that the backend knows for certain is reported to an interrupted thread as well")
    void read_damagedWhileInterrupted_saysDamaged() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.plant("session", "x", bytes("no envelope"));
            fixture.faults
                    .on(Operation.LOAD)
                    .run(Moment.AFTER, () -> Thread.currentThread().interrupt());
            assertThatThrownBy(() -> fixture.find("x")).isInstanceOf(CorruptEntryException.class);
            assertThat(Thread.interrupted()).isTrue();
            fixture.faults.on(Operation.LOAD).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
            assertThatThrownBy(() -> fixture.find("y")).isInstanceOf(LoadFailedException.class);
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    @DisplayName(
            "R27 an interrupted load fails only its own thread; threads that wait for the same entry load it again")
    void find_otherThreadsLoadInterrupted_looksAgain(Form form) throws Exception {
        try (Fixture written = Fixture.of(Kind.COMPLETE)) {
            written.put("x", "1");
            try (Fixture fixture = written.reopen()) {
                Gate gate = fixture.faults.on(Operation.LOAD).hold(Moment.BEFORE);
                fixture.faults.on(Operation.LOAD).fail(Moment.BEFORE, form.failures);
                Threads.Running<String> loader = Threads.start(() -> fixture.find("x"));
                gate.awaitReached();
                Threads.Running<String> waiter =
                        Threads.start(() -> fixture.find("x")).awaitWaiting();
                gate.open();
                assertThat(loader.failure()).isInstanceOf(OperationInterruptedException.class);
                assertThat(waiter.result()).isEqualTo("1");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    @DisplayName("R42 an interrupt during a write of several entries, and another during its rollback, leave the "
            + "previous values; if only a wait ended, the entries are written after all")
    void set_interruptedHalfway_isRolledBack(Form form) {
        try (Fixture fixture = Fixture.of(Kind.PLAIN)) {
            fixture.put("a", "old");
            fixture.put("b", "old");
            Updates both = new Updates();
            both.put(KeyTypes.SESSION, "a", bytes("new"));
            both.put(KeyTypes.SESSION, "b", bytes("new"));
            fixture.faults.on(Operation.SAVE).nth(2).times(2).fail(Moment.MIDWAY, form.failures);

            Throwable thrown = catchThrowable(() -> fixture.alice.set(both));

            assertThat(Thread.interrupted()).as("the flag").isTrue();
            if (form.endsAWait()) {
                assertThat(thrown).isNull();
            } else {
                assertThat(thrown).isInstanceOf(KeyStoreException.class).isNotInstanceOf(RollbackFailedException.class);
            }
            String expected = form.endsAWait() ? "new" : "old";
            try (Fixture reopened = fixture.reopen()) {
                assertThat(reopened.find("a")).isEqualTo(expected);
                assertThat(reopened.find("b")).isEqualTo(expected);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    @DisplayName("R42 an interrupt while the previous values are read leaves them unchanged, or ends nothing")
    void set_interruptedBeforeItsFirstWrite_writesAllOrNothing(Form form) {
        try (Fixture fixture = Fixture.of(Kind.PLAIN)) {
            fixture.put("a", "old");
            fixture.faults.forgetCalls();
            fixture.faults.on(Operation.LOAD).fail(Moment.BEFORE, form.failures);
            Throwable thrown = catchThrowable(() -> fixture.put("a", "new"));
            assertThat(Thread.interrupted()).as("the flag").isTrue();
            if (form.endsAWait()) {
                assertThat(thrown).isNull();
                assertThat(fixture.find("a")).isEqualTo("new");
            } else {
                assertThat(thrown).isInstanceOf(KeyStoreException.class);
                assertThat(fixture.faults.count(Operation.SAVE)).isZero();
                assertThat(fixture.find("a")).isEqualTo("old");
            }
        }
    }
}
