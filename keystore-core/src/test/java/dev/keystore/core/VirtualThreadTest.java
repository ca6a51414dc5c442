package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionOptions;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import dev.keystore.testkit.MemoryBackend;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class VirtualThreadTest {

    @Test
    @DisplayName("R24 1,000 virtual threads read, wait for locks, meet conflicts and commit; no update is lost")
    void transaction_onVirtualThreads_losesNothing() throws Exception {
        assumeTrue(Runtime.version().feature() >= 21, "virtual threads need JDK 21");
        ExecutorService executor = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        Faults faults = new Faults();
        faults.on(Operation.COMMIT).forever().run(Moment.BEFORE, () -> LockSupport.parkNanos(200_000));
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(new MemoryBackend(), faults))
                .open()) {
            SignalKeyStore alice = database.forContext("alice");
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                String lockKey = "key-" + i % 10;
                running.add(executor.submit(() ->
                        alice.transaction(lockKey, TransactionOptions.retryOnConflict(1_000_000), tx -> {
                            int before = tx.find(KeyTypes.SESSION, "counter")
                                    .map(value -> ByteBuffer.wrap(value).getInt())
                                    .orElse(0);
                            tx.put(
                                    KeyTypes.SESSION,
                                    "counter",
                                    ByteBuffer.allocate(Integer.BYTES)
                                            .putInt(before + 1)
                                            .array());
                            return before;
                        })));
            }
            for (Future<?> one : running) {
                one.get(Threads.DEADLINE_SECONDS, TimeUnit.SECONDS);
            }
            byte[] counter = alice.find(KeyTypes.SESSION, "counter").orElseThrow();
            assertThat(ByteBuffer.wrap(counter).getInt()).isEqualTo(1_000);
        } finally {
            executor.shutdown();
        }
    }

    @Test
    @DisplayName("R40 the commit of a virtual thread, led by another thread, pauses before each retry as well")
    void commit_onVirtualThreadFailsTransiently_isRetriedLater() throws Exception {
        assumeTrue(Runtime.version().feature() >= 21, "virtual threads need JDK 21");
        ExecutorService executor = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        Faults faults = new Faults();
        faults.on(Operation.COMMIT).times(4).fail(Moment.BEFORE, Kind.TRANSIENT);
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(new MemoryBackend(), faults))
                .open()) {
            SignalKeyStore alice = database.forContext("alice");
            long beginNanos = System.nanoTime();
            executor.submit(() -> alice.put(KeyTypes.SESSION, "a", new byte[1]))
                    .get(Threads.DEADLINE_SECONDS, TimeUnit.SECONDS);
            // 20, 40, 80 and 160 ms, each at most one half less.
            assertThat(System.nanoTime() - beginNanos).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(150));
            assertThat(faults.count(Operation.COMMIT)).isEqualTo(5);
        } finally {
            executor.shutdown();
        }
    }

    @Test
    @DisplayName(
            "R27 a thread that waits for the load of a virtual thread starts its own load, and either result is used")
    void find_virtualThreadLoads_bothReadersGetIt() throws Exception {
        assumeTrue(Runtime.version().feature() >= 21, "virtual threads need JDK 21");
        ExecutorService executor = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        try (Fixture written = Fixture.of(Fixture.Kind.COMPLETE)) {
            written.put("x", "1");
            try (Fixture fixture = written.reopen()) {
                Gate first = fixture.faults.on(Operation.LOAD).hold(Moment.BEFORE);
                Gate second = fixture.faults.on(Operation.LOAD).nth(2).hold(Moment.BEFORE);
                Future<String> loader = executor.submit(() -> fixture.find("x"));
                first.awaitReached();
                Threads.Running<String> waiter = Threads.start(() -> fixture.find("x"));
                second.awaitReached();

                first.open();
                assertThat(loader.get(Threads.DEADLINE_SECONDS, TimeUnit.SECONDS))
                        .isEqualTo("1");
                assertThat(fixture.find("x")).as("cached").isEqualTo("1");
                second.open();
                assertThat(waiter.result()).isEqualTo("1");
                assertThat(fixture.faults.loads("session", "x")).isEqualTo(2);
            }
        } finally {
            executor.shutdown();
        }
    }
}
