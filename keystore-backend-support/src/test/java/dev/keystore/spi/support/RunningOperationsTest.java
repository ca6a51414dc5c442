package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RunningOperationsTest {

    private static final Duration SHORT = Duration.ofMillis(20);
    private static final Duration LONG = Duration.ofSeconds(50);

    private final RunningOperations operations = new RunningOperations("here");
    private final CountDownLatch runs = new CountDownLatch(1);
    private final CountDownLatch end = new CountDownLatch(1);

    private FutureTask<String> operation() throws InterruptedException {
        FutureTask<String> operation = new FutureTask<>(() -> operations.run("read", () -> {
            runs.countDown();
            end.await();
            return "done";
        }));
        new Thread(operation).start();
        runs.await();
        return operation;
    }

    @Test
    @DisplayName("R28 closing waits for the running operation, and a later one is refused without waiting")
    void awaitIdle_operationRuns_waits() throws Exception {
        FutureTask<String> operation = operation();
        operations.refuseMore();
        assertThatIllegalStateException()
                .isThrownBy(() -> operations.run("read", () -> "late"))
                .withMessage("here: could not read: the backend is closed");
        FutureTask<Boolean> closing = new FutureTask<>(() -> operations.awaitIdle(LONG));
        Thread closer = new Thread(closing);
        closer.start();
        while (closer.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        end.countDown();
        assertThat(closing.get()).isTrue();
        assertThat(operation.get()).isEqualTo("done");
    }

    @Test
    @DisplayName("R27 a deadline ends the wait for a running operation, and an interrupt does not")
    void awaitIdle_operationStays_endsAtDeadline() throws Exception {
        FutureTask<String> operation = operation();
        operations.refuseMore();
        Thread.currentThread().interrupt();
        assertThat(operations.awaitIdle(SHORT)).isFalse();
        assertThat(Thread.interrupted()).isTrue();
        end.countDown();
        assertThat(operation.get()).isEqualTo("done");
        assertThat(operations.awaitIdle(LONG)).isTrue();
    }

    @Test
    @DisplayName("R31 an operation that fails no longer counts, and its exception reaches the caller")
    void run_fails_isIdle() {
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> operations.run("read", () -> {
                    throw new IOException("thrown");
                }));
        assertThat(operations.awaitIdle(SHORT)).isTrue();
    }
}
