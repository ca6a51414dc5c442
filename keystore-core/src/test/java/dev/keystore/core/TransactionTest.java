package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyTypes;
import dev.keystore.LockTimeoutException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.TransactionConflictException;
import dev.keystore.TransactionOptions;
import dev.keystore.TransactionWork;
import dev.keystore.Updates;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import dev.keystore.testkit.MemoryBackend;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TransactionTest {

    private final Faults faults = new Faults();
    private SignalKeyDatabase database;
    private SignalKeyStore alice;

    @BeforeEach
    void open() {
        database = builder().open();
        alice = database.forContext("alice");
    }

    @AfterEach
    void close() {
        database.close();
    }

    private SignalKeyDatabase.Builder builder() {
        return SignalKeyDatabase.builder().backend(FaultyBackend.complete(new MemoryBackend(), faults));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private Optional<String> session(String id) {
        return alice.find(KeyTypes.SESSION, id).map(value -> new String(value, UTF_8));
    }

    @Test
    @DisplayName("R20 transactions of one lock key run one at a time, in arrival order")
    void transaction_sameKey_runsInArrivalOrder() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        CountDownLatch held = new CountDownLatch(1);
        AtomicInteger inside = new AtomicInteger();
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        Threads.Running<Boolean> first = Threads.run(() -> alice.useTransaction("bob", tx -> {
            held.countDown();
            await(release);
        }));
        await(held);
        List<Threads.Running<Boolean>> waiting = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            int number = i;
            waiting.add(Threads.run(() -> alice.useTransaction("bob", tx -> {
                        assertThat(inside.incrementAndGet()).isEqualTo(1);
                        order.add(number);
                        inside.decrementAndGet();
                    }))
                    .awaitWaiting());
        }
        assertThat(order).isEmpty();

        release.countDown();
        first.result();
        for (Threads.Running<Boolean> one : waiting) {
            one.result();
        }

        assertThat(order).isSorted().hasSize(20);
    }

    @Test
    @DisplayName("R20 transactions of different lock keys, or of one lock key in different contexts, run in parallel")
    void transaction_otherKeyOrContext_runsInParallel() throws Exception {
        SignalKeyStore carol = database.forContext("carol");
        CountDownLatch all = new CountDownLatch(3);

        List<Threads.Running<Boolean>> running = List.of(
                Threads.run(() -> alice.useTransaction("bob", tx -> meet(all))),
                Threads.run(() -> alice.useTransaction("dave", tx -> meet(all))),
                Threads.run(() -> carol.useTransaction("bob", tx -> meet(all))));

        for (Threads.Running<Boolean> one : running) {
            assertThat(one.result()).isTrue();
        }
    }

    @Test
    @DisplayName("R21 a transaction reads its own writes first")
    void find_afterOwnWrites_returnsThem() {
        alice.put(KeyTypes.SESSION, "old", bytes("committed"));

        alice.useTransaction("k", tx -> {
            tx.put(KeyTypes.SESSION, "old", bytes("mine"));
            tx.put(KeyTypes.SESSION, "new", bytes("also mine"));
            assertThat(tx.find(KeyTypes.SESSION, "old")).hasValue(bytes("mine"));
            assertThat(tx.get(KeyTypes.SESSION, List.of("new", "none", "old"))).containsOnlyKeys("new", "old");
            tx.delete(KeyTypes.SESSION, "old");
            assertThat(tx.find(KeyTypes.SESSION, "old")).isEmpty();
            try (Stream<String> ids = tx.ids(KeyTypes.SESSION, "")) {
                assertThat(ids).containsExactly("new");
            }
        });

        assertThat(session("old")).isEmpty();
        assertThat(session("new")).hasValue("also mine");
    }

    @Test
    @DisplayName("R21 other readers see nothing of a transaction before it commits, then all of it")
    void find_ofOthers_seesAllOrNothing() throws Exception {
        CountDownLatch written = new CountDownLatch(1);
        CountDownLatch looked = new CountDownLatch(1);
        Threads.Running<Boolean> writer = Threads.run(() -> alice.useTransaction("k", tx -> {
            tx.put(KeyTypes.SESSION, "a", bytes("1"));
            tx.put(KeyTypes.IDENTITY_KEY, "b", bytes("1"));
            written.countDown();
            await(looked);
        }));
        await(written);
        assertThat(session("a")).isEmpty();
        assertThat(alice.find(KeyTypes.IDENTITY_KEY, "b")).isEmpty();
        looked.countDown();
        writer.result();
        assertThat(session("a")).hasValue("1");
        assertThat(alice.find(KeyTypes.IDENTITY_KEY, "b")).hasValue(bytes("1"));
    }

    @Test
    @DisplayName("R21 the reads of a transaction never include half of another commit: the read throws the conflict")
    void find_commitBetweenTwoReads_throwsConflict() {
        alice.put(KeyTypes.SESSION, "a", bytes("1"));
        alice.put(KeyTypes.SESSION, "b", bytes("1"));

        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    assertThat(tx.find(KeyTypes.SESSION, "a")).hasValue(bytes("1"));
                    Updates both = new Updates();
                    both.put(KeyTypes.SESSION, "a", bytes("2"));
                    both.put(KeyTypes.SESSION, "b", bytes("2"));
                    alice.set(both);
                    tx.find(KeyTypes.SESSION, "b");
                }))
                .isInstanceOf(TransactionConflictException.class)
                .hasMessageContaining("session/a");
    }

    @Test
    @DisplayName("R21 a value read twice is the same value, whatever other threads commit in between")
    void find_twice_returnsTheSame() {
        alice.put(KeyTypes.SESSION, "a", bytes("1"));

        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    assertThat(tx.find(KeyTypes.SESSION, "a")).hasValue(bytes("1"));
                    alice.put(KeyTypes.SESSION, "a", bytes("2"));
                    assertThat(tx.find(KeyTypes.SESSION, "a")).hasValue(bytes("1"));
                    tx.put(KeyTypes.SESSION, "other", bytes("x"));
                }))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(session("a")).hasValue("2");
        assertThat(session("other")).isEmpty();
    }

    @Test
    @DisplayName("R22 an exception of the work reaches the caller unchanged; nothing is written, and the lock is free")
    void transaction_workThrows_rethrowsAndWritesNothing() {
        IOException thrown = new IOException("the caller's own");

        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    tx.put(KeyTypes.SESSION, "a", bytes("1"));
                    throw thrown;
                }))
                .isSameAs(thrown);

        assertThat(faults.count(Operation.COMMIT)).isZero();
        assertThat(session("a")).isEmpty();
        assertThat(alice.<String, RuntimeException>transaction("k", tx -> "free"))
                .isEqualTo("free");
    }

    @Test
    @DisplayName("R23 the work runs once, even if its commit is retried or fails")
    void transaction_commitRetriedOrFailing_runsWorkOnce() {
        AtomicInteger runs = new AtomicInteger();
        faults.on(Operation.COMMIT).times(2).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
        alice.useTransaction("k", tx -> {
            runs.incrementAndGet();
            tx.put(KeyTypes.SESSION, "a", bytes("1"));
        });
        assertThat(runs).hasValue(1);

        faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    runs.incrementAndGet();
                    tx.put(KeyTypes.SESSION, "a", bytes("2"));
                }))
                .isInstanceOf(CommitFailedException.class);
        assertThat(runs).hasValue(2);

        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    runs.incrementAndGet();
                    tx.find(KeyTypes.SESSION, "a");
                    alice.put(KeyTypes.SESSION, "a", bytes("3"));
                    tx.put(KeyTypes.SESSION, "a", bytes("4"));
                }))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(runs).hasValue(3);
        assertThat(session("a")).hasValue("3");
    }

    @Test
    @DisplayName("R23 with retries on conflict, the work runs again, up to the requested number of attempts")
    void transaction_retryOnConflict_runsWorkAgain() {
        AtomicInteger runs = new AtomicInteger();

        alice.transaction("k", TransactionOptions.retryOnConflict(5), tx -> {
            tx.find(KeyTypes.SESSION, "a");
            if (runs.incrementAndGet() < 3) {
                alice.put(KeyTypes.SESSION, "a", bytes("other " + runs));
            }
            tx.put(KeyTypes.SESSION, "a", bytes("mine"));
            return null;
        });
        assertThat(runs).hasValue(3);
        assertThat(session("a")).hasValue("mine");

        assertThatThrownBy(() -> alice.transaction("k", TransactionOptions.retryOnConflict(2), tx -> {
                    tx.find(KeyTypes.SESSION, "a");
                    alice.put(KeyTypes.SESSION, "a", bytes("other " + runs.incrementAndGet()));
                    tx.put(KeyTypes.SESSION, "a", bytes("lost"));
                    return null;
                }))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(session("a")).hasValue("other 5");
    }

    @Test
    @DisplayName(
            "R24 if the work itself writes through the store what it read through the handle, the conflict says so")
    void transaction_writesThroughStore_conflictNamesItself() {
        alice.put(KeyTypes.SESSION, "a", bytes("0"));
        AtomicInteger runs = new AtomicInteger();
        List<TransactionWork<Boolean, RuntimeException>> transactions = List.of(
                tx -> { // found at the commit
                    tx.find(KeyTypes.SESSION, "a");
                    alice.put(KeyTypes.SESSION, "a", bytes("run " + runs.incrementAndGet()));
                    tx.put(KeyTypes.SESSION, "b", bytes("1"));
                    return true;
                },
                tx -> { // found at the next read
                    tx.find(KeyTypes.SESSION, "a");
                    alice.put(KeyTypes.SESSION, "a", bytes("run " + runs.incrementAndGet()));
                    return tx.find(KeyTypes.SESSION, "b").isPresent();
                },
                tx -> {
                    tx.find(KeyTypes.SESSION, "a");
                    alice.clear();
                    alice.put(KeyTypes.SESSION, "a", bytes("run " + runs.incrementAndGet()));
                    tx.put(KeyTypes.SESSION, "b", bytes("1"));
                    return true;
                });
        for (TransactionWork<Boolean, RuntimeException> work : transactions) {
            assertThatThrownBy(() -> alice.transaction("k", TransactionOptions.retryOnConflict(3), work))
                    .isInstanceOf(TransactionConflictException.class)
                    .hasMessageContaining("session/a")
                    .hasMessageContaining("by this thread itself")
                    .hasMessageContaining("handle");
        }
        assertThat(session("b")).isEmpty();
    }

    @Test
    @DisplayName("R24 a conflict with another thread is not blamed on this thread, whatever it wrote elsewhere")
    void transaction_othersWrite_conflictNamesOthers() {
        SignalKeyStore carol = database.forContext("carol");
        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    tx.find(KeyTypes.SESSION, "a");
                    alice.put(KeyTypes.SESSION, "other", bytes("1"));
                    carol.put(KeyTypes.SESSION, "a", bytes("1"));
                    carol.clear();
                    resultOf(Threads.run(() -> alice.put(KeyTypes.SESSION, "a", bytes("theirs"))));
                    tx.put(KeyTypes.SESSION, "b", bytes("1"));
                }))
                .isInstanceOf(TransactionConflictException.class)
                .hasMessageContaining("by another commit");
    }

    @Test
    @DisplayName("R24 stats count each attempt that ends in a conflict once, whether at a read or at the commit")
    void stats_conflictsAtReadsAndCommits_countEachAttempt() {
        alice.put(KeyTypes.SESSION, "a", bytes("0"));
        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    tx.find(KeyTypes.SESSION, "a");
                    alice.put(KeyTypes.SESSION, "a", bytes("1"));
                    for (int i = 0; i < 3; i++) {
                        assertThatThrownBy(() -> tx.find(KeyTypes.SESSION, "unread"))
                                .isInstanceOf(TransactionConflictException.class);
                    }
                    tx.put(KeyTypes.SESSION, "b", bytes("1"));
                }))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(database.stats().conflicts())
                .as("at a read, caught, and again at the commit")
                .isEqualTo(1);

        AtomicInteger runs = new AtomicInteger();
        alice.transaction("k", TransactionOptions.retryOnConflict(5), tx -> {
            tx.find(KeyTypes.SESSION, "a");
            if (runs.incrementAndGet() < 4) {
                alice.put(KeyTypes.SESSION, "a", bytes("run " + runs));
            }
            return tx.find(KeyTypes.SESSION, "unread");
        });
        assertThat(runs).hasValue(4);
        assertThat(database.stats().conflicts())
                .as("three attempts that were run again")
                .isEqualTo(4);
    }

    @Test
    @DisplayName("R24 an entry found absent that another thread writes before the commit is a conflict")
    void transaction_absentEntryAppears_throwsConflict() {
        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    assertThat(tx.find(KeyTypes.SESSION, "a")).isEmpty();
                    alice.put(KeyTypes.SESSION, "a", bytes("theirs"));
                    tx.put(KeyTypes.SESSION, "b", bytes("mine"));
                }))
                .isInstanceOfSatisfying(TransactionConflictException.class, conflict -> {
                    assertThat(conflict.entry().toString()).isEqualTo("session/a");
                    assertThat(conflict.context()).isEqualTo("alice");
                });
        assertThat(session("a")).hasValue("theirs");
        assertThat(session("b")).isEmpty();
    }

    @Test
    @DisplayName("R24 a conflict is detected even if the entry read is no longer cached")
    void transaction_readEntryEvicted_conflictIsFound() {
        database.close();
        database = SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(new MemoryBackend(), faults))
                .maximumCacheBytes(0)
                .open();
        alice = database.forContext("alice");
        alice.put(KeyTypes.SESSION, "a", bytes("1"));

        alice.useTransaction("k", tx -> {
            tx.find(KeyTypes.SESSION, "a");
            tx.put(KeyTypes.SESSION, "a", bytes("2"));
        });
        assertThat(session("a")).hasValue("2");

        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    tx.find(KeyTypes.SESSION, "a");
                    alice.put(KeyTypes.SESSION, "a", bytes("3"));
                    tx.put(KeyTypes.SESSION, "a", bytes("4"));
                }))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(session("a")).hasValue("3");
    }

    @Test
    @DisplayName("R24 a clear by another thread is a conflict for what was read")
    void transaction_contextCleared_throwsConflict() {
        alice.put(KeyTypes.SESSION, "a", bytes("1"));

        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    tx.find(KeyTypes.SESSION, "a");
                    alice.clear();
                    tx.put(KeyTypes.SESSION, "a", bytes("2"));
                }))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(session("a")).isEmpty();
    }

    @Test
    @DisplayName("R24 of two commits of one group that change one record, the earlier one is written and "
            + "the later one fails")
    void transaction_conflictWithinOneGroup_laterFails() throws Exception {
        alice.put(KeyTypes.SESSION, "a", bytes("0"));
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        Threads.Running<Boolean> leader = Threads.run(() -> alice.put(KeyTypes.SESSION, "unrelated", bytes("x")));
        gate.awaitReached();
        Threads.Running<Boolean> first = Threads.run(() -> append("k1", "1")).awaitWaiting();
        Threads.Running<Boolean> second = Threads.run(() -> append("k2", "2")).awaitWaiting();
        gate.open();

        leader.result();
        first.result();
        assertThat(second.failure()).isInstanceOf(TransactionConflictException.class);
        assertThat(session("a")).hasValue("01");
        assertThat(database.stats().conflicts()).isEqualTo(1);
    }

    private void append(String lockKey, String text) {
        alice.useTransaction(lockKey, tx -> {
            String before = new String(tx.find(KeyTypes.SESSION, "a").orElseThrow(), UTF_8);
            tx.put(KeyTypes.SESSION, "a", bytes(before + text));
        });
    }

    @Test
    @DisplayName("R24 64 threads that append to one record under 64 lock keys, retrying on conflict, lose no append")
    void transaction_appendsUnderDifferentKeys_loseNothing() throws Exception {
        int appendsEach = 20;
        Threads.together(64, number -> {
            for (int i = 0; i < appendsEach; i++) {
                alice.transaction("key-" + number, TransactionOptions.retryOnConflict(1_000_000), tx -> {
                    String before = tx.find(KeyTypes.SESSION, "list")
                            .map(list -> new String(list, UTF_8))
                            .orElse("");
                    tx.put(KeyTypes.SESSION, "list", bytes(before + number + ";"));
                    return null;
                });
            }
            return number;
        });

        List<String> appended = List.of(session("list").orElseThrow().split(";"));
        assertThat(appended).hasSize(64 * appendsEach);
        for (int number = 0; number < 64; number++) {
            assertThat(Collections.frequency(appended, String.valueOf(number))).isEqualTo(appendsEach);
        }
    }

    @Test
    @DisplayName("R25 transactions that name their keys in opposite orders do not deadlock")
    void transaction_severalKeys_takenInOneOrder() throws Exception {
        List<Integer> done = Threads.together(8, number -> {
            for (int i = 0; i < 200; i++) {
                Set<String> keys = number % 2 == 0
                        ? new LinkedHashSet<>(List.of("a", "b", "c"))
                        : new LinkedHashSet<>(List.of("c", "b", "a"));
                alice.transaction(keys, tx -> null);
            }
            return number;
        });
        assertThat(done).hasSize(8);
    }

    @Test
    @DisplayName("R25 a transaction of several keys holds all of them")
    void transaction_severalKeys_holdsAll() {
        alice.transaction(Set.of("a", "b"), tx -> {
            for (String key : List.of("a", "b")) {
                Threads.Running<Boolean> other = Threads.run(() -> alice.useTransaction(key, inner -> {}))
                        .awaitWaiting();
                assertThat(other.task().isDone()).isFalse();
                other.thread().interrupt();
            }
            return null;
        });
    }

    @Test
    @DisplayName("R26 a nested transaction through the handle joins the outer one")
    void transaction_nestedThroughHandle_joins() {
        alice.useTransaction("outer", tx -> {
            tx.put(KeyTypes.SESSION, "a", bytes("1"));
            tx.useTransaction("inner", inner -> {
                assertThat(inner.find(KeyTypes.SESSION, "a")).hasValue(bytes("1"));
                inner.put(KeyTypes.SESSION, "b", bytes("2"));
            });
            assertThat(tx.find(KeyTypes.SESSION, "b")).hasValue(bytes("2"));
            assertThat(faults.count(Operation.COMMIT)).isZero();
        });
        assertThat(faults.count(Operation.COMMIT)).isEqualTo(1);
        assertThat(session("a")).hasValue("1");
        assertThat(session("b")).hasValue("2");
    }

    @Test
    @DisplayName("R26 a nested transaction takes the lock of its key, until the outer one ends")
    void transaction_nestedThroughHandle_locksItsKey() throws Exception {
        AtomicReference<Threads.Running<Boolean>> other = new AtomicReference<>();
        alice.useTransaction("outer", tx -> {
            tx.useTransaction("inner", inner -> {});
            other.set(Threads.run(() -> alice.useTransaction("inner", inner -> {}))
                    .awaitWaiting());
            assertThat(other.get().task().isDone()).isFalse();
        });
        assertThat(other.get().result()).isTrue();
    }

    @Test
    @DisplayName("R26 a nested transaction that throws drops its own writes and keeps those of the outer one")
    void transaction_nestedWorkThrows_dropsItsWrites() {
        alice.useTransaction("outer", tx -> {
            tx.put(KeyTypes.SESSION, "a", bytes("outer"));
            assertThatThrownBy(() -> tx.useTransaction("inner", inner -> {
                        inner.put(KeyTypes.SESSION, "a", bytes("inner"));
                        inner.put(KeyTypes.SESSION, "b", bytes("inner"));
                        inner.clear();
                        throw new IOException("planted");
                    }))
                    .isInstanceOf(IOException.class);
        });
        assertThat(session("a")).hasValue("outer");
        assertThat(session("b")).isEmpty();
    }

    @Test
    @DisplayName("R26 a nested transaction through the store, on the same thread, is refused")
    void transaction_nestedThroughStore_isRefused() {
        SignalKeyStore carol = database.forContext("carol");
        alice.useTransaction("k", tx -> {
            assertThatThrownBy(() -> alice.useTransaction("k", inner -> {}))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("handle");
            assertThatThrownBy(() -> alice.useTransaction("other", inner -> {}))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> carol.useTransaction("k", inner -> {})).isInstanceOf(IllegalStateException.class);
            tx.put(KeyTypes.SESSION, "a", bytes("1"));
        });
        assertThat(session("a")).hasValue("1");
        alice.useTransaction("k", tx -> {});
    }

    @Test
    @DisplayName("R27 a lock that is not free in time causes a LockTimeoutException that names the key and the holder")
    void transaction_lockNotFree_timesOut() throws Exception {
        database.close();
        database = builder().lockTimeout(Duration.ofMillis(50)).open();
        alice = database.forContext("alice");
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Threads.Running<Boolean> holder = Threads.run(() -> {
            Thread.currentThread().setName("the-holder");
            alice.useTransaction("bob", tx -> {
                held.countDown();
                await(release);
            });
        });
        await(held);

        assertThatThrownBy(() -> alice.useTransaction("bob", tx -> {
                    throw new AssertionError("the work must not run");
                }))
                .isInstanceOfSatisfying(LockTimeoutException.class, timeout -> {
                    assertThat(timeout.lockKey()).isEqualTo("bob");
                    assertThat(timeout.holder()).contains("the-holder").contains("bob");
                    assertThat(timeout).hasMessageContaining("bob").hasMessageContaining("the-holder");
                });

        release.countDown();
        holder.result();
    }

    @Test
    @DisplayName("R27 if one of several locks times out, those already taken are released")
    void transaction_secondLockTimesOut_freesTheFirst() throws Exception {
        database.close();
        database = builder().lockTimeout(Duration.ofMillis(50)).open();
        alice = database.forContext("alice");
        for (String held : List.of("a", "b")) {
            CountDownLatch reached = new CountDownLatch(1);
            CountDownLatch release = new CountDownLatch(1);
            Threads.Running<Boolean> holder = Threads.run(() -> alice.useTransaction(held, tx -> {
                reached.countDown();
                await(release);
            }));
            await(reached);
            assertThatThrownBy(() -> alice.transaction(Set.of("a", "b"), tx -> null))
                    .isInstanceOf(LockTimeoutException.class);
            alice.useTransaction(held.equals("a") ? "b" : "a", tx -> {});
            release.countDown();
            holder.result();
        }
    }

    @Test
    @DisplayName("R27 an interrupt ends the wait for a lock, and keeps the interrupt flag")
    void transaction_interruptedWaitingForLock_endsAndKeepsFlag() throws Exception {
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Threads.Running<Boolean> holder = Threads.run(() -> alice.useTransaction("bob", tx -> {
            held.countDown();
            await(release);
        }));
        await(held);
        Threads.Running<Boolean> waiter = Threads.start(() -> {
            assertThatThrownBy(() -> alice.useTransaction("bob", tx -> {}))
                    .isInstanceOf(OperationInterruptedException.class)
                    .hasMessageContaining("bob")
                    .hasMessageEndingWith("; nothing was written");
            return Thread.currentThread().isInterrupted();
        });
        waiter.awaitWaiting().thread().interrupt();
        assertThat(waiter.result()).isTrue();
        release.countDown();
        holder.result();
    }

    @Test
    @DisplayName("R28 a handle used after its transaction ended is refused")
    void handle_afterEnd_isRefused() {
        AtomicReference<Transaction> escaped = new AtomicReference<>();
        alice.useTransaction("k", escaped::set);
        Transaction tx = escaped.get();

        assertThatThrownBy(() -> tx.find(KeyTypes.SESSION, "a")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> tx.get(KeyTypes.SESSION, List.of())).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> tx.put(KeyTypes.SESSION, "a", bytes("1"))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> tx.delete(KeyTypes.SESSION, "a")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(tx::clear).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(tx::credentials).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> tx.ids(KeyTypes.SESSION, "")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> tx.useTransaction("k", inner -> {})).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> tx.readOnly().find(KeyTypes.SESSION, "a")).isInstanceOf(IllegalStateException.class);
        assertThat(session("a")).isEmpty();
    }

    @Test
    @DisplayName("R28 a handle used from another thread is refused")
    void handle_fromAnotherThread_isRefused() throws Exception {
        alice.useTransaction("k", tx -> {
            Threads.Running<Boolean> other = Threads.run(() -> tx.put(KeyTypes.SESSION, "a", bytes("1")));
            assertThat(failureOf(other))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("thread");
        });
        assertThat(session("a")).isEmpty();
    }

    @Test
    @DisplayName("R28 a store used after close is refused; close is idempotent and closes the backend once")
    void store_afterClose_isRefused() {
        alice.put(KeyTypes.SESSION, "a", bytes("1"));
        database.close();
        database.close();

        assertThat(faults.count(Operation.CLOSE)).isEqualTo(1);
        assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "a")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "a", bytes("1")))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {})).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> alice.ids(KeyTypes.SESSION, "")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> alice.verify()).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> database.forContext("alice")).isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("R28 close lets a running commit finish, and a transaction whose work is still running writes nothing")
    void close_commitRunning_waitsForIt() throws Exception {
        Gate gate = faults.on(Operation.COMMIT).hold(Moment.BEFORE);
        CountDownLatch inWork = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Threads.Running<Boolean> late = Threads.run(() -> alice.useTransaction("late", tx -> {
            tx.put(KeyTypes.SESSION, "late", bytes("1"));
            inWork.countDown();
            await(goOn);
        }));
        await(inWork);
        Threads.Running<Boolean> commit = Threads.run(() -> alice.put(KeyTypes.SESSION, "a", bytes("1")));
        gate.awaitReached();
        Threads.Running<Boolean> closer = Threads.run(database::close).awaitWaiting();
        assertThat(faults.count(Operation.CLOSE)).isZero();
        goOn.countDown();
        assertThat(late.failure()).isInstanceOf(IllegalStateException.class);

        gate.open();
        assertThat(commit.result()).isTrue();
        assertThat(closer.result()).isTrue();
        assertThat(faults.calls().get(faults.calls().size() - 1).operation()).isEqualTo(Operation.CLOSE);
        assertThat(faults.count(Operation.COMMIT)).isEqualTo(1);
    }

    @Test
    @DisplayName("R29 inTransaction is true on a transaction's handle and false on the store's")
    void inTransaction_handleAndStore_tellApart() {
        assertThat(alice.inTransaction()).isFalse();
        assertThat(alice.readOnly().inTransaction()).isFalse();
        alice.useTransaction("k", tx -> {
            assertThat(tx.inTransaction()).isTrue();
            assertThat(tx.readOnly().inTransaction()).isTrue();
            assertThat(alice.inTransaction()).isFalse();
        });
    }

    @Test
    @DisplayName("R30 a thread that dies inside a transaction frees its lock; the waiters continue")
    void transaction_threadDies_freesTheLock() throws Exception {
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch die = new CountDownLatch(1);
        Threads.Running<Boolean> dying = Threads.run(() -> alice.useTransaction("bob", tx -> {
            tx.put(KeyTypes.SESSION, "a", bytes("1"));
            held.countDown();
            await(die);
            throw new OutOfMemoryError("planted");
        }));
        await(held);
        Threads.Running<Boolean> waiter =
                Threads.run(() -> alice.useTransaction("bob", tx -> {})).awaitWaiting();
        die.countDown();

        assertThat(dying.failure()).isInstanceOf(OutOfMemoryError.class);
        assertThat(waiter.result()).isTrue();
        assertThat(session("a")).isEmpty();
    }

    @Test
    @DisplayName(
            "R15 an insert in a transaction fails at once if the id exists, and at the commit if it was created since")
    void insert_inTransaction_refusesExisting() {
        alice.put(KeyTypes.SESSION, "a", bytes("1"));
        alice.useTransaction("k", tx -> {
            assertThatThrownBy(() -> tx.insert(KeyTypes.SESSION, "a", bytes("2")))
                    .isInstanceOf(EntryExistsException.class);
            tx.insert(KeyTypes.SESSION, "b", bytes("2"));
            assertThatThrownBy(() -> tx.insert(KeyTypes.SESSION, "b", bytes("3")))
                    .isInstanceOf(EntryExistsException.class);
        });
        assertThat(session("a")).hasValue("1");
        assertThat(session("b")).hasValue("2");
        assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                    tx.insert(KeyTypes.SESSION, "c", bytes("mine"));
                    alice.insert(KeyTypes.SESSION, "c", bytes("theirs"));
                }))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(session("c")).hasValue("theirs");
    }

    @Test
    @DisplayName("R8 null or blank lock keys and an empty set of them are refused with the argument's name")
    void transaction_badLockKeys_areRefused() {
        assertThatThrownBy(() -> alice.useTransaction(" ", tx -> {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("lockKey");
        assertThatThrownBy(() -> alice.transaction((String) null, tx -> null))
                .isInstanceOf(NullPointerException.class)
                .hasMessageContaining("lockKey");
        assertThatThrownBy(() -> alice.transaction(Set.of(), tx -> null))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("lockKeys");
        alice.useTransaction(
                "k",
                tx -> assertThatThrownBy(() -> tx.useTransaction("", inner -> {}))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("lockKey"));
    }

    private static Throwable failureOf(Threads.Running<?> running) {
        try {
            return running.failure();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static <T> T resultOf(Threads.Running<T> running) {
        try {
            return running.result();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(Threads.DEADLINE_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("not reached in time");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void meet(CountDownLatch all) {
        all.countDown();
        await(all);
    }
}
