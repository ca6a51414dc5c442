package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** On which thread work runs, and what reaches the caller. */
@Timeout(60)
final class PlatformThreadsTest {

    private static final String NAME = "other";
    private static final PlatformThreads THREADS = new PlatformThreads(NAME);

    @Test
    @DisplayName("work of a platform thread runs on that thread")
    void platformThread() {
        assertThat(THREADS.run(Thread::currentThread)).isSameAs(Thread.currentThread());
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    @DisplayName("R27 work of a virtual thread runs on a platform thread")
    void virtualThread() throws Exception {
        assertThat(onVirtualThread(
                        () -> THREADS.run(() -> Thread.currentThread().getName())))
                .isEqualTo(NAME);
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    @DisplayName("R31 what work throws on another thread reaches the virtual thread as it is")
    void failure() {
        Error error = new StackOverflowError();
        assertThatThrownBy(() -> onVirtualThread(() -> THREADS.run(() -> {
                    throw error;
                })))
                .hasCause(error);
        RuntimeException exception = new IllegalStateException();
        assertThatThrownBy(() -> onVirtualThread(() -> THREADS.run(() -> {
                    throw exception;
                })))
                .hasCause(exception);
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    @DisplayName("R27 an interrupt does not end the wait for work that has begun, and the flag stays set")
    void interrupt() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        AtomicBoolean flag = new AtomicBoolean();
        FutureTask<String> task = new FutureTask<>(() -> {
            String result = THREADS.run(() -> {
                begun.countDown();
                await(end);
                return "done";
            });
            flag.set(Thread.currentThread().isInterrupted());
            return result;
        });
        Thread virtual = startVirtualThread(task);
        assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue();

        virtual.interrupt();
        end.countDown();

        assertThat(task.get()).isEqualTo("done");
        assertThat(flag).isTrue();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static <T> T onVirtualThread(Supplier<T> work) throws Exception {
        FutureTask<T> task = new FutureTask<>(work::get);
        startVirtualThread(task);
        return task.get();
    }

    /** {@code Thread.startVirtualThread} exists since JDK 21. */
    private static Thread startVirtualThread(Runnable work) throws ReflectiveOperationException {
        return (Thread)
                Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, work);
    }
}
