package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.keystore.CommitFailedException;
import dev.keystore.ContextMovedException;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StaleStoreException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

@Timeout(60)
class FreshnessTest {

    private final MemoryBackend memory = new MemoryBackend();
    private final TestAnchor anchor = new TestAnchor();

    private SignalKeyDatabase open(Backend backend) {
        return open(backend, new RecordedEvents());
    }

    private SignalKeyDatabase open(Backend backend, RecordedEvents events) {
        return SignalKeyDatabase.builder()
                .backend(backend)
                .freshnessAnchor(anchor)
                .listener(events)
                .open();
    }

    private static void commit(SignalKeyDatabase database, String context, int commits) {
        SignalKeyStore store = database.forContext(context);
        for (int i = 0; i < commits; i++) {
            store.put(KeyTypes.SESSION, "bob.1", bytes("ratchet " + i));
        }
    }

    /** Opens a store, commits to a context and closes it again. */
    private void use(Backend backend, String context, int commits) {
        try (SignalKeyDatabase database = open(backend)) {
            commit(database, context, commits);
        }
    }

    private static StaleStoreException refusal(SignalKeyDatabase database, String context) {
        try {
            database.forContext(context);
        } catch (StaleStoreException e) {
            return e;
        }
        throw new AssertionError("context " + context + " was opened");
    }

    @Test
    @DisplayName("R82 a store that was closed, or not closed, opens again and again with its anchor")
    void goodStore_opensAgain() throws Exception {
        for (int opening = 0; opening < 5; opening++) {
            use(memory.reopen(), "alice", 3);
        }
        for (int opening = 0; opening < 5; opening++) {
            CountDownLatch raised = anchor.awaitWrites(1);
            SignalKeyDatabase killed = open(memory.reopen());
            commit(killed, "alice", 3);
            raised.await(10, TimeUnit.SECONDS);
        }
        for (int opening = 0; opening < 5; opening++) {
            anchor.failWrites(true);
            SignalKeyDatabase killed = open(memory.reopen());
            if (opening == 0) {
                commit(killed, "alice", 3);
            }
            anchor.failWrites(false);
        }
        use(memory.reopen(), "alice", 3);
    }

