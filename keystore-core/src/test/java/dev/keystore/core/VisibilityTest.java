package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.TransactionConflictException;
import dev.keystore.Updates;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What readers see while other threads commit, clear and fail. */
@Timeout(60)
class VisibilityTest extends OpenedDatabase {

    /** Number of successive key comparisons at each of which another commit may happen; every pattern is tried. */
    private static final int COMPARISONS = 10;

    private static String text(Transaction tx, String id) {
        return new String(tx.find(KeyTypes.SESSION, id).orElseThrow(), UTF_8);
    }

    @ParameterizedTest(name = "fails {0}")
    @EnumSource(names = {"BEFORE", "AFTER"})
    @DisplayName("R21 a transaction does not mix values from before and after a commit of unknown outcome")
    void transaction_outcomeUnknownBetweenTwoReads_isNotTorn(Moment moment) {
        open(UnaryOperator.identity());
        putBoth("a", "b", "0");
        faults.on(Operation.COMMIT).fail(moment, Kind.OUTCOME_UNKNOWN);

        Throwable thrown = catchThrowable(() -> alice.useTransaction("k", tx -> {
            assertThat(text(tx, "a")).isEqualTo("0");
            assertThatThrownBy(() -> putBoth("a", "b", "1")).isInstanceOf(CommitOutcomeUnknownException.class);
            assertThat(text(tx, "b")).isEqualTo("0");
        }));

        if (moment == Moment.BEFORE) {
            assertThat(thrown).isNull();
        } else {
            assertThat(thrown).isInstanceOf(TransactionConflictException.class);
        }
    }

    @Test
    @DisplayName("R21 a get of two ids does not mix values from before and after a commit of unknown outcome")
    void get_outcomeUnknownBetweenTwoReads_isNotTorn() throws Exception {
        open(UnaryOperator.identity());
        putBoth("a", "b", "0");
        open(UnaryOperator.identity());
        assertThat(session("a")).isEqualTo("0");
        Gate gate = faults.on(Operation.LOAD).of("session", "b").hold(Moment.BEFORE);
        Threads.Running<Map<String, byte[]>> reader =
                Threads.start(() -> alice.get(KeyTypes.SESSION, List.of("a", "b")));
        gate.awaitReached();
        faults.on(Operation.COMMIT).fail(Moment.AFTER, Kind.OUTCOME_UNKNOWN);
        assertThatThrownBy(() -> putBoth("a", "b", "1")).isInstanceOf(CommitOutcomeUnknownException.class);
        gate.open();

        assertThat(reader.result().values().stream()
                        .map(value -> new String(value, UTF_8))
                        .collect(Collectors.toList()))
                .containsExactly("1", "1");
    }

    @Test
    @DisplayName("R4 R13 a load concurrent with a clear that is rolled back does not cache the entry as absent")
    void find_duringAClearThatFails_isNotAbsent() throws Exception {
        open(UnaryOperator.identity());
        putBoth("a", "b", "1");
        open(FaultyBackend.plain(memory.reopen(), faults), UnaryOperator.identity());
        Gate mayLoad = faults.on(Operation.LOAD).of("session", "a").hold(Moment.BEFORE);
        Gate hasLoaded = faults.on(Operation.LOAD).of("session", "a").hold(Moment.AFTER);
        Threads.Running<String> reader = Threads.start(() -> session("a"));
        mayLoad.awaitReached();
        Gate halfCleared = faults.on(Operation.DELETE).of("session", "b").hold(Moment.BEFORE);
        faults.on(Operation.DELETE).of("session", "b").fail(Moment.BEFORE, Kind.PERMANENT);
        Threads.Running<Boolean> clearer = Threads.run(alice::clear);
        halfCleared.awaitReached();
        assertThat(persisted("a")).isEqualTo("absent");
        mayLoad.open();
        hasLoaded.awaitReached();
        halfCleared.open();
        assertThat(clearer.failure()).isInstanceOf(CommitFailedException.class);
        assertThat(persisted("a")).isEqualTo("1");
        hasLoaded.open();

        assertThat(reader.result()).isEqualTo("1");
        assertThat(session("a")).isEqualTo("1");
    }

