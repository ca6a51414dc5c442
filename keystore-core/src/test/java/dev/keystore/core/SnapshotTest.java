package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.TransactionConflictException;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Readers without transactions, concurrent with a writer that commits pairs of entries. */
@Timeout(60)
class SnapshotTest {

    private static final int COMMITS = 800;
    private static final List<String> PAIR = List.of("a", "b");

    private static Stream<Arguments> backendsAndCaches() {
        return Stream.of(Kind.values()).flatMap(kind -> Stream.of(64L << 20, 0L).map(size -> Arguments.of(kind, size)));
    }

    private static void putPair(Fixture fixture, String a, String b) {
        Updates updates = new Updates();
        updates.put(KeyTypes.SESSION, "a", bytes(a));
        updates.put(KeyTypes.SESSION, "b", bytes(b));
        fixture.alice.set(updates);
    }

    private static List<String> readPair(Fixture fixture) {
        Map<String, byte[]> pair = fixture.alice.get(KeyTypes.SESSION, PAIR);
        return PAIR.stream()
                .map(id -> new String(pair.getOrDefault(id, bytes("absent")), StandardCharsets.UTF_8))
                .toList();
    }

    @ParameterizedTest(name = "{0}, cache of {1} bytes")
    @MethodSource("backendsAndCaches")
    @DisplayName("R21 with a concurrent writer of pairs, a get of both ids never sees half a commit or an older "
            + "one than before")
    void get_withConcurrentWriterOfPairs_seesWholeCommits(Kind kind, long cacheBytes) throws Exception {
        try (Fixture fixture = Fixture.of(kind, options -> options.maximumCacheBytes(cacheBytes))) {
            putPair(fixture, "0", "0");
            withConcurrentWriter(fixture, () -> {
                List<String> pair = readPair(fixture);
                assertThat(pair.get(0)).isEqualTo(pair.get(1));
                return Integer.parseInt(pair.get(0));
            });
        }
    }

    @ParameterizedTest(name = "{0}, cache of {1} bytes")
    @MethodSource("backendsAndCaches")
    @DisplayName("R21 with a concurrent writer of pairs, successive finds never return an older value")
    void find_withConcurrentWriterOfPairs_neverGoesBack(Kind kind, long cacheBytes) throws Exception {
        try (Fixture fixture = Fixture.of(kind, options -> options.maximumCacheBytes(cacheBytes))) {
            putPair(fixture, "0", "0");
            withConcurrentWriter(fixture, () -> {
                int a = Integer.parseInt(fixture.find("a"));
                int b = Integer.parseInt(fixture.find("b"));
                assertThat(b).isGreaterThanOrEqualTo(a);
                int again = Integer.parseInt(fixture.find("a"));
                assertThat(again).isGreaterThanOrEqualTo(b);
                return again;
            });
        }
    }

    private interface Reading {
        int run() throws Exception;
    }