    @Test
    @DisplayName(
            "R84 a context that is open and due for an entry of the anchor is moved, on a backend without ownership")
    void openContext_withoutOwnership_isMoved() {
        use(FaultyBackend.grouping(memory, new Faults()), "alice", 1);

        try (SignalKeyDatabase source = open(FaultyBackend.grouping(memory.reopen(), new Faults()));
                SignalKeyDatabase target =
                        SignalKeyDatabase.builder().backend(new MemoryBackend()).open()) {
            SignalKeyStore former = source.forContext("alice");
            StoreMove.from(source)
                    .to(target, "the new place")
                    .contexts(Set.of("alice"))
                    .run();

            assertThat(target.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .contains(bytes("ratchet 0"));
            assertThatThrownBy(() -> former.put(KeyTypes.SESSION, "bob.1", bytes("late")))
                    .isInstanceOf(ContextMovedException.class);
        }
    }

    @Test
    @DisplayName("R82 an old copy is refused after a clean close, with the exact number of missing commits")
    void oldCopy_afterCleanClose_isRefused() {
        use(memory.reopen(), "alice", 3);
        MemoryBackend copy = memory.copy();
        Instant before = Instant.now().minusMillis(1);
        use(memory.reopen(), "alice", 5);
        use(memory.reopen(), "alice", 1);
        MemoryBackend untouched = copy.copy();

        try (SignalKeyDatabase old = open(copy)) {
            StaleStoreException refused = refusal(old, "alice");

            assertThat(refused.missingCommits()).isEqualTo(6);
            assertThat(refused.since()).isBetween(before, Instant.now());
            assertThat(refused.isWrittenCopy()).isFalse();
            assertThat(refused.context()).isEqualTo("alice");
            assertThat(refused).hasMessageContaining("alice").hasMessageContaining("6 commits");
        }
        assertThat(copy.reopen().position("alice")).isEqualTo(untouched.position("alice"));
        assertThat(copy.reopen().takeOver("alice")).isEqualTo(untouched.takeOver("alice"));
    }

    @Test
    @DisplayName("R82 an old copy is refused within a lease, once the store was closed cleanly")
    void oldCopy_withinLease_isRefused() {
        MemoryBackend copy;
        try (SignalKeyDatabase database = open(memory.reopen())) {
            commit(database, "alice", 10);
            copy = memory.copy();
            commit(database, "alice", 1);
        }
        try (SignalKeyDatabase old = open(copy)) {
            assertThat(refusal(old, "alice").missingCommits()).isEqualTo(1);
        }
    }

    @Test
    @DisplayName("R82 after a kill, an old copy from before the last raise of the anchor is refused")
    void oldCopy_afterKill_isRefused() throws Exception {
        use(memory.reopen(), "alice", 3);
        MemoryBackend copy = memory.copy();
        CountDownLatch raised = anchor.awaitWrites(1);
        commit(open(memory.reopen()), "alice", 1); // never closed
        assertThat(raised.await(10, TimeUnit.SECONDS)).isTrue();

        try (SignalKeyDatabase old = open(copy);
                SignalKeyDatabase good = open(memory.reopen())) {
            assertThat(refusal(old, "alice").missingCommits()).isEqualTo(1);
            commit(good, "alice", 1);
        }
    }

    @Test
    @DisplayName("R82 a copy from before the anchor was configured is refused")
    void oldCopy_withoutEntry_isRefused() {
        try (SignalKeyDatabase plain =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            plain.storeId();
            commit(plain, "alice", 2);
        }
        MemoryBackend copy = memory.copy();
        use(memory.reopen(), "alice", 4);

        try (SignalKeyDatabase old = open(copy)) {
            assertThat(refusal(old, "alice").missingCommits()).isEqualTo(4);
        }
    }

    @Test
    @DisplayName("R83 two copies that were both written to are recognised, with the anchor and without it")
    void clone_written_isRecognised() {
        use(memory.reopen(), "alice", 3);
        MemoryBackend clone = memory.copy();
        MemoryBackend unanchored = memory.copy();
        use(memory.reopen(), "alice", 2);
        try (SignalKeyDatabase plain =
                SignalKeyDatabase.builder().backend(unanchored.reopen()).open()) {
            commit(plain, "alice", 7);
        }
        TestAnchor other = new TestAnchor();
        try (SignalKeyDatabase elsewhere = SignalKeyDatabase.builder()
                .backend(clone.reopen())
                .freshnessAnchor(other)
                .property(AnchorLocator.LOST, "accept")
                .open()) {
            commit(elsewhere, "alice", 7);
        }
        for (MemoryBackend each : new MemoryBackend[] {clone, unanchored}) {
            try (SignalKeyDatabase second = open(each)) {
                StaleStoreException refused = refusal(second, "alice");
                assertThat(refused.isWrittenCopy()).isTrue();
                assertThat(refused).hasMessageContaining("two copies");
            }
        }
    }

    @Test
    @DisplayName("R83 R100 a clone that was opened before the other copy wrote is refused once both have written")
    void clone_openAtOnce_isRefused() throws Exception {
        use(memory.reopen(), "alice", 3);
        MemoryBackend clone = memory.copy();
        RecordedEvents events = new RecordedEvents();
        try (SignalKeyDatabase first = open(memory.reopen());
                SignalKeyDatabase second = open(clone, events)) {
            SignalKeyStore alice = second.forContext("alice");
            CountDownLatch raised = anchor.awaitWrites(1);
            commit(first, "alice", 1);
            assertThat(raised.await(10, TimeUnit.SECONDS)).isTrue();
            second.forContext("bob");
            assertThat(second.staleContexts()).isEmpty();
            alice.put(KeyTypes.SESSION, "bob.1", bytes("clone"));

            commit(first, "alice", 1);
            assertThatThrownBy(() -> {
                        while (true) {
                            alice.put(KeyTypes.SESSION, "bob.1", bytes("clone")); // until the anchor was looked at
                        }
                    })
                    .isInstanceOfSatisfying(
                            StaleStoreException.class,
                            e -> assertThat(e.isWrittenCopy()).isTrue());
            assertThat(second.staleContexts()).containsExactly("alice");
            assertThat(events.take()).endsWith("commit: STALE").doesNotContain("commit: NOT_WRITTEN");
            assertThat(first.staleContexts()).isEmpty();
        }
    }

    @Test
    @DisplayName("R82 the anchor is written once for a new store, once after the first commit, once for 2,000 further"
            + " ones, and at the end")
    void writes_areCounted() throws Exception {
        try (SignalKeyDatabase database = open(memory.reopen())) {
            for (int lease = 0; lease < 5; lease++) {
                CountDownLatch raised = anchor.awaitWrites(1);
                commit(database, "alice", 1);
                assertThat(raised.await(10, TimeUnit.SECONDS)).isTrue();
                awaitRaised(database, "alice");
                commit(database, "alice", 1_999);
                assertThat(anchor.writes()).isEqualTo(lease + 2);
            }
        }
        assertThat(anchor.writes()).isEqualTo(7); // for 10,000 commits
        use(memory.reopen(), "alice", 0);
        assertThat(anchor.writes()).isEqualTo(7);
    }

    /** Waits until the thread of the raiser has recorded a write that was made. */
    private static void awaitRaised(SignalKeyDatabase database, String context) {
        ContextFreshness freshness = database.opened(context).freshness();
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (freshness.anchored() == null || !freshness.isRaised()) {
            assertThat(System.nanoTime()).as("time of raising " + context).isLessThan(deadlineNanos);
            Thread.onSpinWait();
        }
    }

    @Test
    @DisplayName("R82 the anchor is raised for many contexts in one write")
    void writes_ofManyContexts_areOne() throws Exception {
        TestAnchor.HeldWrites gate = anchor.holdWrites();
        SignalKeyDatabase database = open(memory.reopen());
        for (int i = 0; i < 1_000; i++) {
            commit(database, "account " + i, 1);
        }
        gate.open();
        database.close();

        assertThat(anchor.records()).hasSize(1_001);
        assertThat(anchor.writes()).isLessThanOrEqualTo(4);
        try (SignalKeyDatabase again = open(memory.reopen())) {
            commit(again, "account 999", 1);
        }
    }

    @Test
    @DisplayName("R82 the first commits of 10,000 contexts share writes: at most 10 in a second, and one for 1,024")
    void writes_ofManyContexts_areShared() {
        int contexts = 10_000;
        long startNanos = System.nanoTime();
        try (SignalKeyDatabase database = open(memory.reopen())) {
            for (int context = 0; context < contexts; context++) {
                commit(database, "account " + context, 1);
            }
        }
        long gathered = (System.nanoTime() - startNanos) / AnchorRaiser.GATHER_NANOS;

        assertThat(anchor.records()).hasSize(contexts + 1);
        assertThat(anchor.writes()).isLessThanOrEqualTo((int) gathered + contexts / 1_024 + 3);
    }

    @Test
    @DisplayName("R82 contexts with few commits cost one write each at most, and one at closing for all of them")
    void writes_ofContextsWithFewCommits() {
        try (SignalKeyDatabase database = open(memory.reopen())) {
            for (int commit = 0; commit < 10; commit++) {
                for (int context = 0; context < 100; context++) {
                    commit(database, "account " + context, 1);
                }
            }
        }

        assertThat(anchor.records()).hasSize(101);
        assertThat(anchor.writes()).isBetween(2, 102);
    }

    @Test
    @DisplayName("R82 another process takes a context over while the former owner is raising the anchor")
    void takeOver_whileRaising_isAccepted() throws Exception {
        use(memory.reopen(), "alice", 1);
        TestAnchor.HeldWrites ofFirst = anchor.holdWrites();
        SignalKeyDatabase first = open(memory.reopen());
        commit(first, "alice", 1);
        ofFirst.awaitArrival();
        TestAnchor.HeldWrites ofSecond = anchor.holdWrites();
        try (SignalKeyDatabase second = open(memory.reopen())) {
            commit(second, "alice", 1);
            ofSecond.awaitArrival();
            CountDownLatch raised = anchor.awaitWrites(1);
            ofFirst.open();
            assertThat(raised.await(10, TimeUnit.SECONDS)).isTrue();
            ofSecond.open();
            assertThatThrownBy(() -> commit(first, "alice", 1)).isInstanceOf(OwnershipLostException.class);
            first.close();
            commit(second, "alice", 1);
        }
        use(memory.reopen(), "alice", 1);
    }

    @Test
    @DisplayName("R82 an anchor that is out of reach at opening is an error, and nothing is changed")
    void load_fails_refusesToOpen() {
        use(memory.reopen(), "alice", 1);
        anchor.failLoads(true);
        assertThatThrownBy(() -> open(memory.reopen()))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("anchor")
                .hasMessageContaining("out of reach");
        anchor.failLoads(false);
        try (SignalKeyDatabase database = open(memory.reopen())) {
            anchor.failLoads(true);
            assertThatThrownBy(() -> database.forContext("alice"))
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("alice");
            anchor.failLoads(false);
            assertThat(memory.takeOver("alice")).isEqualTo(2);
            commit(database, "alice", 1);
        }
    }

    @Test
    @DisplayName("R82 commits continue while the anchor cannot be raised, and the store opens again whatever was lost")
    void replace_fails_commitsGoOn() {
        for (int failing = 0; failing < 4; failing++) {
            anchor.failWrites((failing & 1) != 0).loseAnswers((failing & 2) != 0);
            use(memory.reopen(), "alice", 2);
            anchor.failWrites(false).loseAnswers(false);
            use(memory.reopen(), "alice", 2);
        }
        MemoryBackend copy = memory.copy();
        anchor.loseAnswers(true);
        use(memory.reopen(), "alice", 2);
        anchor.loseAnswers(false);
        use(memory.reopen(), "alice", 2);
        try (SignalKeyDatabase old = open(copy)) {
            assertThat(refusal(old, "alice").missingCommits()).isPositive();
        }
    }

    @Test
    @DisplayName("R82 a store that has an anchor and is opened to be written without it is a warning in the log")
    void anchoredStore_openedWithoutAnchor_isLogged() {
        ListAppender<ILoggingEvent> appender = new ListAppender<>();
        appender.start();
        Logger logger = (Logger) LoggerFactory.getLogger(Freshness.class);
        logger.addAppender(appender);
        try {
            SignalKeyDatabase.builder().backend(memory.reopen()).open().close();
            use(memory.reopen(), "alice", 1);
            SignalKeyDatabase.builder()
                    .backend(memory.reopen())
                    .readingOnly()
                    .open()
                    .close();
            assertThat(appender.list).isEmpty();

            SignalKeyDatabase.builder().backend(memory.reopen()).open().close();
        } finally {
            logger.detachAppender(appender);
        }
        assertThat(appender.list).singleElement().satisfies(event -> {
            assertThat(event.getLevel()).isEqualTo(Level.WARN);
            assertThat(event.getMessage()).contains("opened without it").contains("freshness.anchor");
        });
    }

    @Test
    @DisplayName("R82 a store that is opened only for reading is not compared with an anchor, which stays as it is")
    void readingOnly_isNotCompared() {
        use(memory.reopen(), "alice", 1);
        Map<String, byte[]> kept = anchor.records();
        anchor.forget();
        int loads = anchor.loads();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .freshnessAnchor(anchor)
                .readingOnly()
                .open()) {
            assertThat(database.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .isPresent();
            assertThatThrownBy(() -> database.forContext("alice").delete(KeyTypes.SESSION, "bob.1"))
                    .isInstanceOf(CommitFailedException.class)
                    .hasMessageContaining("the store was opened for reading only; open it without readingOnly()");
        }
        assertThat(anchor.loads()).isEqualTo(loads);
        assertThat(anchor.records()).isEmpty();
        anchor.remember(kept);
        use(memory.reopen(), "alice", 1);
    }

    @Test
    @DisplayName("R82 a context whose position cannot be read does not keep the anchor from being raised for others")
    void raise_oneContextUnreadable_othersAreRaised() throws Exception {
        Faults faults = new Faults();
        SignalKeyDatabase database = open(FaultyBackend.complete(memory.reopen(), faults));
        database.forContext("unreadable");
        TestAnchor.HeldWrites gate = anchor.holdWrites();
        commit(database, "first", 1);
        gate.awaitArrival();
        faults.on(Operation.POSITION)
                .inContext("unreadable")
                .forever()
                .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        for (String context : List.of("unreadable", "alice", "bob")) {
            commit(database, context, 1); // all are raised in one write
        }
        gate.open();
        awaitRaised(database, "alice");
        awaitRaised(database, "bob");
        assertThat(database.opened("unreadable").freshness().isRaised()).isFalse();

        faults.heal();
        commit(database, "carol", 1);
        awaitRaised(database, "unreadable");
        database.close();
    }

    @Test
    @DisplayName("R82 a context whose record in the anchor is damaged does not keep it from being raised for others")
    void raise_recordDamaged_othersAreRaised() throws Exception {
        SignalKeyDatabase database = open(memory.reopen());
        commit(database, "damaged", 1);
        awaitRaised(database, "damaged");
        Map<String, byte[]> kept = anchor.records();
        TestAnchor.HeldWrites gate = anchor.holdWrites();
        commit(database, "first", 1);
        gate.awaitArrival();
        commit(database, "damaged", 2_001);
        for (int i = 0; i < 10; i++) {
            commit(database, "account " + i, 1);
        }
        kept.replaceAll((key, stored) -> new byte[] {9});
        anchor.remember(kept);
        gate.open();

        for (int i = 0; i < 10; i++) {
            awaitRaised(database, "account " + i);
        }
        assertThat(database.opened("damaged").freshness().isRaised()).isFalse();
        database.close();
    }

    @Test
    @DisplayName("R82 whichever call of the anchor fails, made or not, the store opens again, and an old copy does not")
    void eachCall_fails_storeOpensAgain() {
        for (boolean made : new boolean[] {false, true}) {
            boolean reached = true;
            for (int call = 1; reached; call++) {
                use(memory.reopen(), "alice", 1);
                use(memory.reopen(), "alice", 1);
                MemoryBackend copy = memory.copy();
                anchor.failAt(call, made);
                try {
                    use(memory.reopen(), "alice", 1);
                } catch (StoreOpenException e) {
                    assertThat(e).hasMessageContaining("this call fails");
                }
                reached = anchor.isFailureReached();
                anchor.failAt(0, false);
                use(memory.reopen(), "alice", 1);
                try (SignalKeyDatabase old = open(copy)) {
                    assertThat(refusal(old, "alice").missingCommits()).isPositive();
                }
                assertThat(call).isLessThan(20);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(BackendException.Kind.class)
    @DisplayName(
            "R82 R12 a commit that fails, or whose outcome is unknown, does not raise the anchor ahead of the store")
    void commit_fails_anchorStays(BackendException.Kind kind) {
        use(memory.reopen(), "alice", 1);
        for (Moment moment : Moment.values()) {
            Faults faults = new Faults();
            try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                    .backend(FaultyBackend.complete(memory.reopen(), faults))
                    .freshnessAnchor(anchor)
                    .commitTimeout(Duration.ofMillis(300))
                    .open()) {
                database.forContext("alice");
                int writes = anchor.writes();
                faults.on(Operation.COMMIT).forever().fail(moment, kind);
                assertThatThrownBy(() -> commit(database, "alice", 1)).isInstanceOf(KeyStoreException.class);
                assertThat(anchor.writes()).isEqualTo(writes);
            }
            use(memory.reopen(), "alice", 1);
        }
    }

    @Test
    @DisplayName("R82 the next entry waits until the anchor has been raised to the one before it")
    void entry_waitsForTheAnchor() throws Exception {
        use(memory.reopen(), "alice", 1);
        TestAnchor.HeldWrites gate = anchor.holdWrites();
        SignalKeyDatabase owner = open(memory.reopen());
        commit(owner, "alice", 4_100);
        CountDownLatch raised = anchor.awaitWrites(1);
        anchor.failWritesAfter(1);
        gate.open();
        assertThat(raised.await(10, TimeUnit.SECONDS)).isTrue();

        try (SignalKeyDatabase next = open(memory.copy())) {
            assertThat(next.forContext("alice").context()).isEqualTo("alice");
        }
    }

    @Test
    @DisplayName("R82 a context whose owner raises the anchor twice while it is compared is read again")
    void check_betweenTwoRaises_readsAgain() throws Exception {
        try (SignalKeyDatabase owner = open(memory.reopen());
                SignalKeyDatabase reader = open(memory.reopen())) {
            commit(owner, "alice", 1);
            awaitRaised(owner, "alice");
            anchor.afterNextLoad(() -> {
                for (int lease = 0; lease < 2; lease++) {
                    commit(owner, "alice", 2_000);
                    awaitRaised(owner, "alice");
                }
            });
            reader.engine().takeovers.compare("alice", reader.engine().attempts());
            assertThat(anchor.writes()).isEqualTo(4);
        }
    }

    @Test
    @DisplayName("R82 a process that compares a context while its owner is writing never finds it stale")
    void check_whileOwnerWrites_isAccepted() throws Exception {
        SignalKeyDatabase owner = open(memory.reopen());
        Thread writer = new Thread(() -> {
            SignalKeyStore alice = owner.forContext("alice");
            while (true) {
                try {
                    alice.put(KeyTypes.SESSION, "bob.1", bytes("1"));
                } catch (IllegalStateException closed) {
                    return;
                }
            }
        });
        writer.start();
        while (memory.position("alice").isEmpty()) {
            Thread.onSpinWait();
        }
        try (SignalKeyDatabase reader = open(memory.reopen())) {
            for (int check = 0; check < 3_000; check++) {
                reader.engine().takeovers.compare("alice", reader.engine().attempts());
            }
        }
        owner.close();
        writer.join();
        assertThat(anchor.writes()).isPositive();
    }

    @Test
    @DisplayName(
            "R82 an anchor that lost its records is an error, also after a single session, unless that is accepted")
    void anchor_lost_refusesToOpen() {
        for (int session = 0; session < 2; session++) {
            use(memory.reopen(), "alice", 1);
            Map<String, byte[]> kept = anchor.records();
            anchor.forget();
            assertThatThrownBy(() -> open(memory.reopen()))
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining(AnchorLocator.LOST);
            anchor.remember(kept);
        }
        anchor.forget();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .freshnessAnchor(anchor)
                .property(AnchorLocator.LOST, "accept")
                .open()) {
            commit(database, "alice", 1);
        }
        use(memory.reopen(), "alice", 1);
    }

    @Test
    @DisplayName("R82 an anchor that lost the record of one context is an error from the second session on")
    void anchor_lostOneRecord_refusesToOpen() {
        use(memory.reopen(), "bob", 1);
        Map<String, byte[]> kept = anchor.records();
        use(memory.reopen(), "alice", 1);
        use(memory.reopen(), "alice", 1);
        anchor.forget();
        anchor.remember(kept);
        try (SignalKeyDatabase database = open(memory.reopen())) {
            assertThatThrownBy(() -> database.forContext("alice"))
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining(AnchorLocator.LOST);
            commit(database, "bob", 1);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = BackendException.Kind.class,
            names = {"TRANSIENT", "PERMANENT"})
    @DisplayName("R82 an anchor without a record is an error if it is unknown whether there was one")
    void anchoredEntry_notReadable_refusesToOpen(BackendException.Kind kind) {
        use(memory.reopen(), "alice", 1);
        Map<String, byte[]> kept = anchor.records();
        Faults faults = new Faults();
        faults.on(Operation.LOAD).of("_store", "anchored").forever().fail(Moment.BEFORE, kind);
        open(FaultyBackend.complete(memory.reopen(), faults)).close(); // the anchor has its record
        anchor.forget();

        assertThatThrownBy(() -> open(FaultyBackend.complete(memory.reopen(), faults)))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("unknown whether it has had a freshness anchor");

        assertThat(anchor.records()).isEmpty();
        anchor.remember(kept);
        use(memory.reopen(), "alice", 1);
    }

    @Test
    @DisplayName("R82 an anchor that cannot be written when it first sees a store is an error, and nothing is changed")
    void recordOfStore_notWritten_refusesToOpen() {
        anchor.failWrites(true);
        assertThatThrownBy(() -> open(memory.reopen()))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("anchor could not be written");
        anchor.failWrites(false).loseAnswers(true);
        assertThatThrownBy(() -> open(memory.reopen())).isInstanceOf(StoreOpenException.class);
        anchor.loseAnswers(false);
        use(memory.reopen(), "alice", 1);
        use(memory.reopen(), "alice", 1);
    }

    @Test
    @DisplayName("R82 R17 R18 clear and erase keep what the anchor is compared with, and it is not listed")
    void eraseAndClear_keepTheEntry() {
        use(memory.reopen(), "alice", 1);
        MemoryBackend copy = memory.copy();
        try (SignalKeyDatabase database = open(memory.reopen())) {
            database.forContext("alice").clear();
            database.forContext("alice").erase();
            assertThat(database.forContext("alice").verify()).isEmpty();
        }
        try (SignalKeyDatabase plain =
                        SignalKeyDatabase.builder().backend(memory.reopen()).open();
                Stream<String> contexts = plain.contexts()) {
            assertThat(contexts).isEmpty();
        }
        use(memory.reopen(), "alice", 1);
        try (SignalKeyDatabase old = open(copy)) {
            assertThat(refusal(old, "alice")).isNotNull();
        }
    }

    @Test
    @DisplayName("R82 R70 an encrypted store with hidden names is compared as well, also after an erase")
    void encrypted_isCompared() {
        ObservedSealing sealing = new ObservedSealing(TestEncryption.create().hidingNames());
        MemoryBackend copy = null;
        for (int opening = 0; opening < 3; opening++) {
            try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                    .backend(memory.reopen())
                    .encryption(sealing)
                    .freshnessAnchor(anchor)
                    .open()) {
                commit(database, "alice", 2);
                if (opening == 1) {
                    database.forContext("alice").erase();
                }
            }
            copy = copy == null ? memory.copy() : copy;
        }
        try (SignalKeyDatabase old = SignalKeyDatabase.builder()
                .backend(copy)
                .encryption(sealing)
                .freshnessAnchor(anchor)
                .open()) {
            assertThat(refusal(old, "alice").missingCommits()).isEqualTo(5);
        }
    }

    @Test
    @DisplayName("R82 a copy of a context in another store has separate tokens")
    void storeCopy_hasOtherTokens() {
        MemoryBackend target = new MemoryBackend();
        use(memory.reopen(), "alice", 2);
        try (SignalKeyDatabase from = open(memory.reopen());
                SignalKeyDatabase to = open(target)) {
            StoreCopy.from(from).to(to).run();
            commit(to, "alice", 2);
        }
        use(target.reopen(), "alice", 1);
        use(memory.reopen(), "alice", 1);
        assertThat(anchor.records()).hasSize(4);
    }

    @Test
    @DisplayName("R82 R84 a copy of the source of a move, from after its last close, is refused")
    void oldCopy_ofMovedContext_isRefused() {
        use(memory.reopen(), "alice", 3);
        MemoryBackend copy = memory.copy();
        try (SignalKeyDatabase source = open(memory.reopen());
                SignalKeyDatabase target =
                        SignalKeyDatabase.builder().backend(new MemoryBackend()).open()) {
            StoreMove.from(source).to(target, "the new place").run();
        }
        try (SignalKeyDatabase old = open(copy)) {
            assertThat(refusal(old, "alice").missingCommits()).isEqualTo(1);
        }
        try (SignalKeyDatabase moved = open(memory.reopen())) {
            assertThatThrownBy(() -> moved.forContext("alice")).isInstanceOf(ContextMovedException.class);
        }
    }

    @Test
    @DisplayName("R82 R84 a copy of the target of a move, from before it was written, is refused")
    void oldCopy_ofTargetOfMove_isRefused() {
        MemoryBackend source = new MemoryBackend();
        use(source.reopen(), "alice", 2);
        use(memory.reopen(), "bob", 1);
        MemoryBackend copy = memory.copy();
        try (SignalKeyDatabase from = open(source.reopen());
                SignalKeyDatabase to = open(memory.reopen())) {
            StoreMove.from(from).to(to, "the new place").run();
        }
        try (SignalKeyDatabase old = open(copy)) {
            assertThat(refusal(old, "alice").missingCommits()).isPositive();
            commit(old, "bob", 1);
        }
        use(memory.reopen(), "alice", 1);
    }

    @Test
    @DisplayName("R82 R90 a copy of the target of a copy, from before it was written, is refused")
    void oldCopy_ofTargetOfCopy_isRefused() {
        MemoryBackend source = new MemoryBackend();
        use(source.reopen(), "alice", 2);
        use(memory.reopen(), "alice", 3);
        MemoryBackend copy = memory.copy();
        try (SignalKeyDatabase from = open(source.reopen());
                SignalKeyDatabase to = open(memory.reopen())) {
            StoreCopy.from(from).to(to).replacing().run();
        }
        try (SignalKeyDatabase old = open(copy)) {
            assertThat(refusal(old, "alice").missingCommits()).isEqualTo(1);
        }
        use(memory.reopen(), "alice", 1);
    }

    @Test
    @DisplayName("R46 the message names restore, and does not advise to put a copy back")
    void message_namesRestore() {
        use(memory.reopen(), "alice", 1);
        MemoryBackend copy = memory.copy();
        use(memory.reopen(), "alice", 1);
        try (SignalKeyDatabase old = open(copy)) {
            assertThat(refusal(old, "alice"))
                    .hasMessageContaining("restore")
                    .hasMessageContaining("newest copy")
                    .hasMessageNotContaining("put");
        }
    }

    @Test
    @DisplayName("R82 without an anchor, no entry for it is written")
    void noAnchor_writesNothing() {
        try (SignalKeyDatabase plain =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            commit(plain, "alice", 3);
        }
        assertThat(memory.list("alice")).hasSize(1);
        assertThat(anchor.loads()).isZero();
    }
}
