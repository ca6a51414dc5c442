package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Loads that are held in the backend while commits change the same entries. */
@Timeout(60)
class LoadRaceTest {

    /** A change of the entry {@code x}, which holds {@code old}. */
    private enum Change {
        PUT("new") {
            @Override
            void make(SignalKeyStore store) {
                store.put(KeyTypes.SESSION, "x", bytes("new"));
            }
        },
        SET("new") {
            @Override
            void make(SignalKeyStore store) {
                Updates updates = new Updates();
                updates.put(KeyTypes.SESSION, "y", bytes("new"));
                updates.put(KeyTypes.SESSION, "x", bytes("new"));
                store.set(updates);
            }
        },
        /** The first put makes the entry known, so that the delete does not wait for the load. */
        PUT_AND_DELETE("absent") {
            @Override
            void make(SignalKeyStore store) {
                store.put(KeyTypes.SESSION, "x", bytes("between"));
                store.delete(KeyTypes.SESSION, "x");
            }
        },
        CLEAR("absent") {
            @Override
            void make(SignalKeyStore store) {
                store.clear();
            }
        },
        ERASE("absent") {
            @Override
            void make(SignalKeyStore store) {
                store.erase();
            }
        },
        CLEAR_AND_PUT("new") {
            @Override
            void make(SignalKeyStore store) {
                store.useTransaction("k", tx -> {
                    tx.clear();
                    tx.put(KeyTypes.SESSION, "x", bytes("new"));
                });
            }
        },
        CLEAR_THEN_PUT("new") {
            @Override
            void make(SignalKeyStore store) {
                store.clear();
                store.put(KeyTypes.SESSION, "x", bytes("new"));
            }
        };

        final String after;

        Change(String after) {
            this.after = after;
        }

        abstract void make(SignalKeyStore store);
    }

    private static Stream<Arguments> changesDuringLoads() {
        return Stream.of(Kind.COMPLETE, Kind.PLAIN, Kind.MINIMAL)
                .flatMap(kind -> Stream.of(Moment.BEFORE, Moment.AFTER)
                        .flatMap(moment ->
                                Stream.of(Change.values()).map(change -> Arguments.of(kind, moment, change))));
    }

    @ParameterizedTest(name = "{0}, held {1} it has read, {2}")
    @MethodSource("changesDuringLoads")
    @DisplayName("R4 a load that a commit overtakes in the backend never restores the old value")
    void find_commitGoesBy_nextReadIsNew(Kind kind, Moment moment, Change change) throws Exception {
        try (Fixture seeded = Fixture.of(kind)) {
            seeded.put("x", "old");
            try (Fixture fixture = seeded.reopen()) {
                Gate gate = fixture.faults.on(Operation.LOAD).of("session", "x").hold(moment);
                Threads.Running<String> reader = Threads.start(() -> fixture.find("x"));
                gate.awaitReached();

                change.make(fixture.alice);
                gate.open();

                assertThat(reader.result()).isIn("old", change.after);
                assertThat(fixture.find("x")).isEqualTo(change.after);
                try (Fixture reopened = fixture.reopen()) {
                    assertThat(reopened.find("x")).isEqualTo(change.after);
                }
            }
        }
    }

    @ParameterizedTest(name = "{0}, held {1} it has read, {2}")
    @MethodSource("changesDuringLoads")
    @DisplayName("R4 a multi-get that a commit overtakes in the backend never restores an old value")
    void get_commitGoesBy_nextReadIsNew(Kind kind, Moment moment, Change change) throws Exception {
        try (Fixture seeded = Fixture.of(kind)) {
            seeded.put("x", "old");
            try (Fixture fixture = seeded.reopen()) {
                Gate gate = fixture.faults.on(Operation.LOAD).of("session", "x").hold(moment);
                List<String> ids = List.of("w", "x", "y");
                Threads.Running<Map<String, byte[]>> reader =
                        Threads.start(() -> fixture.alice.get(KeyTypes.SESSION, ids));
                gate.awaitReached();

                change.make(fixture.alice);
                gate.open();

                Map<String, byte[]> read = reader.result();
                assertThat(read.containsKey("x") ? new String(read.get("x"), UTF_8) : "absent")
                        .isIn("old", change.after);
                String y = change == Change.SET ? "new" : "absent";
                assertThat(fixture.find("x")).isEqualTo(change.after);
                assertThat(fixture.find("y")).isEqualTo(y);
                Map<String, byte[]> again = fixture.alice.get(KeyTypes.SESSION, ids);
                assertThat(again.containsKey("x")).isEqualTo(!change.after.equals("absent"));
                assertThat(again.containsKey("y")).isEqualTo(!y.equals("absent"));
            }
        }
    }

