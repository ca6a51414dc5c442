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
    @DisplayName("R20 while a key is locked, 10,000 other keys are free, in its context and in others")
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
    @DisplayName("R20 similar keys have separate locks")
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
    @DisplayName("R32 64 threads that nest keys of 8 contexts in one consistent order never deadlock")
    void transaction_nestedInOneOrder_neverTimesOut() throws Exception {
        nest(2_000);
    }

    @Test
    @Tag("long")
    @DisplayName("R32 64 threads that nest keys in one consistent order never deadlock, in 100,000 transactions each")
    void transaction_nestedInOneOrderManyTimes_neverTimesOut() throws Exception {
        for (int round = 0; round < 20; round++) {
            nest(5_000);
        }
    }

    /** Each context has separate keys, so that keys with colliding hashes occur in different orders. */
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
    @DisplayName("R20 a waiter that gives up does not change the order of the others")
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
    @DisplayName("R27 a waiter that gives up at the moment it gets the lock leaves it to the next one")
    void acquire_interruptedWhenFree_passesItOn() throws Exception {
        LockTable locks = new LockTable(LONG);
        LockTable.Held first = hold(locks, "alice", "k");
        Threads.Running<Boolean> givesUp = Threads.run(() -> {
            LockTable.Held held = new LockTable.Held();
            Thread.currentThread().interrupt();
            first.released = true; // the lock belongs to this thread from now on, but no thread has woken it
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
    @DisplayName("R27 releases that coincide with timeouts and interrupts neither lose a lock nor grant it twice")
    void acquire_timesOutDuringReleases_losesNothing() throws Exception {
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
    @DisplayName("R31 if only the first write of a release was done, the next waiter still gets the lock")
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
    @DisplayName("R31 transactions that overflow the stack at any point leave no lock held and no thread refused")
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

    /** Runs an action with almost no stack left, then repeatedly with one frame more. */
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
    @DisplayName("R26 a nested transaction gets a key of the outer one without waiting, and the outer one keeps it")
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
    @DisplayName("R26 a nested transaction that cannot get all its keys keeps none; the outer one keeps its own")
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
    @DisplayName("R20 two stores of a context, before and after a takeover, share its locks")
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
