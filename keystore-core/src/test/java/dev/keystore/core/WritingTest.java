package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyOperations.OnExisting;
import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.TransactionConflictException;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Mutation;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class WritingTest {

    private static final KeyPair PAIR = new KeyPair(bytes("public"), bytes("private"));

    private static List<Mutation> mutations(Fixture fixture) {
        return fixture.faults.calls(Operation.COMMIT).stream()
                .flatMap(call -> call.group().stream())
                .flatMap(batch -> batch.mutations().stream())
                .toList();
    }

    @Test
    @DisplayName("R10 set writes many types and ids, including a delete, as one commit")
    void set_manyTypes_isOneCommit() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.alice.put(KeyTypes.PRE_KEY, "17", PAIR);
            fixture.put("kept", "1");
            fixture.faults.forgetCalls();
            Updates updates = new Updates();
            updates.put(KeyTypes.SESSION, "bob.1", bytes("first"));
            updates.put(KeyTypes.SESSION, "bob.2", bytes("2"));
            updates.put(KeyTypes.LID_MAPPING, "bob", "lid");
            updates.delete(KeyTypes.PRE_KEY, "17");
            updates.put(KeyTypes.SESSION, "bob.1", bytes("last"));
            assertThat(updates.size()).isEqualTo(4);

            fixture.alice.set(updates);

            assertThat(fixture.faults.groupSizes()).containsExactly(1);
            assertThat(mutations(fixture)).hasSize(4);
            assertThat(fixture.faults.count(Operation.SAVE, Operation.DELETE)).isZero();
            try (Fixture reopened = fixture.reopen()) {
                for (Fixture reading : List.of(fixture, reopened)) {
                    assertThat(reading.find("bob.1")).isEqualTo("last");
                    assertThat(reading.find("bob.2")).isEqualTo("2");
                    assertThat(reading.find("kept")).isEqualTo("1");
                    assertThat(reading.alice.find(KeyTypes.LID_MAPPING, "bob")).hasValue("lid");
                    assertThat(reading.alice.find(KeyTypes.PRE_KEY, "17")).isEmpty();
                }
                reopened.alice.delete(KeyTypes.SESSION, "bob.2");
                reopened.alice.set(updates);
                assertThat(reopened.find("bob.2")).isEqualTo("2");
            }
        }
    }

    @Test
    @DisplayName("R10 an empty set does not call the backend")
    void set_nothing_callsNoBackend() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.alice.set(new Updates());
            assertThat(fixture.faults.calls()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "ATOMIC", "MINIMAL"})
    @DisplayName("R11 a write returns when the backend's commit has returned, and not before")
    void put_commitHeld_hasNotReturned(Kind kind) throws Exception {
        for (Moment moment : List.of(Moment.BEFORE, Moment.AFTER)) {
            try (Fixture fixture = Fixture.of(kind)) {
                Gate gate = fixture.faults.on(Operation.COMMIT, Operation.SAVE).hold(moment);
                Threads.Running<Boolean> writer = Threads.run(() -> fixture.put("x", "1"));
                gate.awaitReached();
                writer.awaitWaiting();
                assertThat(writer.task().isDone()).isFalse();
                gate.open();
                assertThat(writer.result()).isTrue();
                assertThat(fixture.stored(KeyTypes.SESSION, "x")).isPresent();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R13 the cache changes after the commit and never before")
    void put_commitHeld_readsAreOld(Kind kind) throws Exception {
        try (Fixture fixture = Fixture.of(kind)) {
            fixture.put("x", "old");
            assertThat(fixture.find("absent")).isEqualTo("absent");
            Gate gate = fixture.faults.on(Operation.COMMIT, Operation.SAVE).hold(Moment.AFTER);
            Threads.Running<Boolean> writer = Threads.run(() -> {
                Updates updates = new Updates();
                updates.put(KeyTypes.SESSION, "absent", bytes("new"));
                updates.put(KeyTypes.SESSION, "x", bytes("new"));
                fixture.alice.set(updates);
            });
            gate.awaitReached();
            assertThat(fixture.find("x")).isEqualTo("old");
            assertThat(fixture.find("absent")).isEqualTo("absent");
            gate.open();
            assertThat(writer.result()).isTrue();
            assertThat(fixture.find("x")).isEqualTo("new");
            assertThat(fixture.find("absent")).isEqualTo("new");
        }
    }

    private static Stream<Arguments> failingWrites() {
        return Stream.of(Kind.values())
                .flatMap(kind -> Stream.of(Moment.BEFORE, Moment.MIDWAY)
                        .flatMap(moment -> Stream.of(1, 2, 3).map(n -> Arguments.of(kind, moment, n))))
                .filter(arguments -> {
                    boolean oneCall = List.of(Kind.COMPLETE, Kind.GROUPING, Kind.ATOMIC)
                            .contains(arguments.get()[0]);
                    return !oneCall || arguments.get()[2].equals(1);
                });
    }

    @ParameterizedTest(name = "{0}, {1} in write {2}")
    @MethodSource("failingWrites")
    @DisplayName("R13 after a failed commit, reads and backend both equal the state before it")
    void set_fails_readsEqualBackend(Kind kind, Moment moment, int write) {
        for (boolean warm : List.of(true, false)) {
            try (Fixture seeded = Fixture.of(kind)) {
                seeded.put("changed", "old");
                seeded.put("deleted", "old");
                try (Fixture fixture = seeded.reopen()) {
                    if (warm) {
                        fixture.alice.get(KeyTypes.SESSION, List.of("changed", "deleted", "created"));
                    }
                    fixture.faults
                            .on(Operation.COMMIT, Operation.SAVE, Operation.DELETE)
                            .nth(write)
                            .fail(moment, BackendException.Kind.PERMANENT);
                    Updates updates = new Updates();
                    updates.put(KeyTypes.SESSION, "changed", bytes("new"));
                    updates.delete(KeyTypes.SESSION, "deleted");
                    updates.put(KeyTypes.SESSION, "created", bytes("new"));

                    assertThatThrownBy(() -> fixture.alice.set(updates))
                            .isInstanceOf(CommitFailedException.class)
                            .hasMessageContaining(fixture.context())
                            .hasMessageContaining("nothing was written");

                    try (Fixture reopened = fixture.reopen()) {
                        for (Fixture reading : List.of(fixture, reopened)) {
                            assertThat(reading.find("changed")).isEqualTo("old");
                            assertThat(reading.find("deleted")).isEqualTo("old");
                            assertThat(reading.find("created")).isEqualTo("absent");
                        }
                    }
                }
            }
        }
    }

    @Test
    @DisplayName("R13 after a commit of unknown outcome, reads equal the backend")
    void set_outcomeUnknown_readsEqualBackend() {
        for (Moment moment : List.of(Moment.BEFORE, Moment.AFTER)) {
            try (Fixture fixture = Fixture.of(Kind.GROUPING)) {
                fixture.put("x", "old");
                fixture.faults.on(Operation.COMMIT).fail(moment, BackendException.Kind.OUTCOME_UNKNOWN);
                assertThatThrownBy(() -> fixture.put("x", "new")).isInstanceOf(CommitOutcomeUnknownException.class);
                assertThat(fixture.find("x")).isEqualTo(moment == Moment.AFTER ? "new" : "old");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R14 deleting an absent pre-key never reaches the backend, whether read before or not, in a "
            + "transaction or not")
    void delete_absent_writesNothing(Kind kind) {
        try (Fixture fixture = Fixture.of(kind)) {
            assertThat(fixture.alice.find(KeyTypes.PRE_KEY, "read")).isEmpty();
            fixture.alice.delete(KeyTypes.PRE_KEY, "read");
            fixture.alice.delete(KeyTypes.PRE_KEY, "unread");
            fixture.alice.useTransaction("k", tx -> {
                assertThat(tx.find(KeyTypes.PRE_KEY, "read in it")).isEmpty();
                tx.delete(KeyTypes.PRE_KEY, "read in it");
                tx.delete(KeyTypes.PRE_KEY, "unread in it");
                assertThat(tx.take(KeyTypes.PRE_KEY, "taken")).isEmpty();
                tx.put(KeyTypes.PRE_KEY, "written in it", PAIR);
                tx.delete(KeyTypes.PRE_KEY, "written in it");
            });
            assertThat(fixture.faults.count(Operation.COMMIT, Operation.SAVE, Operation.DELETE))
                    .isZero();

            fixture.alice.useTransaction("k", tx -> {
                tx.delete(KeyTypes.PRE_KEY, "unread next to a write");
                tx.put(KeyTypes.SESSION, "x", bytes("1"));
            });
            assertThat(mutations(fixture)).noneMatch(Mutation.Delete.class::isInstance);
            assertThat(fixture.faults.count(Operation.DELETE)).isZero();
            assertThat(fixture.find("x")).isEqualTo("1");
            assertThat(fixture.alice.find(KeyTypes.PRE_KEY, "unread")).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R14 deleting a present pre-key always reaches the backend, once")
    void delete_present_isWritten(Kind kind) {
        try (Fixture seeded = Fixture.of(kind)) {
            for (String id : List.of("read", "unread", "in it", "taken")) {
                seeded.alice.put(KeyTypes.PRE_KEY, id, PAIR);
            }
            try (Fixture fixture = seeded.reopen()) {
                assertThat(fixture.alice.find(KeyTypes.PRE_KEY, "read")).hasValue(PAIR);
                fixture.alice.delete(KeyTypes.PRE_KEY, "read");
                fixture.alice.delete(KeyTypes.PRE_KEY, "read");
                fixture.alice.delete(KeyTypes.PRE_KEY, "unread");
                fixture.alice.useTransaction("k", tx -> {
                    tx.delete(KeyTypes.PRE_KEY, "in it");
                    assertThat(tx.take(KeyTypes.PRE_KEY, "taken")).hasValue(PAIR);
                });
                long deletes = kind == Kind.PLAIN || kind == Kind.MINIMAL
                        ? fixture.faults.count(Operation.DELETE)
                        : mutations(fixture).stream()
                                .filter(Mutation.Delete.class::isInstance)
                                .count();
                assertThat(deletes).isEqualTo(4);
                for (String id : List.of("read", "unread", "in it", "taken")) {
                    assertThat(fixture.alice.find(KeyTypes.PRE_KEY, id)).isEmpty();
                    assertThat(fixture.stored(KeyTypes.PRE_KEY, id)).isEmpty();
                }
            }
        }
    }

    @Test
    @DisplayName("R14 a delete whose lookup fails is a failed commit, and the entry stays")
    void delete_lookUpFails_deletesNothing() {
        try (Fixture seeded = Fixture.of(Kind.COMPLETE)) {
            seeded.put("x", "1");
            try (Fixture fixture = seeded.reopen()) {
                fixture.faults.on(Operation.LOAD).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
                assertThatThrownBy(() -> fixture.alice.delete(KeyTypes.SESSION, "x"))
                        .isInstanceOf(CommitFailedException.class);
                assertThat(fixture.find("x")).isEqualTo("1");
                assertThat(fixture.faults.count(Operation.COMMIT)).isZero();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R15 insert writes an absent id, and changes nothing if the id exists")
    void insert_existing_isRefused(Kind kind) {
        try (Fixture seeded = Fixture.of(kind)) {
            seeded.alice.insert(KeyTypes.SESSION, "x", bytes("1"));
            try (Fixture fixture = seeded.reopen()) {
                for (int i = 0; i < 2; i++) {
                    assertThatThrownBy(() -> fixture.alice.insert(KeyTypes.SESSION, "x", bytes("2")))
                            .isInstanceOfSatisfying(EntryExistsException.class, e -> {
                                assertThat(e.context()).isEqualTo(fixture.context());
                                assertThat(e.entry()).hasToString("session/x");
                            });
                }
                assertThat(fixture.faults.count(Operation.COMMIT, Operation.SAVE))
                        .isZero();
                assertThat(fixture.find("x")).isEqualTo("1");
                fixture.alice.delete(KeyTypes.SESSION, "x");
                fixture.alice.insert(KeyTypes.SESSION, "x", bytes("3"));
                assertThat(fixture.find("x")).isEqualTo("3");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R15 take reads and deletes; of 100 concurrent takes of one pre-key exactly one gets it")
    void take_concurrently_hasOneWinner(Kind kind) throws Exception {
        try (Fixture seeded = Fixture.of(kind)) {
            for (int round = 0; round < 5; round++) {
                seeded.alice.put(KeyTypes.PRE_KEY, "17." + round, PAIR);
            }
            try (Fixture fixture = seeded.reopen()) {
                for (int round = 0; round < 5; round++) {
                    String id = "17." + round;
                    List<Optional<KeyPair>> taken =
                            Threads.together(100, number -> fixture.alice.take(KeyTypes.PRE_KEY, id));
                    assertThat(taken)
                            .hasSize(100)
                            .filteredOn(Optional::isPresent)
                            .containsExactly(Optional.of(PAIR));
                    assertThat(fixture.alice.find(KeyTypes.PRE_KEY, id)).isEmpty();
                    assertThat(fixture.stored(KeyTypes.PRE_KEY, id)).isEmpty();
                }
            }
        }
    }

    @Test
    @DisplayName("R15 of 100 concurrent takes, half of them in transactions of different lock keys, one gets the value")
    void take_inTransactionsAndOutside_hasOneWinner() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.alice.put(KeyTypes.PRE_KEY, "17", PAIR);
            List<Boolean> won = Threads.together(100, number -> {
                if (number % 2 == 0) {
                    return fixture.alice.take(KeyTypes.PRE_KEY, "17").isPresent();
                }
                try {
                    return fixture.alice.transaction(
                            "key " + number,
                            tx -> tx.take(KeyTypes.PRE_KEY, "17").isPresent());
                } catch (TransactionConflictException e) {
                    return false;
                }
            });
            assertThat(won).containsOnlyOnce(true);
            assertThat(fixture.alice.find(KeyTypes.PRE_KEY, "17")).isEmpty();
        }
    }

    @Test
    @DisplayName("R15 of 100 concurrent inserts of one id, exactly one succeeds")
    void insert_concurrently_hasOneWinner() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            List<String> results = Threads.together(100, number -> {
                try {
                    fixture.alice.insert(KeyTypes.SESSION, "x", bytes("value " + number));
                    return "value " + number;
                } catch (EntryExistsException e) {
                    return "refused";
                }
            });
            List<String> winners =
                    results.stream().filter(result -> !result.equals("refused")).toList();
            assertThat(winners).hasSize(1);
            assertThat(fixture.find("x")).isEqualTo(winners.get(0));
        }
    }

    @Test
    @DisplayName("R15 a take whose commit fails takes nothing")
    void take_commitFails_leavesTheEntry() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.alice.put(KeyTypes.PRE_KEY, "17", PAIR);
            fixture.faults.on(Operation.COMMIT).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> fixture.alice.take(KeyTypes.PRE_KEY, "17"))
                    .isInstanceOf(CommitFailedException.class);
            assertThat(fixture.alice.take(KeyTypes.PRE_KEY, "17")).hasValue(PAIR);
        }
    }

    @Test
    @DisplayName("R16 move renames one id in one commit, and treats no id as a pattern")
    void move_renames_inOneCommit() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            for (String id : List.of("a%", "a_", "ab", "a", "%", "a%.1")) {
                fixture.put(id, "of " + id);
            }
            fixture.alice.put(KeyTypes.IDENTITY_KEY, "a%", bytes("identity"));
            fixture.faults.forgetCalls();

            assertThat(fixture.alice.move(KeyTypes.SESSION, "a%", "moved_%")).isTrue();

            assertThat(fixture.faults.count(Operation.COMMIT)).isEqualTo(1);
            assertThat(mutations(fixture))
                    .hasSize(2)
                    .anyMatch(mutation ->
                            mutation instanceof Mutation.Put put && put.id().equals("moved_%"))
                    .anyMatch(mutation -> mutation.equals(new Mutation.Delete("session", "a%")));
            try (Fixture reopened = fixture.reopen()) {
                for (Fixture reading : List.of(fixture, reopened)) {
                    assertThat(reading.find("a%")).isEqualTo("absent");
                    assertThat(reading.find("moved_%")).isEqualTo("of a%");
                    for (String id : List.of("a_", "ab", "a", "%", "a%.1")) {
                        assertThat(reading.find(id)).isEqualTo("of " + id);
                    }
                    assertThat(reading.alice.find(KeyTypes.IDENTITY_KEY, "a%")).hasValue(bytes("identity"));
                }
            }
        }
    }

    @Test
    @DisplayName("R16 move refuses to overwrite unless asked to, and moving an absent entry changes nothing")
    void move_targetExists_isRefusedUnlessAsked() {
        try (Fixture seeded = Fixture.of(Kind.COMPLETE)) {
            seeded.put("from", "1");
            seeded.put("to", "2");
            try (Fixture fixture = seeded.reopen()) {
                assertThatThrownBy(() -> fixture.alice.move(KeyTypes.SESSION, "from", "to"))
                        .isInstanceOfSatisfying(
                                EntryExistsException.class,
                                e -> assertThat(e.entry()).hasToString("session/to"));
                assertThatThrownBy(() -> fixture.alice.move(KeyTypes.SESSION, "from", "to", null))
                        .isInstanceOf(NullPointerException.class);
                assertThat(fixture.alice.move(KeyTypes.SESSION, "absent", "to")).isFalse();
                assertThat(fixture.alice.move(KeyTypes.SESSION, "absent", "to", OnExisting.REPLACE))
                        .isFalse();
                assertThat(fixture.alice.move(KeyTypes.SESSION, "from", "from")).isTrue();
                assertThat(fixture.alice.move(KeyTypes.SESSION, "from", "from", OnExisting.REPLACE))
                        .isTrue();
                assertThat(fixture.faults.count(Operation.COMMIT)).isZero();
                assertThat(fixture.find("from")).isEqualTo("1");
                assertThat(fixture.find("to")).isEqualTo("2");

                assertThat(fixture.alice.move(KeyTypes.SESSION, "from", "to", OnExisting.REPLACE))
                        .isTrue();
                assertThat(fixture.find("from")).isEqualTo("absent");
                assertThat(fixture.find("to")).isEqualTo("1");
                try (Fixture reopened = fixture.reopen()) {
                    assertThat(reopened.find("from")).isEqualTo("absent");
                    assertThat(reopened.find("to")).isEqualTo("1");
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "PLAIN"})
    @DisplayName("R16 a move that fails midway leaves both ids unchanged")
    void move_fails_changesNothing(Kind kind) {
        for (int write = 1; write <= (kind == Kind.PLAIN ? 2 : 1); write++) {
            try (Fixture fixture = Fixture.of(kind)) {
                fixture.put("from", "1");
                fixture.faults
                        .on(Operation.COMMIT, Operation.SAVE, Operation.DELETE)
                        .nth(write)
                        .fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);
                assertThatThrownBy(() -> fixture.alice.move(KeyTypes.SESSION, "from", "to"))
                        .isInstanceOf(CommitFailedException.class);
                try (Fixture reopened = fixture.reopen()) {
                    for (Fixture reading : List.of(fixture, reopened)) {
                        assertThat(reading.find("from")).isEqualTo("1");
                        assertThat(reading.find("to")).isEqualTo("absent");
                    }
                }
            }
        }
    }

    @Test
    @DisplayName("R16 of concurrent moves of one entry, exactly one moves it")
    void move_concurrently_hasOneWinner() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.put("from", "1");
            List<Boolean> moved =
                    Threads.together(16, number -> fixture.alice.move(KeyTypes.SESSION, "from", "to " + number));
            assertThat(moved).containsOnlyOnce(true);
            try (Stream<String> ids = fixture.alice.ids(KeyTypes.SESSION, "")) {
                assertThat(ids).containsExactly("to " + moved.indexOf(true));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R19 the credentials are one record that is absent until first saved")
    void credentials_savedTwice_areOneRecord(Kind kind) {
        try (Fixture fixture = Fixture.of(kind)) {
            assertThat(fixture.alice.credentials()).isEmpty();
            fixture.alice.saveCredentials(bytes("first"));
            fixture.alice.saveCredentials(bytes("second"));
            try (Fixture reopened = fixture.reopen()) {
                assertThat(text(fixture.alice.credentials())).isEqualTo("second");
                assertThat(text(reopened.alice.credentials())).isEqualTo("second");
            }
            assertThat(fixture.alice.verify()).isEmpty();
        }
    }

    @Test
    @DisplayName(
            "R19 credentials and keys are read and written in one transaction, and committed together or not at all")
    void credentials_withKeys_areOneCommit() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.alice.useTransaction("k", tx -> {
                assertThat(tx.credentials()).isEmpty();
                tx.saveCredentials(bytes("me"));
                assertThat(text(tx.credentials())).isEqualTo("me");
                tx.put(KeyTypes.SESSION, "x", bytes("1"));
            });
            assertThat(fixture.faults.calls(Operation.COMMIT)).hasSize(1);
            assertThat(mutations(fixture)).hasSize(2);

            assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                        tx.saveCredentials(bytes("other"));
                        tx.put(KeyTypes.SESSION, "x", bytes("2"));
                        throw new IllegalStateException("work fails");
                    }))
                    .hasMessage("work fails");
            fixture.faults.on(Operation.COMMIT).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                        tx.saveCredentials(bytes("other"));
                        tx.put(KeyTypes.SESSION, "x", bytes("2"));
                    }))
                    .isInstanceOf(CommitFailedException.class);
            try (Fixture reopened = fixture.reopen()) {
                for (Fixture reading : Arrays.asList(fixture, reopened)) {
                    assertThat(text(reading.alice.credentials())).isEqualTo("me");
                    assertThat(reading.find("x")).isEqualTo("1");
                }
            }
        }
    }
}