    @Test
    @DisplayName("R4 a delete that waits for a load of its entry leaves the entry deleted")
    void delete_waitsForHeldLoad_deletes() throws Exception {
        for (Moment moment : List.of(Moment.BEFORE, Moment.AFTER)) {
            try (Fixture seeded = Fixture.of(Kind.COMPLETE)) {
                seeded.put("x", "old");
                try (Fixture fixture = seeded.reopen()) {
                    Gate gate =
                            fixture.faults.on(Operation.LOAD).of("session", "x").hold(moment);
                    Threads.Running<String> reader = Threads.start(() -> fixture.find("x"));
                    gate.awaitReached();
                    Threads.Running<Boolean> delete = Threads.run(() -> fixture.alice.delete(KeyTypes.SESSION, "x"))
                            .awaitWaiting();
                    gate.open();

                    assertThat(delete.result()).isTrue();
                    assertThat(reader.result()).isIn("old", "absent");
                    assertThat(fixture.find("x")).isEqualTo("absent");
                    assertThat(fixture.stored(KeyTypes.SESSION, "x")).isEmpty();
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Moment.class,
            names = {"BEFORE", "AFTER"})
    @DisplayName("R4 a load of the credentials that a commit overtakes never restores the old ones")
    void credentials_commitGoesBy_nextReadIsNew(Moment moment) throws Exception {
        try (Fixture seeded = Fixture.of(Kind.COMPLETE)) {
            seeded.alice.saveCredentials(bytes("old"));
            try (Fixture fixture = seeded.reopen()) {
                Gate gate = fixture.faults.on(Operation.LOAD).hold(moment);
                Threads.Running<String> reader = Threads.start(() -> text(fixture.alice.credentials()));
                gate.awaitReached();
                fixture.alice.saveCredentials(bytes("new"));
                gate.open();
                assertThat(reader.result()).isIn("old", "new");
                assertThat(text(fixture.alice.credentials())).isEqualTo("new");
            }
        }
    }

    @Test
    @DisplayName("R4 readers that joined a load before a commit overtook it read new values afterwards")
    void find_manyJoinHeldLoad_noneSeesOldAfterNew() throws Exception {
        try (Fixture seeded = Fixture.of(Kind.COMPLETE)) {
            seeded.put("x", "old");
            try (Fixture fixture = seeded.reopen()) {
                Gate gate = fixture.faults.on(Operation.LOAD).of("session", "x").hold(Moment.AFTER);
                List<Threads.Running<List<String>>> readers = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    readers.add(Threads.start(() -> List.of(fixture.find("x"), fixture.find("x"))));
                }
                readers.forEach(Threads.Running::awaitWaiting);
                fixture.put("x", "new");
                assertThat(fixture.find("x")).isEqualTo("new");
                gate.open();
                for (Threads.Running<List<String>> reader : readers) {
                    assertThat(reader.result().get(0)).isIn("old", "new");
                    assertThat(reader.result().get(1)).isEqualTo("new");
                }
            }
        }
    }

    @Test
    @DisplayName("R4 a clear of one context does not affect a load of another context")
    void find_otherContextCleared_readsItsValue() throws Exception {
        try (Fixture seeded = Fixture.of(Kind.COMPLETE)) {
            seeded.put("x", "old");
            try (Fixture fixture = seeded.reopen()) {
                SignalKeyStore bob = fixture.database.forContext("bob");
                bob.put(KeyTypes.SESSION, "x", bytes("bob's"));
                Gate gate = fixture.faults.on(Operation.LOAD).inContext("alice").hold(Moment.AFTER);
                Threads.Running<String> reader = Threads.start(() -> fixture.find("x"));
                gate.awaitReached();
                bob.clear();
                gate.open();
                assertThat(reader.result()).isEqualTo("old");
                assertThat(fixture.find("x")).isEqualTo("old");
                assertThat(fixture.faults.loads("session", "x")).isEqualTo(1);
            }
        }
    }

    @Test
    @DisplayName("R13 a load that saw part of a put that was rolled back is not cached")
    void find_duringPutThatIsRolledBack_readsPreviousValue() throws Exception {
        try (Fixture seeded = Fixture.of(Kind.PLAIN)) {
            seeded.put("x", "old");
            seeded.put("y", "old");
            try (Fixture fixture = seeded.reopen()) {
                Gate reading =
                        fixture.faults.on(Operation.LOAD).of("session", "x").hold(Moment.BEFORE);
                Gate read = fixture.faults.on(Operation.LOAD).of("session", "x").hold(Moment.AFTER);
                Gate writing =
                        fixture.faults.on(Operation.SAVE).of("session", "y").hold(Moment.BEFORE);
                fixture.faults
                        .on(Operation.SAVE)
                        .of("session", "y")
                        .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
                Threads.Running<String> reader = Threads.start(() -> fixture.find("x"));
                reading.awaitReached();
                Threads.Running<Boolean> writer = Threads.run(() -> fixture.alice.useTransaction("k", tx -> {
                    tx.put(KeyTypes.SESSION, "x", bytes("undone"));
                    tx.put(KeyTypes.SESSION, "y", bytes("undone"));
                }));
                writing.awaitReached();
                reading.open();
                read.awaitReached();
                writing.open();
                assertThat(writer.failure()).isInstanceOf(CommitFailedException.class);
                read.open();

                assertThat(reader.result()).isEqualTo("old");
                assertThat(fixture.find("x")).isEqualTo("old");
                assertThat(fixture.find("y")).isEqualTo("old");
            }
        }
    }

    @Test
    @DisplayName(
            "R13 a load that ends while its entry is being written is discarded, and its reader waits for the write")
    void find_loadEndsWhileWritten_waitsForTheWrite() throws Exception {
        for (boolean undone : List.of(true, false)) {
            try (Fixture seeded = Fixture.of(Kind.PLAIN)) {
                seeded.put("x", "old");
                seeded.put("y", "old");
                try (Fixture fixture = seeded.reopen()) {
                    Gate reading =
                            fixture.faults.on(Operation.LOAD).of("session", "x").hold(Moment.BEFORE);
                    Gate writing =
                            fixture.faults.on(Operation.SAVE).of("session", "y").hold(Moment.BEFORE);
                    Threads.Running<String> reader = Threads.start(() -> fixture.find("x"));
                    reading.awaitReached();
                    if (undone) {
                        fixture.faults
                                .on(Operation.SAVE)
                                .of("session", "y")
                                .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
                    }
                    Threads.Running<Boolean> writer = Threads.run(() -> fixture.alice.useTransaction("k", tx -> {
                        tx.put(KeyTypes.SESSION, "x", bytes("new"));
                        tx.put(KeyTypes.SESSION, "y", bytes("new"));
                    }));
                    writing.awaitReached();
                    Threads.Running<String> late =
                            Threads.start(() -> fixture.find("x")).awaitWaiting();
                    reading.open();
                    Threads.Running<String> latest =
                            Threads.start(() -> fixture.find("x")).awaitWaiting();
                    writing.open();
                    if (undone) {
                        assertThat(writer.failure()).isInstanceOf(CommitFailedException.class);
                    } else {
                        assertThat(writer.result()).isTrue();
                    }
                    String after = undone ? "old" : "new";
                    assertThat(List.of(reader.result(), late.result(), latest.result()))
                            .containsOnly(after);
                    assertThat(fixture.find("x")).isEqualTo(after);
                }
            }
        }
    }

    @Test
    @DisplayName("R13 a load that saw part of a clear that was rolled back is not cached")
    void find_duringClearThatIsRolledBack_readsPreviousValue() throws Exception {
        try (Fixture seeded = Fixture.of(Kind.PLAIN)) {
            seeded.put("x", "old");
            seeded.put("y", "old");
            try (Fixture fixture = seeded.reopen()) {
                Gate reading =
                        fixture.faults.on(Operation.LOAD).of("session", "x").hold(Moment.BEFORE);
                Gate read = fixture.faults.on(Operation.LOAD).of("session", "x").hold(Moment.AFTER);
                Gate deleting =
                        fixture.faults.on(Operation.DELETE).of("session", "y").hold(Moment.BEFORE);
                fixture.faults
                        .on(Operation.DELETE)
                        .of("session", "y")
                        .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
                Threads.Running<String> reader = Threads.start(() -> fixture.find("x"));
                reading.awaitReached();
                Threads.Running<Boolean> clear = Threads.run(fixture.alice::clear);
                deleting.awaitReached();
                assertThat(fixture.stored(KeyTypes.SESSION, "x")).isEmpty();
                reading.open();
                read.awaitReached();
                deleting.open();
                assertThat(clear.failure()).isInstanceOf(CommitFailedException.class);
                assertThat(fixture.stored(KeyTypes.SESSION, "x")).isPresent();
                read.open();

                assertThat(reader.result()).isEqualTo("old");
                assertThat(fixture.find("x")).isEqualTo("old");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Change.class,
            names = {"PUT", "SET", "CLEAR", "ERASE"})
    @DisplayName("R13 a load that a commit of unknown outcome overtakes restores no older value")
    void find_outcomeUnknownGoesBy_readsBackend(Change change) throws Exception {
        for (Moment moment : List.of(Moment.BEFORE, Moment.AFTER)) {
            try (Fixture seeded = Fixture.of(Kind.GROUPING)) {
                seeded.put("x", "old");
                try (Fixture fixture = seeded.reopen()) {
                    fixture.faults.on(Operation.COMMIT).fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);
                    Gate gate =
                            fixture.faults.on(Operation.LOAD).of("session", "x").hold(moment);
                    Threads.Running<String> reader = Threads.start(() -> fixture.find("x"));
                    gate.awaitReached();
                    assertThatThrownBy(() -> change.make(fixture.alice))
                            .isInstanceOf(CommitOutcomeUnknownException.class);
                    gate.open();
                    assertThat(reader.result()).isIn("old", change.after);
                    assertThat(fixture.find("x")).isEqualTo(change.after);
                }
            }
        }
    }

    @Test
    @DisplayName("R13 a read of an uncached id that is being written waits for the write")
    void find_missesWhileWritten_waitsForTheWrite() throws Exception {
        try (Fixture seeded = Fixture.of(Kind.PLAIN)) {
            seeded.put("x", "old");
            try (Fixture fixture = seeded.reopen()) {
                Gate written =
                        fixture.faults.on(Operation.SAVE).of("session", "x").hold(Moment.AFTER);
                Threads.Running<Boolean> writer = Threads.run(() -> fixture.put("x", "new"));
                written.awaitReached();
                List<Threads.Running<String>> readers = List.of(
                        Threads.start(() -> fixture.find("x")).awaitWaiting(),
                        Threads.start(() -> text(Optional.ofNullable(fixture.alice
                                        .get(KeyTypes.SESSION, List.of("w", "x"))
                                        .get("x"))))
                                .awaitWaiting());
                written.open();
                assertThat(writer.result()).isTrue();
                for (Threads.Running<String> reader : readers) {
                    assertThat(reader.result()).isEqualTo("new");
                }
            }
        }
    }

    @Test
    @DisplayName("R13 a read of an uncached id that is being cleared waits for the clear")
    void find_missesWhileCleared_waitsForTheClear() throws Exception {
        try (Fixture seeded = Fixture.of(Kind.COMPLETE)) {
            seeded.put("x", "old");
            try (Fixture fixture = seeded.reopen()) {
                Gate cleared = fixture.faults.on(Operation.COMMIT).hold(Moment.AFTER);
                Threads.Running<Boolean> clear = Threads.run(fixture.alice::clear);
                cleared.awaitReached();
                Threads.Running<String> one =
                        Threads.start(() -> fixture.find("x")).awaitWaiting();
                Threads.Running<Integer> many = Threads.start(() -> fixture.alice
                                .get(KeyTypes.SESSION, List.of("w", "x"))
                                .size())
                        .awaitWaiting();
                cleared.open();
                assertThat(clear.result()).isTrue();
                assertThat(one.result()).isEqualTo("absent");
                assertThat(many.result()).isZero();
            }
        }
    }

    @Test
    @DisplayName("R40 cached reads continue while a commit is in the backend, also reads of what it writes")
    void find_commitHeld_cachedReadsGoOn() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.put("x", "old");
            fixture.plant(
                    "session", "other", fixture.stored(KeyTypes.SESSION, "x").orElseThrow());
            assertThat(fixture.find("absent")).isEqualTo("absent");
            for (boolean clear : List.of(false, true)) {
                Gate gate = fixture.faults.on(Operation.COMMIT).hold(clear ? Moment.AFTER : Moment.BEFORE);
                Threads.Running<Boolean> writer = Threads.run(() -> {
                    if (clear) {
                        fixture.alice.clear();
                    } else {
                        fixture.put("x", "new");
                    }
                });
                gate.awaitReached();

                String before = clear ? "new" : "old";
                assertThat(fixture.find("x")).isEqualTo(before);
                assertThat(fixture.alice.get(KeyTypes.SESSION, List.of("x", "absent")))
                        .containsOnlyKeys("x");
                if (!clear) {
                    assertThat(fixture.find("missed")).isEqualTo("absent");
                }
                gate.open();
                assertThat(writer.result()).isTrue();
                assertThat(fixture.find("x")).isEqualTo(clear ? "absent" : "new");
            }
        }
    }

    @Test
    @DisplayName("R40 cached reads continue between the attempts of a commit that fails transiently")
    void find_commitRetried_cachedReadsGoOn() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.retry(2, Duration.ofSeconds(20)))) {
            fixture.put("x", "old");
            fixture.faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
            Threads.Running<Boolean> writer = Threads.run(() -> fixture.put("x", "new"));
            fixture.awaitCommits(2);
            writer.awaitWaiting();

            assertThat(fixture.find("x")).isEqualTo("old");
            assertThat(fixture.find("missed")).isEqualTo("absent");

            writer.thread().interrupt();
            assertThatThrownBy(writer::result).hasMessageContaining("nothing was written");
            assertThat(fixture.find("x")).isEqualTo("old");
        }
    }
}
