package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TurnTest {

    private static final Duration SHORT = Duration.ofMillis(50);
    private static final Duration LONG = Duration.ofSeconds(50);

    @Test
    @DisplayName("one thread at a time has the turn, and the next one sees what it did")
    void hold_manyThreads_oneAtATime() throws Exception {
        Turn turn = new Turn("a step", LONG);
        int[] steps = {0};
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            Runnable thousand = () -> {
                for (int i = 0; i < 1_000; i++) {
                    turn.hold("step", () -> steps[0]++);
                }
            };
            Future<?>[] running = {threads.submit(thousand), threads.submit(thousand), threads.submit(thousand)};
            for (Future<?> one : running) {
                one.get();
            }
        } finally {
            threads.shutdown();
        }
        assertThat(steps[0]).isEqualTo(3_000);
    }

    @Test
    @DisplayName("R27 a wait for the turn ends at its deadline, and at an interrupt, whose flag stays")
    void hold_taken_endsAtDeadlineAndInterrupt() {
        Turn hasty = new Turn("a step", SHORT);
        hasty.hold("step", () -> {
            Failures.assertTransient(() -> hasty.hold("step", () -> 2))
                    .withMessage("could not step: a step has not ended within 50 ms");
            return 1;
        });
        Turn patient = new Turn("a step", LONG);
        patient.hold("step", () -> {
            Thread.currentThread().interrupt();
            Failures.assertTransient(() -> patient.hold("step", () -> 2))
                    .withMessage("could not step: interrupted while waiting for a step");
            assertThat(Thread.interrupted()).isTrue();
            return 1;
        });
        assertThat(hasty.<Integer, RuntimeException>hold("step", () -> 3)).isEqualTo(3);
    }

    @Test
    @DisplayName("R31 whatever the work throws reaches its caller, and the turn is free")
    void hold_workThrows_isFree() {
        Turn turn = new Turn("a step", SHORT);
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> turn.hold("step", () -> {
                    throw new IOException("thrown");
                }));
        assertThatExceptionOfType(OutOfMemoryError.class)
                .isThrownBy(() -> turn.hold("step", () -> {
                    throw new OutOfMemoryError("thrown");
                }));
        assertThat(turn.<Integer, RuntimeException>hold("step", () -> 1)).isEqualTo(1);
    }

    @Test
    @DisplayName("R31 a stack that overflows at any depth, again and again while it unwinds, leaves the turn free")
    void hold_stackOverflows_isFree() throws Exception {
        Turn turn = new Turn("a step", LONG);
        int[] steps = {0};
        Runnable step = () -> turn.hold("step", () -> steps[0]++);
        step.run();
        Deep.run(step);
        assertThat(steps[0]).isGreaterThan(1);

        CountDownLatch done = new CountDownLatch(1);
        new Thread(() -> turn.hold("step", () -> {
                    done.countDown();
                    return 1;
                }))
                .start();
        done.await();
    }
}