    /** Runs three readers concurrently with a writer; the values that each of them reads must never decrease. */
    private static void withConcurrentWriter(Fixture fixture, Reading reading) throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        List<Integer> readings = Threads.together(4, number -> {
            if (number == 0) {
                try {
                    for (int i = 1; i <= COMMITS; i++) {
                        putPair(fixture, Integer.toString(i), Integer.toString(i));
                    }
                } finally {
                    done.set(true);
                }
                return COMMITS;
            }
            int last = 0;
            while (!done.get()) {
                int now = reading.run();
                assertThat(now).isGreaterThanOrEqualTo(last);
                last = now;
            }
            return reading.run();
        });
        assertThat(readings).containsOnly(COMMITS);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R21 readers see nothing of a commit before the backend has all of it, then all of it")
    void get_commitHeld_seesOldThenNew(Kind kind) throws Exception {
        try (Fixture fixture = Fixture.of(kind)) {
            putPair(fixture, "old", "old");
            Gate gate = fixture.faults
                    .on(Operation.COMMIT, Operation.SAVE)
                    .of("session", "b")
                    .hold(Moment.AFTER);
            Threads.Running<Boolean> writer = Threads.run(() -> putPair(fixture, "new", "new"));
            gate.awaitReached();
            assertThat(readPair(fixture)).containsExactly("old", "old");
            assertThat(fixture.find("a")).isEqualTo("old");
            assertThat(fixture.find("b")).isEqualTo("old");
            gate.open();
            assertThat(writer.result()).isTrue();
            assertThat(readPair(fixture)).containsExactly("new", "new");
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R21 a get that misses one id of a commit in progress sees none of that commit")
    void get_oneEvicted_waitsForTheCommit(Kind kind) throws Exception {
        try (Fixture seeded = Fixture.of(kind)) {
            putPair(seeded, "old", "old");
            try (Fixture fixture = seeded.reopen()) {
                assertThat(fixture.find("a")).isEqualTo("old");
                Gate gate = fixture.faults
                        .on(Operation.COMMIT, Operation.SAVE)
                        .of("session", "b")
                        .hold(Moment.AFTER);
                Threads.Running<Boolean> writer = Threads.run(() -> putPair(fixture, "new", "new"));
                gate.awaitReached();
                Threads.Running<List<String>> reader =
                        Threads.start(() -> readPair(fixture)).awaitWaiting();
                gate.open();
                assertThat(writer.result()).isTrue();
                assertThat(reader.result()).containsExactly("new", "new");
            }
        }
    }

    @Test
    @DisplayName("R21 a get whose load is overtaken by a commit of both ids sees one of the two pairs")
    void get_loadOfOneHeld_seesOnePair() throws Exception {
        for (Moment moment : List.of(Moment.BEFORE, Moment.AFTER)) {
            try (Fixture seeded = Fixture.of(Kind.COMPLETE)) {
                putPair(seeded, "old", "old");
                try (Fixture fixture = seeded.reopen()) {
                    assertThat(fixture.find("a")).isEqualTo("old");
                    Gate gate =
                            fixture.faults.on(Operation.LOAD).of("session", "b").hold(moment);
                    Threads.Running<List<String>> reader = Threads.start(() -> readPair(fixture));
                    gate.awaitReached();
                    putPair(fixture, "new", "new");
                    gate.open();
                    assertThat(reader.result()).containsExactly("new", "new");
                }
            }
        }
    }

    @Test
    @DisplayName("R21 a get sees one pair even if the writer restores the values it wrote before")
    void get_valuesReturn_seesOnePair() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.GROUPING, options -> options.maximumCacheBytes(0))) {
            putPair(fixture, "0", "0");
            fixture.evict();
            Alternation alternation = new Alternation(fixture);
            alternation.beforeLoadsOf("a", "0");
            alternation.beforeLoadsOf("b", "1");

            List<String> pair = Threads.start(() -> readPair(fixture)).result();

            assertThat(pair.get(0)).isEqualTo(pair.get(1));
            assertThat(alternation.commits.get()).isPositive();
        }
    }

    /**
     * For some time, commits a pair of zeros before each load of {@code a} and a pair of ones before each of {@code b}.
     */
    private static final class Alternation {

        static final int COMMITS = 20;

        final AtomicInteger commits = new AtomicInteger();
        private final Fixture fixture;
        private volatile String committed = "0";

        Alternation(Fixture fixture) {
            this.fixture = fixture;
        }

        void beforeLoadsOf(String id, String value) {
            fixture.faults.on(Operation.LOAD).of("session", id).forever().run(Moment.BEFORE, () -> {
                if (!committed.equals(value) && commits.get() < COMMITS) {
                    commits.incrementAndGet();
                    committed = value;
                    commit(value);
                }
            });
        }

        private void commit(String value) {
            try {
                Threads.run(() -> putPair(fixture, value, value)).result();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
            fixture.evict();
        }
    }

    @Test
    @DisplayName("R21 R24 a transaction that catches a conflict gets it again at the next read, and "
            + "never sees a second state")
    void find_afterCaughtConflict_conflictsAgain() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            putPair(fixture, "0", "0");
            fixture.alice.useTransaction("lock", tx -> {
                tx.find(KeyTypes.SESSION, "a");
                putPair(fixture, "1", "1");
                for (int i = 0; i < 3; i++) {
                    assertThatThrownBy(() -> tx.find(KeyTypes.SESSION, "b"))
                            .isInstanceOf(TransactionConflictException.class);
                }
                assertThat(Fixture.text(tx.find(KeyTypes.SESSION, "a"))).isEqualTo("0");
            });
        }
    }
}
