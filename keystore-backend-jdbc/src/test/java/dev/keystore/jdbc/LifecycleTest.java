package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.keystore.spi.BackendException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class LifecycleTest {

    private final AtomicInteger released = new AtomicInteger();
    private final CountDownLatch runs = new CountDownLatch(1);
    private final CountDownLatch end = new CountDownLatch(1);
    private final Lifecycle lifecycle = new Lifecycle("here", Duration.ofSeconds(30));

    private FutureTask<Boolean> operation(Lifecycle in) throws InterruptedException {
        FutureTask<Boolean> operation = new FutureTask<>(() -> in.run("read", () -> {
            runs.countDown();
            try {
                end.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            return released.get() == 0;
        }));
        new Thread(operation).start();
        runs.await();
        return operation;
    }

    @Test
    @DisplayName("R27 R28 close waits for the running operation, and a later one is refused without waiting")
    void closeWaits() throws Exception {
        FutureTask<Boolean> operation = operation(lifecycle);
        Thread closer = new Thread(() -> lifecycle.close(released::incrementAndGet));
        closer.start();
        while (closer.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }

        assertThatIllegalStateException()
                .isThrownBy(() -> lifecycle.run("read", () -> "late"))
                .withMessage("here: could not read: the backend is closed");
        assertThat(released).hasValue(0);
        end.countDown();
        closer.join();
        assertThat(operation.get()).as("released after the operation that ran").isTrue();
        assertThat(released).hasValue(1);
        lifecycle.close(released::incrementAndGet);
        assertThat(released).as("closed once").hasValue(1);
    }

    @Test
    @DisplayName("R31 a close that could not start to release, as without memory for a thread, can be repeated")
    void closeThatFailsToStartIsRepeated() {
        assertThatNullPointerException().isThrownBy(() -> lifecycle.close(null));
        lifecycle.close(released::incrementAndGet);
        assertThat(released).hasValue(1);
    }

    @Test
    @DisplayName("R27 close has a deadline: an operation that still runs then loses its connections, and close fails")
    void closeIsBounded() throws Exception {
        Lifecycle brief = new Lifecycle("here", Duration.ofMillis(20));
        FutureTask<Boolean> operation = operation(brief);
        CountDownLatch never = new CountDownLatch(1);

        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> brief.close(() -> {
                    released.incrementAndGet();
                    end.countDown();
                    while (never.getCount() > 0) {
                        try {
                            never.await();
                        } catch (InterruptedException e) {
                            throw new AssertionError(e);
                        }
                    }
                }))
                .withMessageContaining("here: could not close within 20 ms")
                .withMessageContaining("an operation is still running");
        assertThat(operation.get()).as("ended before the release").isFalse();
        never.countDown();
    }

    @Test
    @DisplayName("R27 an interrupt does not affect closing, and its flag is preserved")
    void closeIsDeafToInterrupts() {
        AtomicInteger interrupted = new AtomicInteger();
        Thread.currentThread().interrupt();

        lifecycle.close(() -> {
            released.incrementAndGet();
            interrupted.set(Thread.currentThread().isInterrupted() ? 1 : 0);
        });

        assertThat(Thread.interrupted()).as("flag").isTrue();
        assertThat(released).hasValue(1);
        assertThat(interrupted).hasValue(0);
    }

    @Test
    @DisplayName("a failure to release reaches the caller of close, and the backend is closed nevertheless")
    void releaseFails() {
        BackendException failure = BackendException.permanent("it sticks", null);

        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> lifecycle.close(() -> {
                    throw failure;
                }))
                .isSameAs(failure);
        assertThatIllegalStateException().isThrownBy(() -> lifecycle.run("read", () -> "late"));
    }
}
