package dev.keystore.async;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.OperationInterruptedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionOptions;
import dev.keystore.Updates;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import dev.keystore.testkit.MemoryBackend;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

@Timeout(60)
class AsyncKeyStoreTest {

    private final Faults faults = new Faults();
    private final SignalKeyDatabase database = SignalKeyDatabase.builder()
            .backend(FaultyBackend.complete(new MemoryBackend(), faults))
            .open();
    private final SignalKeyStore alice = database.forContext("alice");
    private final BlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>();
    private final Thread executor = new Thread(this::runTasks, "test-executor");
    private final AsyncKeyStore async = AsyncKeyStore.of(alice, tasks::add);

    @BeforeEach
    void start() {
        executor.start();
    }

    /** Unlike the executors of the JDK, it does not clear the interrupt flag that a task leaves behind. */
    private void runTasks() {
        try {
            while (true) {
                tasks.take().run();
            }
        } catch (InterruptedException e) {
            // The test has ended, or a task has left the flag set: no further task is run.
        }
    }

    @AfterEach
    void close() {
        executor.interrupt();
        faults.heal();
        database.close();
    }

    private static <R> R result(CompletableFuture<R> future) throws Exception {
        try {
            return future.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw (Exception) e.getCause();
        }
    }

    /** Returns the name of the thread that the next task runs on, and whether that is interrupted. */
    private String threadOfNextCall() throws Exception {
        return result(async.call(store ->
                Thread.currentThread().getName() + " " + Thread.currentThread().isInterrupted()));
    }

    @Test
    @DisplayName("reads, writes and transactions complete with what the store returns, on the executor")
    void calls_completeWithResults() throws Exception {
        Updates updates = new Updates();
        updates.put(KeyTypes.LID_MAPPING, "a", "1");
        updates.put(KeyTypes.LID_MAPPING, "b", "2");
        result(async.set(updates));

        assertThat(result(async.find(KeyTypes.LID_MAPPING, "a"))).contains("1");
        assertThat(result(async.find(KeyTypes.LID_MAPPING, "none"))).isEmpty();
        assertThat(result(async.get(KeyTypes.LID_MAPPING, List.of("a", "b", "none"))))
                .isEqualTo(Map.of("a", "1", "b", "2"));
        String taken = result(async.transaction("k", tx -> {
            tx.delete(KeyTypes.LID_MAPPING, "b");
            return tx.take(KeyTypes.LID_MAPPING, "a").orElseThrow();
        }));
        assertThat(taken).isEqualTo("1");
        assertThat(alice.get(KeyTypes.LID_MAPPING, List.of("a", "b"))).isEmpty();
        result(async.useTransaction("k", tx -> tx.put(KeyTypes.LID_MAPPING, "c", "3")));
        assertThat(alice.find(KeyTypes.LID_MAPPING, "c")).contains("3");
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
    }

    @Test
    @DisplayName("R22 a future completes with the very exception of the work, and nothing is written")
    void transaction_workThrows_completesWithThat() {
        IOException thrown = new IOException("mine");

        CompletableFuture<String> future = async.transaction(Set.of("k"), TransactionOptions.DEFAULT, tx -> {
            tx.put(KeyTypes.LID_MAPPING, "a", "1");
            throw thrown;
        });

        assertThatThrownBy(() -> result(future)).isSameAs(thrown);
        assertThat(alice.find(KeyTypes.LID_MAPPING, "a")).isEmpty();
    }

    @Test
    @DisplayName("R11 a future completes when the commit is durable, and not before")
    void set_completesWhenDurable() throws Exception {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Updates updates = new Updates();
        updates.put(KeyTypes.LID_MAPPING, "a", "1");

        CompletableFuture<Void> future = async.set(updates);
        gate.awaitReached();
        assertThat(future).isNotDone();

        gate.open();
        assertThat(result(future)).isNull();
    }

