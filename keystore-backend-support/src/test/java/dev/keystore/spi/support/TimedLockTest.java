package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TimedLockTest {

    private static final Duration SHORT = Duration.ofMillis(50);
    private static final Duration LONG = Duration.ofSeconds(50);
    private static final long STACK_BYTES = 512 << 10;
    private static final int OVERFLOWS = 400;

    private int steps;

    @Test
    @DisplayName("one thread at a time holds the lock, and the next one sees its writes")
    void hold_manyThreads_oneAtATime() throws Exception {
        TimedLock lock = new TimedLock("here", "a step", LONG);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            Runnable thousand = () -> {
                for (int i = 0; i < 1_000; i++) {
                    lock.hold("step", () -> steps++);
                }
            };
            for (Future<?> running :
                    List.of(threads.submit(thousand), threads.submit(thousand), threads.submit(thousand))) {
                running.get();
            }
        } finally {
            threads.shutdown();
        }
        assertThat(steps).isEqualTo(3_000);
    }

    @Test
    @DisplayName("every waiting thread gets the lock")
    void hold_severalWait_eachGetsIt() throws Exception {
        TimedLock lock = new TimedLock("here", "a step", LONG);
        List<Integer> order = new CopyOnWriteArrayList<>();
        List<Thread> threads = new CopyOnWriteArrayList<>();
        lock.hold("start", () -> {
            for (int i = 0; i < 3; i++) {
                int number = i;
                Thread thread = new Thread(() -> lock.hold("step", () -> order.add(number)));
                thread.start();
                threads.add(thread);
                while (thread.getState() != Thread.State.TIMED_WAITING) {
                    Thread.onSpinWait();
                }
            }
            return true;
        });
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(order).containsExactlyInAnyOrder(0, 1, 2);
    }

    @Test
    @DisplayName("an attempt runs its work only if the lock is free, and frees the lock even if the work fails")
    void holdIfFree_runsOnlyIfFree() {
        TimedLock lock = new TimedLock("here", "a step", SHORT);
        lock.hold("step", () -> {
            assertThat(lock.holdIfFree(() -> steps++ >= 0)).isFalse();
            return 1;
        });
        assertThat(steps).isZero();
        assertThatExceptionOfType(StackOverflowError.class)
                .isThrownBy(() -> lock.holdIfFree(() -> {
                    throw new StackOverflowError();
                }));
        assertThat(lock.holdIfFree(() -> steps++ >= 0)).isTrue();
        assertThat(steps).isEqualTo(1);
    }

    @Test
    @DisplayName("R27 a wait ends at its deadline and at an interrupt, whose flag is preserved")
    void hold_isHeld_endsAtDeadlineAndInterrupt() {
        TimedLock hasty = new TimedLock("here", "a step", SHORT);
        hasty.hold("step", () -> {
            assertTransient(
                    () -> hasty.hold("step", () -> 2), "here: could not step: a step has not ended within 50 ms");
            return 1;
        });
        TimedLock patient = new TimedLock("here", "a step", LONG);
        patient.hold("step", () -> {
            Thread.currentThread().interrupt();
            assertTransient(
                    () -> patient.hold("step", () -> 2), "here: could not step: interrupted while waiting for a step");
            assertThat(Thread.interrupted()).isTrue();
            return 1;
        });
        assertThat(hasty.<Integer, RuntimeException>hold("step", () -> 3)).isEqualTo(3);
        assertThat(patient.<Integer, RuntimeException>hold("step", () -> 3)).isEqualTo(3);
    }

    @Test
    @DisplayName("R27 a thread whose wait has ended does not keep the lock from the others")
    void hold_waiterGivesUp_nextGoesOn() throws Exception {
        TimedLock lock = new TimedLock("here", "a step", SHORT);
        CountDownLatch isHeld = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        FutureTask<Boolean> holder = new FutureTask<>(() -> lock.hold("step", () -> {
            isHeld.countDown();
            end.await();
            return true;
        }));
        new Thread(holder).start();
        isHeld.await();
        assertTransient(() -> lock.hold("step", () -> 2), "here: could not step: a step has not ended within 50 ms");
        end.countDown();
        assertThat(holder.get()).isTrue();
        assertThat(lock.<Integer, RuntimeException>hold("step", () -> 3)).isEqualTo(3);
    }

    @Test
    @DisplayName("R31 whatever the work throws reaches its caller, and the lock is free")
    void hold_workThrows_isFree() {
        TimedLock lock = new TimedLock("here", "a step", SHORT);
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> lock.hold("step", () -> {
                    throw new IOException("thrown");
                }));
        assertThatExceptionOfType(OutOfMemoryError.class)
                .isThrownBy(() -> lock.hold("step", () -> {
                    throw new OutOfMemoryError("thrown");
                }));
        assertThat(lock.<Integer, RuntimeException>hold("step", () -> 1)).isEqualTo(1);
    }

    @Test
    @DisplayName("R31 a stack that overflows at any depth, and again while it unwinds, leaves the lock free")
    void hold_stackOverflows_isFree() throws Exception {
        TimedLock lock = new TimedLock("here", "a step", LONG);
        Runnable step = () -> lock.hold("step", () -> steps++);
        step.run();
        int[] left = {OVERFLOWS};
        FutureTask<Boolean> deep = new FutureTask<>(() -> descend(step, left), true);
        new Thread(null, deep, "deep", STACK_BYTES).start();
        deep.get();
        assertThat(steps).isGreaterThan(1);

        FutureTask<Integer> other = new FutureTask<>(() -> lock.hold("step", () -> 1));
        new Thread(other).start();
        assertThat(other.get()).isEqualTo(1);
    }

    /** Runs work where the stack is nearly full, and then repeatedly with a little more stack left. */
    @SuppressWarnings("InfiniteRecursion")
    private static void descend(Runnable work, int[] left) {
        try {
            descend(work, left);
        } catch (StackOverflowError | InternalError e) {
            if (left[0] == 0) {
                return;
            }
            left[0]--;
            work.run();
            throw e;
        }
    }

    private static void assertTransient(ThrowingCallable call, String message) {
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(call)
                .withMessage(message)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.TRANSIENT));
    }
}
