package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.LockTimeoutException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.Fixture.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class LockTableTest {

    private static final Duration LONG = Duration.ofSeconds(30);

    private static LockTable.Held hold(LockTable locks, String context, String... lockKeys) {
        LockTable.Held held = new LockTable.Held();
        try {
            locks.acquire(context, Set.of(lockKeys), held);
            return held;
        } catch (RuntimeException | Error e) {
            locks.release(held);
            throw e;
        }
    }

    /** A thread that waits for a key, then does something and releases it. */
    private static Threads.Running<Boolean> waiter(LockTable locks, String lockKey, Runnable holding) {
        return Threads.run(() -> {
                    LockTable.Held held = hold(locks, "alice", lockKey);
                    holding.run();
                    locks.release(held);
                })
                .awaitWaiting();
    }

    @Test
    @DisplayName("R20 while a key is held, each of 10,000 others is free, of its context and of others")
    void acquire_tenThousandOthersHeld_doesNotWait() {
        LockTable locks = new LockTable(Duration.ofNanos(1));
        List<LockTable.Held> all = new ArrayList<>();
        all.add(hold(locks, "context 0", "key"));
        for (int i = 0; i < 10_000; i++) {
            all.add(hold(locks, "context " + i % 100, "key " + i));
        }
        assertThatThrownBy(() -> hold(locks, "context 0", "key")).isInstanceOf(LockTimeoutException.class);
        all.forEach(locks::release);
        assertThat(locks.isEmpty()).as("idle keys leave nothing").isTrue();
    }

    @Test
    @DisplayName("R20 keys that only look alike are apart")
    void acquire_similarKeys_areApart() {
        LockTable locks = new LockTable(Duration.ofNanos(1));
        hold(locks, "a", "bc");
        hold(locks, "ab", "c");
        hold(locks, "Aa", "c");
        hold(locks, "BB", "c");
        hold(locks, "c", "Aa");
        hold(locks, "c", "BB");
        assertThatThrownBy(() -> hold(locks, "BB", "c"))
                .isInstanceOf(LockTimeoutException.class)
                .hasMessageContaining("\"c\"")
                .hasMessageContaining("\"BB\"")
                .hasMessageContaining("thread \"" + Thread.currentThread().getName() + "\"");
    }

    @Test
    @DisplayName("R32 64 threads that nest keys in one consistent order, over 8 contexts, never wait in a circle")
    void transaction_nestedInOneOrder_neverTimesOut() throws Exception {
        nest(2_000);
    }

    @Test
    @Tag("long")
    @DisplayName("R32 so it is in 100,000 transactions of each of them")
    void transaction_nestedInOneOrderManyTimes_neverTimesOut() throws Exception {
        for (int round = 0; round < 20; round++) {
            nest(5_000);
        }
    }

    /** Each context has keys of its own, so that keys which meet in a hash meet in different orders. */
    private static void nest(int rounds) throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.lockTimeout(Duration.ofSeconds(10)))) {
            AtomicInteger inside = new AtomicInteger();
            Threads.together(64, number -> {
                SignalKeyStore store = fixture.database.forContext("context " + number % 8);
                for (int i = 0; i < rounds / 64 + 1; i++) {
                    int outer = ThreadLocalRandom.current().nextInt(4);
                    store.useTransaction("key " + outer, tx -> {
                        LockSupport.parkNanos(1_000);
                        tx.useTransaction("key " + (outer + 1), middle -> {
                            LockSupport.parkNanos(1_000);
                            middle.useTransaction("key " + (outer + 2), inner -> inside.incrementAndGet());
                        });
                    });
                }
                return number;
            });
            assertThat(inside).hasValueGreaterThanOrEqualTo(rounds);
        }
    }

    @Test
    @DisplayName("R20 a waiter that gives up leaves the order of the others as it was")
    void acquire_someGiveUp_othersKeepTheirOrder() throws Exception {
        LockTable locks = new LockTable(LONG);
        LockTable.Held first = hold(locks, "alice", "k");
        List<Integer> order = new CopyOnWriteArrayList<>();
        List<Threads.Running<Boolean>> waiting = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            int number = i;
            waiting.add(waiter(locks, "k", () -> order.add(number)));
        }
        for (int i = 0; i < 9; i += 2) {
            waiting.get(i).thread().interrupt();
            assertThat(waiting.get(i).failure()).isInstanceOf(OperationInterruptedException.class);
        }
        assertThat(order).isEmpty();
        locks.release(first);
        for (int i = 1; i < 9; i += 2) {
            waiting.get(i).result();
        }
        assertThat(order).containsExactly(1, 3, 5, 7);
        assertThat(locks.isEmpty()).isTrue();
    }

    @Test
    @DisplayName("R27 a waiter that gives up at the very moment the lock becomes its own leaves it to the next")
    void acquire_interruptedWhenFree_passesItOn() throws Exception {
        LockTable locks = new LockTable(LONG);
        LockTable.Held first = hold(locks, "alice", "k");
        Threads.Running<Boolean> givesUp = Threads.run(() -> {
            LockTable.Held held = new LockTable.Held();
            Thread.currentThread().interrupt();
            first.released = true; // the lock is this thread's from now on, and nobody has woken it
            try {
                locks.acquire("alice", Set.of("k"), held);
            } finally {
                locks.release(held);
            }
        });
        assertThat(givesUp.failure()).isInstanceOf(OperationInterruptedException.class);
        LockTable.Held next = hold(locks, "alice", "k");
        Threads.Running<Boolean> last = waiter(locks, "k", () -> {});
        locks.release(next);
        assertThat(last.result()).isTrue();
        assertThat(locks.isEmpty()).isTrue();
    }

    @Test
    @DisplayName("R27 releases that coincide with time-outs and interrupts lose no lock and give none to two")
    void acquire_timesOutBesideReleases_losesNothing() throws Exception {
        LockTable locks = new LockTable(Duration.ofNanos(200_000));
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger acquired = new AtomicInteger();
        AtomicInteger gaveUp = new AtomicInteger();
        Thread[] threads = new Thread[8];
        AtomicBoolean done = new AtomicBoolean();
        Threads.Running<Boolean> interrupter = Threads.run(() -> {
            while (!done.get()) {
                Thread one = threads[ThreadLocalRandom.current().nextInt(threads.length)];
                if (one != null) {
                    one.interrupt();
                }
                LockSupport.parkNanos(50_000);
            }
        });
        Threads.together(threads.length, number -> {
            threads[number] = Thread.currentThread();
            for (int i = 0; i < 1_000; i++) {
                LockTable.Held held = new LockTable.Held();
                try {
                    locks.acquire("alice", number % 2 == 0 ? Set.of("a", "b") : Set.of("b"), held);
                    if (inside.getAndIncrement() != 0) {
                        throw new AssertionError("two threads hold one lock");
                    }
                    acquired.incrementAndGet();
                    if (i % 3 == 0) {
                        LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(300_000));
                    }
                    inside.decrementAndGet();
                } catch (LockTimeoutException | OperationInterruptedException e) {
                    gaveUp.incrementAndGet();
                } finally {
                    locks.release(held);
                    Thread.interrupted();
                }
            }
            threads[number] = null;
            return number;
        });
        done.set(true);
        interrupter.result();
        System.out.println("LockTableTest: " + acquired + " locks taken, " + gaveUp + " waits given up");
        assertThat(locks.isEmpty()).isTrue();
        locks.release(hold(locks, "alice", "a", "b"));
    }

    @Test
    @DisplayName("R31 where only the first write of a release was made, the next one gets the lock all the same")
    void release_failsAfterItsWrite_locksAreFree() throws Exception {
        LockTable locks = new LockTable(LONG);
        LockTable.Held failing = hold(locks, "alice", "k", "never again");
        Threads.Running<Boolean> waiter = waiter(locks, "k", () -> {});
        failing.released = true;
        assertThat(waiter.result()).isTrue();
        locks.release(hold(locks, "alice", "k"));
        locks.release(hold(locks, "alice", "never again"));
        assertThat(locks.isEmpty())
                .as("what the release has left is cleared up by the next")
                .isTrue();
    }

    @Test
    @DisplayName("R31 transactions that overflow the stack wherever they can leave no lock held and no thread refused")
    void transaction_stackOverflows_leavesNoLock() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.lockTimeout(Duration.ofSeconds(20)))) {
            List<Throwable> unexpected = new CopyOnWriteArrayList<>();
            AtomicInteger overflows = new AtomicInteger();
            AtomicBoolean done = new AtomicBoolean();
            Runnable transaction = () -> fixture.alice.useTransaction(
                    "outer", tx -> tx.transaction(Set.of("inner 1", "inner 2"), inner -> 1));
            transaction.run();
            Threads.Running<Boolean> other = Threads.run(() -> {
                while (!done.get()) {
                    transaction.run();
                    LockSupport.parkNanos(10_000);
                }
            });
            Threads.Running<Boolean> deep = Threads.run(() -> {
                for (int round = 0; round < 20; round++) {
                    descend(() -> {
                        try {
                            transaction.run();
                        } catch (StackOverflowError e) {
                            overflows.incrementAndGet();
                        } catch (RuntimeException | Error e) {
                            unexpected.add(e);
                        }
                    });
                }
                transaction.run();
            });
            assertThat(deep.result()).isTrue();
            done.set(true);
            assertThat(other.result()).isTrue();
            assertThat(unexpected).isEmpty();
            assertThat(overflows).hasValueGreaterThan(100);
            fixture.alice.transaction(Set.of("outer", "inner 1", "inner 2"), tx -> null);
            fixture.put("x", "1");
            assertThat(fixture.alice.find(KeyTypes.SESSION, "x")).isPresent();
        }
    }

    /** Runs something with hardly any stack left, and again with a frame more, and so on. */
    @SuppressWarnings("InfiniteRecursion") // which is the point
    private static int descend(Runnable work) {
        int framesBelow;
        try {
            framesBelow = descend(work);
        } catch (StackOverflowError e) {
            framesBelow = 0;
        }
        if (framesBelow < 500) {
            try {
                work.run();
            } catch (StackOverflowError e) {
                return framesBelow + 1; // the handler in it overflowed as well
            }
        }
        return framesBelow + 1;
    }

    @Test
    @DisplayName("R26 a nested transaction takes a key that the outer one holds at once, and the outer one keeps it")
    void transaction_nestedOnTheSameKey_joins() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            CountDownLatch nested = new CountDownLatch(1);
            AtomicBoolean ended = new AtomicBoolean();
            Threads.Running<Boolean> other = fixture.alice.transaction(Set.of("a", "b"), tx -> {
                tx.transaction(Set.of("b", "a"), inner -> {
                    inner.useTransaction("a", innermost -> nested.countDown());
                    return null;
                });
                Threads.Running<Boolean> waiting = Threads.run(() -> fixture.alice.useTransaction(
                                "a", inner -> assertThat(ended).isTrue()))
                        .awaitWaiting();
                ended.set(true);
                return waiting;
            });
            assertThat(nested.getCount()).isZero();
            assertThat(other.result()).isTrue();
        }
    }

    @Test
    @DisplayName("R26 a nested transaction that can't get all its keys keeps none of them, and the outer one its own")
    void transaction_nestedTimesOut_keepsTheOuterLocks() throws Exception {
        LockTable locks = new LockTable(Duration.ofMillis(20));
        LockTable.Held other = hold(locks, "alice", "c");
        LockTable.Held mine = hold(locks, "alice", "a");
        assertThatThrownBy(() -> locks.acquire("alice", Set.of("b", "c"), mine))
                .isInstanceOf(LockTimeoutException.class)
                .hasMessageContaining("\"c\"");
        locks.release(hold(locks, "alice", "b"));
        assertThatThrownBy(() -> hold(locks, "alice", "a")).isInstanceOf(LockTimeoutException.class);
        locks.release(other);
        locks.acquire("alice", Set.of("b", "c"), mine);
        locks.release(mine);
        assertThat(locks.isEmpty()).isTrue();
    }

    @Test
    @DisplayName("R20 two stores of one context, one of which has taken it over, share its locks")
    void transaction_storesOfOneContext_shareLocks() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            SignalKeyStore next = fixture.database.takeOver("alice");
            assertThat(next).isNotSameAs(fixture.alice);
            AtomicBoolean ended = new AtomicBoolean();
            Threads.Running<Boolean> other = next.transaction("k", tx -> {
                Threads.Running<Boolean> waiting = Threads.run(() -> fixture.alice.useTransaction(
                                "k", inner -> assertThat(ended).isTrue()))
                        .awaitWaiting();
                ended.set(true);
                return waiting;
            });
            assertThat(other.result()).isTrue();
        }
    }
}