    @Test
    @DisplayName("R27 a cancelled call that waits for a lock ends with an interruption, and its work does not run")
    void cancel_waitingForALock_interruptsTheWait() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CompletableFuture<String> future = alice.transaction("k", held -> {
            CompletableFuture<String> waiting = async.call(store -> {
                begun.countDown();
                return store.transaction("k", tx -> {
                    throw new AssertionError("the work must not run");
                });
            });
            awaitUninterruptibly(begun);
            assertThat(waiting.cancel(true)).isFalse();
            assertThatThrownBy(() -> result(waiting)).isInstanceOf(OperationInterruptedException.class);
            return waiting;
        });

        assertThat(future).isNotCancelled();
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
    }

    @Test
    @DisplayName("R27 a cancelled call whose commit is being written completes with the result")
    void cancel_beingWritten_completesWithTheResult() throws Exception {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        CompletableFuture<String> future = async.transaction("k", tx -> {
            tx.put(KeyTypes.LID_MAPPING, "a", "1");
            return "written";
        });
        gate.awaitReached();

        assertThat(future.cancel(true)).isFalse();
        assertThat(future).isNotDone();
        gate.open();

        assertThat(result(future)).isEqualTo("written");
        assertThat(alice.find(KeyTypes.LID_MAPPING, "a")).contains("1");
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
    }

    @Test
    @DisplayName("a cancelled call that has not begun never runs")
    void cancel_notBegun_neverRuns() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        CompletableFuture<Boolean> first = async.call(store -> release.await(30, TimeUnit.SECONDS));
        Updates updates = new Updates();
        updates.put(KeyTypes.LID_MAPPING, "a", "1");
        CompletableFuture<Void> second = async.set(updates);

        assertThat(second.cancel(true)).isTrue();
        release.countDown();

        assertThat(result(first)).isTrue();
        assertThatThrownBy(() -> second.get(30, TimeUnit.SECONDS)).isInstanceOf(CancellationException.class);
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
        assertThat(alice.find(KeyTypes.LID_MAPPING, "a")).isEmpty();
    }

    @Test
    @DisplayName("a call that has not begun when its future times out can be cancelled, and then never runs")
    void cancel_afterTimeout_neverRuns() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        CompletableFuture<Boolean> first = async.call(store -> release.await(30, TimeUnit.SECONDS));
        Updates updates = new Updates();
        updates.put(KeyTypes.LID_MAPPING, "a", "1");
        CompletableFuture<Void> second = async.set(updates).orTimeout(1, TimeUnit.NANOSECONDS);
        assertThatThrownBy(() -> result(second)).isInstanceOf(TimeoutException.class);

        assertThat(second.cancel(true)).isTrue();
        assertThat(second.cancel(true)).isTrue();
        release.countDown();

        assertThat(result(first)).isTrue();
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
        assertThat(alice.find(KeyTypes.LID_MAPPING, "a")).isEmpty();
        assertThat(second).isCompletedExceptionally().isNotCancelled();
    }

    @Test
    @DisplayName("a call that shutdownNow returns is the future, which completes when it is cancelled")
    void shutdownNow_returnedCalls_canBeCancelled() throws Exception {
        ExecutorService pool = Executors.newSingleThreadExecutor();
        AsyncKeyStore pooled = AsyncKeyStore.of(alice, pool);
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        CompletableFuture<Boolean> first = pooled.call(store -> {
            begun.countDown();
            return never.await(30, TimeUnit.SECONDS);
        });
        awaitUninterruptibly(begun);
        CompletableFuture<Optional<String>> second = pooled.find(KeyTypes.LID_MAPPING, "a");

        for (Runnable task : pool.shutdownNow()) {
            ((Future<?>) task).cancel(false);
        }

        assertThat(second).isCancelled();
        assertThatThrownBy(() -> result(first)).isInstanceOf(InterruptedException.class);
        assertThatThrownBy(() -> pooled.find(KeyTypes.LID_MAPPING, "a")).isInstanceOf(RejectedExecutionException.class);
    }

    @Test
    @DisplayName("R27 a cancelled call that waits for its turn to be written is not written")
    void cancel_waitingForItsTurn_writesNothing() throws Exception {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        CompletableFuture<Void> writing =
                CompletableFuture.runAsync(() -> alice.put(KeyTypes.LID_MAPPING, "first", "1"), this::onNewThread);
        gate.awaitReached();
        CountDownLatch working = new CountDownLatch(1);
        CompletableFuture<String> waiting = async.transaction("k", tx -> {
            tx.put(KeyTypes.LID_MAPPING, "a", "1");
            working.countDown();
            return "written";
        });
        awaitUninterruptibly(working);
        awaitState(executor, Thread.State.TIMED_WAITING);

        assertThat(waiting.cancel(true)).isFalse();

        assertThatThrownBy(() -> result(waiting)).isInstanceOf(OperationInterruptedException.class);
        gate.open();
        writing.get(30, TimeUnit.SECONDS);
        assertThat(alice.find(KeyTypes.LID_MAPPING, "a")).isEmpty();
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
    }

    @Test
    @DisplayName("R27 a cancelled call that waits for another thread's load ends with an interruption")
    void cancel_waitingForALoad_interruptsTheWait() throws Exception {
        Gate gate = faults.on(Operation.LOAD).hold(Moment.BEFORE);
        CompletableFuture<Optional<String>> loading =
                CompletableFuture.supplyAsync(() -> alice.find(KeyTypes.LID_MAPPING, "a"), this::onNewThread);
        gate.awaitReached();
        CompletableFuture<Optional<String>> waiting = async.find(KeyTypes.LID_MAPPING, "a");
        awaitState(executor, Thread.State.TIMED_WAITING);

        assertThat(waiting.cancel(true)).isFalse();

        assertThatThrownBy(() -> result(waiting)).isInstanceOf(OperationInterruptedException.class);
        gate.open();
        assertThat(loading.get(30, TimeUnit.SECONDS)).isEmpty();
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
    }

    @Test
    @DisplayName("R27 a cancelled call that is loading itself completes with what the database answers")
    void cancel_ownLoad_completesWithTheEntry() throws Exception {
        Gate gate = faults.on(Operation.LOAD).hold(Moment.BEFORE);
        CompletableFuture<Optional<String>> loading = async.find(KeyTypes.LID_MAPPING, "a");
        gate.awaitReached();

        assertThat(loading.cancel(true)).isFalse();
        assertThat(loading).isNotDone();
        gate.open();

        assertThat(result(loading)).isEmpty();
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
    }

    @Test
    @DisplayName("R27 a cancelled call that runs the caller's work ends with what that makes of the interrupt")
    void cancel_duringWork_interruptsTheWork() throws Exception {
        assertThatThrownBy(() -> cancelDuring(() -> new CountDownLatch(1).await()))
                .isInstanceOf(InterruptedException.class);
    }

    @Test
    @DisplayName("R27 a cancelled call whose work ignores the interrupt is not committed")
    void cancel_duringWorkThatIgnoresIt_writesNothing() throws Exception {
        assertThatThrownBy(() -> cancelDuring(() -> {
                    while (!Thread.currentThread().isInterrupted()) {
                        Thread.onSpinWait();
                    }
                }))
                .isInstanceOf(OperationInterruptedException.class);
    }

    /** Work that ends when its thread is interrupted. */
    private interface UntilInterrupted {
        void run() throws InterruptedException;
    }

    /** Cancels a transaction while its work runs, checks that it writes nothing, and throws what its future has. */
    private void cancelDuring(UntilInterrupted work) throws Exception {
        CountDownLatch working = new CountDownLatch(1);
        CompletableFuture<Void> future = async.useTransaction("k", tx -> {
            tx.put(KeyTypes.LID_MAPPING, "a", "1");
            working.countDown();
            work.run();
        });
        awaitUninterruptibly(working);

        assertThat(future.cancel(true)).isFalse();

        assertThat(future).failsWithin(30, TimeUnit.SECONDS);
        assertThat(alice.find(KeyTypes.LID_MAPPING, "a")).isEmpty();
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
        result(future);
    }

    @Test
    @DisplayName("a future that is kept does not hold what its call refers to, once that has ended or was withdrawn")
    void future_kept_dropsItsCall() throws Exception {
        List<WeakReference<Object>> referred = new ArrayList<>();
        CompletableFuture<Integer> ended = callReferringTo(referred);
        result(ended);
        CountDownLatch release = new CountDownLatch(1);
        CompletableFuture<Boolean> running = async.call(store -> release.await(30, TimeUnit.SECONDS));
        CompletableFuture<Integer> withdrawn = callReferringTo(referred);
        assertThat(withdrawn.cancel(true)).isTrue();

        for (WeakReference<Object> each : referred) {
            while (each.get() != null) {
                System.gc();
            }
        }
        release.countDown();
        assertThat(result(running)).isTrue();
        assertThat(result(ended)).isNotNull();
        assertThat(withdrawn).isCancelled();
    }

    private CompletableFuture<Integer> callReferringTo(List<WeakReference<Object>> referred) {
        Object value = new Object();
        referred.add(new WeakReference<>(value));
        return async.call(store -> value.hashCode());
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    @DisplayName("R27 cancelling a call on a virtual thread ends its wait for a lock")
    void cancel_onVirtualThread_interruptsTheWait() {
        AsyncKeyStore virtual = AsyncKeyStore.of(alice);
        CountDownLatch begun = new CountDownLatch(1);
        alice.useTransaction("k", held -> {
            CompletableFuture<String> waiting = virtual.call(store -> {
                begun.countDown();
                return store.transaction("k", tx -> "must not run");
            });
            awaitUninterruptibly(begun);

            assertThat(waiting.cancel(true)).isFalse();
            assertThatThrownBy(() -> result(waiting)).isInstanceOf(OperationInterruptedException.class);
        });
    }

    private void onNewThread(Runnable task) {
        new Thread(task, "other").start();
    }

    private static void awaitState(Thread thread, Thread.State state) {
        while (thread.getState() != state) {
            Thread.onSpinWait();
        }
    }

    @Test
    @DisplayName("a timeout of the future, or of a dependent stage, leaves the call running to its end")
    void orTimeout_callGoesOn() throws Exception {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Updates updates = new Updates();
        updates.put(KeyTypes.LID_MAPPING, "a", "1");
        CompletableFuture<Void> future = async.set(updates).orTimeout(1, TimeUnit.NANOSECONDS);

        assertThatThrownBy(() -> result(future)).isInstanceOf(TimeoutException.class);
        gate.awaitReached();
        gate.open();

        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
        assertThat(alice.find(KeyTypes.LID_MAPPING, "a")).contains("1");
    }

    @Test
    @DisplayName("null is refused at once, or by the future")
    @SuppressWarnings("NullAway") // what a caller without its check may pass
    void calls_null_areRefused() {
        assertThatThrownBy(() -> AsyncKeyStore.of(alice, null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> async.call(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> async.get(KeyTypes.LID_MAPPING, null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> result(async.find(KeyTypes.LID_MAPPING, null)))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> result(async.set(null))).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> result(async.transaction("k", null))).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> result(async.useTransaction("k", null))).isInstanceOf(NullPointerException.class);
    }

    @Test
    @DisplayName("cancelling a call that has completed has no effect, on its thread neither")
    void cancel_completed_hasNoEffect() throws Exception {
        CompletableFuture<Optional<String>> future = async.find(KeyTypes.LID_MAPPING, "a");
        assertThat(result(future)).isEmpty();

        assertThat(future.cancel(true)).isFalse();

        assertThat(result(future)).isEmpty();
        assertThat(threadOfNextCall()).isEqualTo("test-executor false");
    }

    @Test
    @DisplayName("without an executor, calls run on virtual threads, or are refused by a JVM that has none")
    void of_withoutExecutor_usesVirtualThreads() throws Exception {
        if (Runtime.version().feature() < 21) {
            assertThatThrownBy(() -> AsyncKeyStore.of(alice))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("JDK 21");
            return;
        }
        AsyncKeyStore virtual = AsyncKeyStore.of(alice);

        String thread = result(virtual.call(store -> Thread.currentThread().toString()));
        assertThat(thread).startsWith("VirtualThread");
        Optional<String> read = result(virtual.transaction("k", tx -> {
            tx.put(KeyTypes.LID_MAPPING, "a", "1");
            return tx.find(KeyTypes.LID_MAPPING, "a");
        }));
        assertThat(read).contains("1");
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