    private void putBoth(ComparedCodec codec, int value) {
        Updates both = new Updates();
        both.put(codec.writing, "a", value);
        both.put(codec.writing, "b", value);
        alice.set(both);
    }

    /**
     * Changes both values, from 0 to 1 or back, at each comparison by this thread whose bit in {@code pattern} is set.
     */
    private void changeBoth(ComparedCodec codec, int pattern) {
        putBoth(codec, 0);
        int[] value = new int[1];
        codec.watch(Thread.currentThread(), comparison -> {
            if (comparison < COMPARISONS && (pattern >> comparison & 1) == 1) {
                value[0] ^= 1;
                putBoth(codec, value[0]);
            }
        });
    }

    @Test
    @DisplayName("R21 a get reads one point in time, even if other threads change both values and restore them")
    void get_valuesChangedAndChangedBack_isNotTorn() {
        open(UnaryOperator.identity());
        ComparedCodec codec = new ComparedCodec();
        for (int pattern = 0; pattern < 1 << COMPARISONS; pattern++) {
            changeBoth(codec, pattern);
            Map<String, Integer> read = alice.get(codec.reading, List.of("a", "b"));
            assertThat(codec.unwatch()).isGreaterThanOrEqualTo(2);

            assertThat(read.get("a")).as("a, as b is, in pattern %x", pattern).isEqualTo(read.get("b"));
        }
    }

    @ParameterizedTest(name = "{0} first")
    @ValueSource(strings = {"a", "b"})
    @DisplayName("R21 a transaction reads one point in time, even if other threads change both values and restore them")
    void transaction_valuesChangedAndChangedBack_isNotTorn(String first) {
        open(UnaryOperator.identity());
        ComparedCodec codec = new ComparedCodec();
        int[] whole = new int[1];
        for (int pattern = 0; pattern < 1 << COMPARISONS; pattern++) {
            changeBoth(codec, pattern);
            try {
                List<Integer> read = alice.transaction(
                        "k",
                        tx -> List.of(
                                tx.find(codec.reading, first).orElseThrow(),
                                tx.find(codec.reading, first.equals("a") ? "b" : "a")
                                        .orElseThrow()));
                assertThat(read.get(0)).as("a, as b is, in pattern %x", pattern).isEqualTo(read.get(1));
                whole[0]++;
            } catch (TransactionConflictException e) {
                assertThat(pattern).as("a pattern without changes").isNotZero();
            } finally {
                assertThat(codec.unwatch()).isGreaterThanOrEqualTo(2);
            }
        }
        assertThat(whole[0]).isPositive();
    }

    @Test
    @DisplayName("R21 R53 a transaction does not mix values from before and after a takeover")
    void transaction_ownershipLostBetweenTwoReads_isNotTorn() {
        open(FaultyBackend.complete(memory.reopen(), faults), UnaryOperator.identity());
        putBoth("a", "b", "0");
        try (SignalKeyDatabase others =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            SignalKeyStore next = others.forContext("alice");
            Updates theirs = new Updates();
            theirs.put(KeyTypes.SESSION, "a", new byte[] {'1'});
            theirs.put(KeyTypes.SESSION, "b", new byte[] {'1'});
            next.set(theirs);

            assertThatThrownBy(() -> alice.useTransaction("k", tx -> {
                        assertThat(text(tx, "a")).isEqualTo("0");
                        assertThatThrownBy(() -> put("z", "1")).isInstanceOf(OwnershipLostException.class);
                        tx.find(KeyTypes.SESSION, "b");
                    }))
                    .isInstanceOf(TransactionConflictException.class);
        }
    }
}
