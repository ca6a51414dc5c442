package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.PrefixScan;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class FaultyBackendTest {

    private static final String TYPE = "session";

    private final MemoryBackend memory = new MemoryBackend();
    private final Faults faults = new Faults();
    private final ContextAwareBackend plain = FaultyBackend.plain(memory, faults);

    @Test
    void variants_implementTheirCapabilities() {
        assertImplements(FaultyBackend.plain(new MinimalBackend(), faults), PersistenceBackend.class);
        assertImplements(plain, ContextAwareBackend.class);
        assertImplements(FaultyBackend.atomic(memory, faults), ContextAwareBackend.class, AtomicCommit.class);
        assertImplements(
                FaultyBackend.grouping(memory, faults),
                ContextAwareBackend.class,
                AtomicCommit.class,
                GroupCommit.class);
        assertImplements(
                FaultyBackend.complete(memory, faults),
                ContextAwareBackend.class,
                AtomicCommit.class,
                GroupCommit.class,
                BulkLoad.class,
                PrefixScan.class,
                ContextOwnership.class);
    }

    @Test
    void fail_beforeNthWrite_leavesThatOneUnwritten() {
        faults.on(Operation.SAVE, Operation.DELETE).nth(3).fail(Moment.BEFORE, Kind.PERMANENT);
        plain.save("alice", TYPE, "1", bytes("a"));
        plain.delete("alice", TYPE, "0");

        assertFails(Kind.PERMANENT, () -> plain.save("alice", TYPE, "2", bytes("b")));
        assertThat(memory.load("alice", TYPE, "2")).isEmpty();
        plain.save("alice", TYPE, "2", bytes("b"));
        assertThat(memory.load("alice", TYPE, "2")).contains(bytes("b"));
    }

    @Test
    void fail_after_leavesItWritten() {
        faults.on(Operation.SAVE).fail(Moment.AFTER, Kind.OUTCOME_UNKNOWN);
        faults.on(Operation.DELETE).fail(Moment.AFTER, Kind.OUTCOME_UNKNOWN);

        assertFails(Kind.OUTCOME_UNKNOWN, () -> plain.save("alice", TYPE, "1", bytes("a")));
        assertThat(memory.load("alice", TYPE, "1")).contains(bytes("a"));
        assertFails(Kind.OUTCOME_UNKNOWN, () -> plain.delete("alice", TYPE, "1"));
        assertThat(memory.load("alice", TYPE, "1")).isEmpty();
    }

    @Test
    void fail_saveMidway_leavesHalfOfTheBytes() {
        faults.on(Operation.SAVE).fail(Moment.MIDWAY, Kind.PERMANENT);

        assertFails(Kind.PERMANENT, () -> plain.save("alice", TYPE, "1", bytes("abcd")));
        assertThat(memory.load("alice", TYPE, "1")).contains(bytes("ab"));
    }

    @Test
    void fail_severalTimes_thenHeals() {
        faults.on(Operation.LOAD).times(2).fail(Moment.BEFORE, Kind.TRANSIENT);

        assertFails(Kind.TRANSIENT, () -> plain.load("alice", TYPE, "1"));
        assertFails(Kind.TRANSIENT, () -> plain.load("alice", TYPE, "1"));
        assertThat(plain.load("alice", TYPE, "1")).isEmpty();
    }

    @Test
    void fail_foreverForOneEntry_untilHealed() {
        faults.on(Operation.LOAD)
                .of(TYPE, "bad")
                .inContext("alice")
                .forever()
                .fail(Moment.BEFORE, () -> new IllegalStateException("injected"));

        for (int i = 0; i < 5; i++) {
            assertThatIllegalStateException().isThrownBy(() -> plain.load("alice", TYPE, "bad"));
        }
        assertThat(plain.load("alice", TYPE, "good")).isEmpty();
        assertThat(plain.load("bob", TYPE, "bad")).isEmpty();
        faults.heal();
        assertThat(plain.load("alice", TYPE, "bad")).isEmpty();
        assertThat(faults.loads(TYPE, "bad")).isEqualTo(7);
    }

    @Test
    void fail_listMidway_failsWhileReading() {
        memory.save("alice", TYPE, "1", bytes("a"));
        memory.save("alice", TYPE, "2", bytes("b"));
        faults.on(Operation.LIST).fail(Moment.MIDWAY, Kind.PERMANENT);

        List<EntryId> read = new ArrayList<>();
        try (Stream<EntryId> listed = plain.list("alice")) {
            assertFails(Kind.PERMANENT, () -> listed.forEach(read::add));
        }
        assertThat(read).containsExactly(new EntryId(TYPE, "1"));
    }

    @Test
    void fail_commitAtAnyMoment_leavesAllOrNothing() {
        for (Moment moment : Moment.values()) {
            for (ContextAwareBackend backend : List.of(
                    FaultyBackend.atomic(memory, faults),
                    FaultyBackend.grouping(memory, faults),
                    FaultyBackend.complete(memory, faults))) {
                memory.commit(batch("alice", put("1", "old"), new Delete(TYPE, "2")));
                faults.on(Operation.COMMIT).fail(moment, Kind.OUTCOME_UNKNOWN);

                assertFails(
                        Kind.OUTCOME_UNKNOWN,
                        () -> ((AtomicCommit) backend).commit(batch("alice", put("1", "new"), put("2", "new"))));
                boolean written = moment == Moment.AFTER;
                assertThat(memory.load("alice", TYPE, "1")).contains(bytes(written ? "new" : "old"));
                assertThat(memory.load("alice", TYPE, "2").isPresent()).isEqualTo(written);
            }
        }
    }

    @Test
    void fail_groupMidway_deliversItsFirstHalf() {
        List<Integer> read = new ArrayList<>();
        Delegating.Grouping recording = new Delegating.Grouping() {
            @Override
            public void commit(List<Batch> group) {
                for (Batch batch : group) {
                    read.add((int) batch.sequence());
                }
            }
        };
        GroupCommit backend = (GroupCommit) FaultyBackend.grouping(recording, faults);
        faults.on(Operation.COMMIT).fail(Moment.MIDWAY, Kind.TRANSIENT);

        assertFails(
                Kind.TRANSIENT,
                () -> backend.commit(List.of(
                        new Batch("a", 0, 1, List.of()),
                        new Batch("b", 0, 2, List.of()),
                        new Batch("c", 0, 3, List.of()),
                        new Batch("d", 0, 4, List.of()))));
        assertThat(read).containsExactly(1, 2);
    }

    @Test
    void fail_groupMidwayIgnoredByTheDelegate_isAnError() {
        Delegating.Grouping ignoring = new Delegating.Grouping() {
            @Override
            public void commit(List<Batch> group) {}
        };
        GroupCommit backend = (GroupCommit) FaultyBackend.grouping(ignoring, faults);
        faults.on(Operation.COMMIT).fail(Moment.MIDWAY, Kind.TRANSIENT);

        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> backend.commit(batch("alice", put("1", "a"))))
                .withMessageContaining("ignored");
    }

    @Test
    void fail_takeOverAndClose_fails() {
        ContextOwnership backend = (ContextOwnership) FaultyBackend.complete(memory, faults);
        faults.on(Operation.TAKE_OVER).fail(Moment.BEFORE, Kind.TRANSIENT);
        faults.on(Operation.CLOSE).fail(Moment.AFTER, Kind.PERMANENT);

        assertFails(Kind.TRANSIENT, () -> backend.takeOver("alice"));
        assertThat(backend.takeOver("alice")).isEqualTo(1);
        assertFails(Kind.PERMANENT, () -> ((ContextAwareBackend) backend).close());
        assertThatIllegalStateException()
                .isThrownBy(() -> memory.load("alice", TYPE, "1"))
                .withMessage("memory: could not load " + TYPE + "/1: the backend is closed");
    }

    @Test
    void hold_loadAfterItHasRead_returnsTheOldValue() throws Exception {
        memory.save("alice", TYPE, "1", bytes("old"));
        Gate gate = faults.on(Operation.LOAD).of(TYPE, "1").hold(Moment.AFTER);
        assertThat(gate.isReached()).isFalse();

        Together.run(List.of(() -> assertThat(plain.load("alice", TYPE, "1")).contains(bytes("old")), () -> {
            gate.awaitReached();
            plain.save("alice", TYPE, "1", bytes("new"));
            gate.open();
        }));
        assertThat(gate.isReached()).isTrue();
        assertThat(plain.load("alice", TYPE, "1")).contains(bytes("new"));
    }

    @Test
    void hold_interrupted_staysAndKeepsTheFlag() throws Exception {
        Gate gate = faults.on(Operation.SAVE).hold(Moment.BEFORE);
        Together.run(List.of(
                () -> {
                    Thread.currentThread().interrupt();
                    plain.save("alice", TYPE, "1", bytes("a"));
                    assertThat(Thread.interrupted()).isTrue();
                },
                () -> {
                    gate.awaitReached();
                    assertThat(memory.load("alice", TYPE, "1")).isEmpty();
                    gate.open();
                }));
        assertThat(memory.load("alice", TYPE, "1")).contains(bytes("a"));
    }

    @Test
    void run_beforeAndAfter_inTheOrderOfActivation() {
        List<String> events = new ArrayList<>();
        faults.on(Operation.SAVE).run(Moment.AFTER, () -> events.add("after, " + held()));
        faults.on(Operation.SAVE).run(Moment.BEFORE, () -> events.add("before, " + held()));
        faults.on(Operation.SAVE).run(Moment.BEFORE, () -> events.add("before again, " + held()));
        plain.save("alice", TYPE, "1", bytes("a"));

        assertThat(events).containsExactly("before, false", "before again, false", "after, true");
    }

    @Test
    void run_midway_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> faults.on(Operation.SAVE).run(Moment.MIDWAY, () -> {}));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> faults.on(Operation.COMMIT).hold(Moment.MIDWAY));
    }

    @Test
    void calls_areRecordedAndCounted() {
        ContextAwareBackend backend = FaultyBackend.complete(memory, faults);
        backend.load("alice", TYPE, "1");
        ((BulkLoad) backend).loadAll("alice", TYPE, List.of("1", "2"));
        ((GroupCommit) backend)
                .commit(List.of(batch("alice", put("1", "a"), new Delete(TYPE, "2")), batch("bob", put("1", "b"))));
        ((AtomicCommit) backend).commit(batch("alice", put("3", "c")));
        backend.list("alice").close();
        ((PrefixScan) backend).scan("alice", TYPE, "").close();

        assertThat(faults.loads(TYPE, "1")).isEqualTo(2);
        assertThat(faults.loads(TYPE, "2")).isEqualTo(1);
        assertThat(faults.groupSizes()).containsExactly(2, 1);
        assertThat(faults.mutations()).isEqualTo(4);
        assertThat(faults.commitThreads()).containsExactly(Thread.currentThread(), Thread.currentThread());
        assertThat(faults.count(Operation.LIST)).isEqualTo(2);
        assertThat(faults.count()).isEqualTo(6);
        Call group = faults.calls(Operation.COMMIT).get(0);
        assertThat(group.contexts()).containsExactly("alice", "bob");
        assertThat(group.entries())
                .containsExactly(new EntryId(TYPE, "1"), new EntryId(TYPE, "2"), new EntryId(TYPE, "1"));
        faults.forgetCalls();
        assertThat(faults.count()).isZero();
    }

    @Test
    void faults_countOnlyCallsSinceActivation() {
        plain.save("alice", TYPE, "1", bytes("a"));
        faults.on(Operation.SAVE).nth(2).fail(Moment.BEFORE, Kind.PERMANENT);
        plain.save("alice", TYPE, "1", bytes("b"));

        assertFails(Kind.PERMANENT, () -> plain.save("alice", TYPE, "1", bytes("c")));
        assertThat(memory.load("alice", TYPE, "1")).contains(bytes("b"));
    }

    @Test
    void complete_withoutFaults_isTransparent() {
        ContextAwareBackend backend = FaultyBackend.complete(memory, faults);
        long epoch = ((ContextOwnership) backend).takeOver("alice");
        ((AtomicCommit) backend).commit(new Batch("alice", epoch, 1, List.of(put("1", "a"), put("2", "b"))));

        Map<String, byte[]> loaded = ((BulkLoad) backend).loadAll("alice", TYPE, List.of("1", "3"));
        assertThat(loaded).containsOnlyKeys("1");
        assertThat(((PrefixScan) backend).scan("alice", TYPE, "2")).containsExactly("2");
    }

    private boolean held() {
        return memory.load("alice", TYPE, "1").isPresent();
    }

    private static void assertFails(Kind kind, Runnable call) {
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(call::run)
                .satisfies(failure -> assertThat(failure.kind()).isEqualTo(kind));
    }

    private static void assertImplements(Object backend, Class<?>... expected) {
        assertThat(Stream.of(
                                PersistenceBackend.class,
                                ContextAwareBackend.class,
                                AtomicCommit.class,
                                GroupCommit.class,
                                BulkLoad.class,
                                PrefixScan.class,
                                ContextOwnership.class)
                        .filter(capability -> capability.isInstance(backend))
                        .toList())
                .isEqualTo(List.of(expected));
    }

    private static Batch batch(String context, Mutation... mutations) {
        return new Batch(context, 0, 1, List.of(mutations));
    }

    private static Put put(String id, String value) {
        return new Put(TYPE, id, bytes(value));
    }

    private static byte[] bytes(String text) {
        return Contract.bytes(text);
    }
}
