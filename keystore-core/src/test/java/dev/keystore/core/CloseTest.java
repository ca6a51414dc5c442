package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.KeyTypes;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Closing during reads and commits. */
@Timeout(60)
class CloseTest extends OpenedDatabase {

    private Threads.Running<Boolean> closeInterrupted() {
        return Threads.start(() -> {
                    Thread.currentThread().interrupt();
                    database.close();
                    return Thread.currentThread().isInterrupted();
                })
                .awaitWaiting();
    }

    @Test
    @DisplayName("R28 close on an interrupted thread lets running commits finish, and keeps the flag")
    void close_interruptedWithCommitsRunning_waitsForThem() throws Exception {
        open(UnaryOperator.identity());
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("a", "1"));
        Threads.Running<Boolean> queued = line.add(() -> put("b", "1"));

        Threads.Running<Boolean> closer = closeInterrupted();
        assertThat(faults.count(Operation.CLOSE)).isZero();
        line.advance();

        assertThat(queued.result()).isTrue();
        assertThat(closer.result()).as("the interrupt flag").isTrue();
        assertThat(faults.calls(Operation.COMMIT, Operation.CLOSE))
                .extracting(call -> call.operation())
                .containsExactly(Operation.COMMIT, Operation.COMMIT, Operation.CLOSE);
        assertThat(List.of(persisted("a"), persisted("b"))).containsExactly("1", "1");
    }

    @Test
    @DisplayName("R28 close on an interrupted thread does not close the backend during a read, and keeps the flag")
    void close_interruptedWithReadRunning_waitsForIt() throws Exception {
        open(UnaryOperator.identity());
        put("a", "1");
        open(UnaryOperator.identity());
        Gate gate = faults.on(Operation.LOAD).hold(Moment.BEFORE);
        Threads.Running<String> reader = Threads.start(() -> session("a"));
        gate.awaitReached();

        Threads.Running<Boolean> closer = closeInterrupted();
        assertThat(faults.count(Operation.CLOSE)).isZero();
        gate.open();

        assertThat(reader.result()).isEqualTo("1");
        assertThat(closer.result()).as("the interrupt flag").isTrue();
        assertThat(faults.count(Operation.CLOSE)).isEqualTo(1);
    }

    @Test
    @DisplayName("R28 a read that close overtakes is refused as closed, not reported as a backend failure or as absent")
    void find_closedBeforeTheBackendIsAsked_isRefused() {
        int closes = 0;
        int refused = 0;
        for (boolean closed = true; closed; closes++) {
            int at = closes;
            ComparedCodec codec = new ComparedCodec();
            open(UnaryOperator.identity());
            alice.put(codec.writing, "b", 1);
            open(UnaryOperator.identity());
            alice.find(codec.writing, "other");
            codec.watch(Thread.currentThread(), comparison -> {
                if (comparison == at) {
                    database.close();
                }
            });
            Throwable thrown = catchThrowable(
                    () -> assertThat(alice.find(codec.reading, "b")).hasValue(1));
            closed = codec.unwatch() > at;
            if (thrown != null) {
                assertThat(thrown).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
                refused++;
            }
        }
        assertThat(refused).isPositive();
    }

    @Test
    @DisplayName("R28 a write that close overtakes is refused, and nothing is written")
    void put_closedBeforeItsCommit_isRefused() {
        open(UnaryOperator.identity());
        assertThat(catchThrowable(() -> alice.useTransaction("k", tx -> {
                    tx.put(KeyTypes.SESSION, "a", new byte[1]);
                    database.close();
                })))
                .isInstanceOf(IllegalStateException.class);
        assertThat(faults.count(Operation.COMMIT)).isZero();
        assertThat(persisted("a")).isEqualTo("absent");
    }
}
