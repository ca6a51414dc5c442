package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.OperationInterruptedException;
import dev.keystore.testkit.FailureAssertions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ReaderGateTest {

    private static final Duration SHORT = Duration.ofMillis(50);
    private static final Duration LONG = Duration.ofSeconds(50);

    @Test
    @DisplayName("no reader sees a partial change, and readers run concurrently")
    void read_alongsideChanges_seesThemWhole() throws Exception {
        ReaderGate readers = new ReaderGate("here", LONG);
        int[] pair = {0, 0};
        AtomicBoolean done = new AtomicBoolean();
        CountDownLatch reading = new CountDownLatch(3);
        List<FutureTask<Integer>> tasks = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            tasks.add(start(() -> {
                int last = 0;
                while (!done.get()) {
                    int seen = readers.read(() -> "read", () -> pair[0] == pair[1] ? pair[0] : -1);
                    assertThat(seen).isGreaterThanOrEqualTo(last);
                    last = seen;
                    reading.countDown();
                }
                return last;
            }));
        }
        reading.await();
        for (int i = 0; i < 20_000; i++) {
            readers.exclude(() -> {
                pair[0]++;
                pair[1]++;
            });
        }
        done.set(true);
        for (FutureTask<Integer> task : tasks) {
            assertThat(task.get()).isNotNegative();
        }
        int nested = readers.read(() -> "read", () -> readers.read(() -> "read within that", () -> pair[0]));
        assertThat(nested).isEqualTo(20_000);
    }

    @Test
    @DisplayName("R27 a reader waits for a change until its deadline or an interrupt, whose flag is preserved")
    void read_alongsideLongChange_endsAtDeadlineAndInterrupt() throws Exception {
        ReaderGate hasty = new ReaderGate("here", SHORT);
        hasty.exclude(() -> FailureAssertions.assertTransient(() -> hasty.read(() -> "load a/b", () -> 1))
                .withMessage("here: could not load a/b: a change to MapDB's file has not ended within 50 ms"));
        ReaderGate patient = new ReaderGate("here", LONG);
        patient.exclude(() -> {
            Thread.currentThread().interrupt();
            assertThatExceptionOfType(OperationInterruptedException.class)
                    .isThrownBy(() -> patient.read(() -> "load a/b", () -> 1))
                    .withMessage("Interrupted while waiting for here to load a/b, which waits for a change to MapDB's"
                            + " file to end");
            assertThat(Thread.interrupted()).isTrue();
        });
        assertThat(hasty.<Integer>read(() -> "load a/b", () -> 2)).isEqualTo(2);
        assertThat(patient.<Integer>read(() -> "load a/b", () -> 2)).isEqualTo(2);
    }

    @Test
    @DisplayName("R27 a change waits for readers until its deadline, and readers continue")
    void exclude_alongsideLongRead_endsAtDeadline() {
        ReaderGate readers = new ReaderGate("here", SHORT);
        readers.read(() -> "read", () -> {
            FailureAssertions.assertTransient(() -> readers.exclude(() -> {
                throw new AssertionError("a reader is there");
            }));
            return readers.<Integer>read(() -> "read", () -> 1);
        });
        int[] changes = {0};
        readers.exclude(() -> changes[0]++);
        assertThat(changes[0]).isEqualTo(1);
    }

    @Test
    @DisplayName("R31 readers and changes that throw, or whose stack overflows at any depth, leave nothing behind")
    void read_stackOverflows_leavesNothing() throws Exception {
        ReaderGate readers = new ReaderGate("here", LONG);
        int[] reads = {0};
        Runnable read = () -> readers.read(() -> "read", () -> reads[0]++);
        read.run();
        Deep.run(read);
        assertThat(reads[0]).isGreaterThan(1);
        assertThatExceptionOfType(OutOfMemoryError.class)
                .isThrownBy(() -> readers.exclude(() -> {
                    throw new OutOfMemoryError("thrown");
                }));
        FutureTask<Integer> change = start(() -> {
            readers.exclude(() -> reads[0] = -1);
            return reads[0];
        });
        assertThat(change.get()).isEqualTo(-1);
    }

    private static FutureTask<Integer> start(Callable<Integer> work) {
        FutureTask<Integer> task = new FutureTask<>(work);
        Thread thread = new Thread(task, "reader");
        thread.setDaemon(true);
        thread.start();
        return task;
    }
}
