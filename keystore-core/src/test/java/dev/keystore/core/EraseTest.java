package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static dev.keystore.spi.StoreSealing.KEYS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.OperationInterruptedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionConflictException;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.encryption.Encryption;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** An erase destroys the data key of an encrypted context, while other operations use it. */
@Timeout(60)
class EraseTest {

    private static final Encryption ENCRYPTION = TestEncryption.create();

    private static Fixture encrypted(Kind kind) {
        return Fixture.of(kind, options -> options.encryption(ENCRYPTION));
    }

    private static Fixture reopened(Fixture fixture) {
        return fixture.reopen(options -> options.encryption(ENCRYPTION));
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R73 erase destroys the data key in its commit, and what is written later has another one")
    void erase_destroysTheKey(Kind kind) {
        try (Fixture fixture = encrypted(kind)) {
            fixture.put("x", "1");
            byte[] key = fixture.storedKeys().orElseThrow();
            byte[] record = fixture.stored(KeyTypes.SESSION, "x").orElseThrow();

            fixture.alice.erase();
            assertThat(fixture.storedKeys()).isEmpty();
            fixture.put("y", "2");
            assertThat(fixture.storedKeys().orElseThrow()).isNotEqualTo(key);
            fixture.plant("session", "z", record);
            assertThatThrownBy(() -> fixture.find("z")).isInstanceOf(EntryKeyMissingException.class);

            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.find("y")).isEqualTo("2");
                assertThat(reopened.find("x")).isEqualTo("absent");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R73 what a transaction writes after its erase is sealed with the new key, in the same commit")
    void erase_andWrite_inOneTransaction(Kind kind) {
        try (Fixture fixture = encrypted(kind)) {
            fixture.put("x", "1");
            for (int round = 0; round < 3; round++) {
                byte[] key = fixture.storedKeys().orElseThrow();
                String value = "2." + round;
                fixture.alice.useTransaction("k", tx -> {
                    tx.put(KeyTypes.SESSION, "before", bytes("1"));
                    tx.erase();
                    tx.put(KeyTypes.SESSION, "y", bytes(value));
                    tx.saveCredentials(bytes(value));
                });
                assertThat(fixture.storedKeys().orElseThrow()).isNotEqualTo(key);
                fixture.put("z", "3");
            }
            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.find("y")).isEqualTo("2.2");
                assertThat(reopened.find("z")).isEqualTo("3");
                assertThat(text(reopened.alice.credentials())).isEqualTo("2.2");
                assertThat(reopened.find("x")).isEqualTo("absent");
                assertThat(reopened.find("before")).isEqualTo("absent");
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"COMPLETE,true", "COMPLETE,false", "GROUPING,true", "GROUPING,false", "ATOMIC,true", "ATOMIC,false"})
    @DisplayName("R73 commits that were sealed before an erase was written are sealed again")
    void commit_queuedBehindAnErase_isSealedAgain(Kind kind, boolean writesAfterErase) throws Exception {
        try (Fixture fixture = encrypted(kind)) {
            fixture.put("x", "1");
            fixture.faults.forgetCalls();
            QueuedCommits line = QueuedCommits.behind(fixture.faults, () -> fixture.put("x", "2"));
            List<Threads.Running<Boolean>> running = new ArrayList<>();
            running.add(line.add(() -> fixture.put("before", "1")));
            running.add(line.add(() -> fixture.alice.useTransaction("k", tx -> {
                tx.erase();
                if (writesAfterErase) {
                    tx.put(KeyTypes.SESSION, "erased", bytes("1"));
                }
            })));
            for (int i = 0; i < 5; i++) {
                String id = "after" + i;
                running.add(line.add(() -> fixture.put(id, "1")));
            }
            line.advance();
            for (Threads.Running<Boolean> each : running) {
                each.result();
            }

            try (Fixture reopened = reopened(fixture)) {
                for (Fixture each : List.of(fixture, reopened)) {
                    assertThat(each.find("x")).isEqualTo("absent");
                    assertThat(each.find("before")).isEqualTo("absent");
                    assertThat(each.find("erased")).isEqualTo(writesAfterErase ? "1" : "absent");
                    for (int i = 0; i < 5; i++) {
                        assertThat(each.find("after" + i)).isEqualTo("1");
                    }
                }
            }
        }
    }

    @Test
    @DisplayName("R13 a commit whose keys cannot be loaded by its leader is written as a whole once they can be")
    void commit_sealedAgainLater_isWhole() throws Exception {
        try (Fixture fixture = encrypted(Kind.GROUPING)) {
            SignalKeyStore bob = fixture.database.forContext("bob");
            bob.put(KeyTypes.SESSION, "x", bytes("1"));
            fixture.put("x", "1");
            QueuedCommits line = QueuedCommits.behind(fixture.faults, () -> bob.put(KeyTypes.SESSION, "x", bytes("2")));
            Threads.Running<Boolean> erase = line.add(fixture.alice::erase);
            Threads.Running<Boolean> behind = line.add(() -> fixture.put("x", "2"));
            Threads.Running<Boolean> other = line.add(() -> bob.put(KeyTypes.SESSION, "y", bytes("2")));
            fixture.faults
                    .on(Operation.LOAD)
                    .of(KEYS.type(), KEYS.id())
                    .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            fixture.faults.on(Operation.COMMIT).nth(2).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
            line.advance();

            assertThat(erase.result()).isTrue();
            assertThat(other.result()).isTrue();
            assertThat(behind.result()).isTrue();
            try (Fixture reopened = reopened(fixture)) {
                assertThat(List.of(fixture.find("x"), reopened.find("x"))).containsOnly("2");
            }
        }
    }

    @Test
    @DisplayName("R4 a load that overlaps an erase finds nothing, rather than a record without a key")
    void load_duringAnErase_looksAgain() throws Exception {
        try (Fixture seeded = encrypted(Kind.COMPLETE)) {
            seeded.put("x", "1");
            seeded.put("y", "1");
            try (Fixture fixture = reopened(seeded)) {
                assertThat(fixture.find("y")).isEqualTo("1");
                Gate read = fixture.faults.on(Operation.LOAD).of("session", "x").hold(Moment.AFTER);
                Threads.Running<String> reader = Threads.start(() -> fixture.find("x"));
                read.awaitReached();
                fixture.alice.erase();
                fixture.put("z", "1");
                read.open();

                assertThat(reader.result()).isEqualTo("absent");
            }
        }
    }

    @Test
    @DisplayName("R43 an uncached read that overlaps an erase finds nothing, rather than a record without a key")
    void uncachedRead_duringAnErase_looksAgain() {
        try (Fixture fixture = encrypted(Kind.COMPLETE)) {
            fixture.put("x", "1");
            for (boolean writesAgain : new boolean[] {false, true}) {
                fixture.faults.on(Operation.LOAD).of("session", "x").run(Moment.AFTER, () -> {
                    fixture.alice.erase();
                    if (writesAgain) {
                        fixture.put("x", "2");
                    }
                });
                assertThat(text(fixture.alice.uncached().find(KeyTypes.SESSION, "x")))
                        .isEqualTo(writesAgain ? "2" : "absent");
                fixture.put("x", "1");
            }
        }
    }

    @Test
    @DisplayName("R43 a verification that overlaps an erase reports nothing")
    void verify_duringAnErase_looksAgain() throws Exception {
        try (Fixture seeded = encrypted(Kind.COMPLETE)) {
            seeded.put("x", "1");
            try (Fixture fixture = reopened(seeded)) {
                assertThat(fixture.find("x")).isEqualTo("1");
                Gate read = fixture.faults.on(Operation.LOAD).of("session", "x").hold(Moment.AFTER);
                Threads.Running<List<?>> verification = Threads.start(fixture.alice::verify);
                read.awaitReached();
                fixture.alice.erase();
                fixture.put("z", "1");
                read.open();

                assertThat(verification.result()).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "BEFORE,true",
        "BEFORE,false",
        "AFTER,true",
        "AFTER,false",
    })
    @DisplayName("R41 after an erase of unknown outcome, nothing is sealed with a key that is not stored")
    void erase_outcomeUnknown_loadsTheKeysAgain(Moment moment, boolean writesAfterErase) {
        try (Fixture fixture = encrypted(Kind.GROUPING)) {
            fixture.put("x", "1");
            fixture.faults.on(Operation.COMMIT).fail(moment, BackendException.Kind.OUTCOME_UNKNOWN);
            assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                        tx.erase();
                        if (writesAfterErase) {
                            tx.put(KeyTypes.SESSION, "y", bytes("2"));
                        }
                    }))
                    .isInstanceOf(CommitOutcomeUnknownException.class);

            fixture.put("z", "3");

            boolean written = moment == Moment.AFTER;
            try (Fixture reopened = reopened(fixture)) {
                for (Fixture each : List.of(fixture, reopened)) {
                    assertThat(each.find("x")).isEqualTo(written ? "absent" : "1");
                    assertThat(each.find("y")).isEqualTo(written && writesAfterErase ? "2" : "absent");
                    assertThat(each.find("z")).isEqualTo("3");
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"BEFORE,COMPLETE", "AFTER,COMPLETE", "BEFORE,GROUPING", "AFTER,GROUPING"})
    @DisplayName("R54 a first commit of unknown outcome leaves a store whose values can all be read")
    void commit_firstOfUnknownOutcome_keepsItsKey(Moment moment, Kind kind) {
        try (Fixture fixture = encrypted(kind)) {
            fixture.faults.on(Operation.COMMIT).fail(moment, BackendException.Kind.OUTCOME_UNKNOWN);
            try {
                fixture.put("x", "1");
            } catch (CommitOutcomeUnknownException e) {
                assertThat(kind).isEqualTo(Kind.GROUPING);
            }
            fixture.put("y", "2");

            try (Fixture reopened = reopened(fixture)) {
                boolean written = moment == Moment.AFTER || kind == Kind.COMPLETE;
                assertThat(reopened.find("x")).isEqualTo(written ? "1" : "absent");
                assertThat(reopened.find("y")).isEqualTo("2");
                assertThat(reopened.alice.verify()).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R13 an erase that fails leaves the key, and what is written later can be read with it")
    void erase_failed_keepsTheKey(Kind kind) {
        try (Fixture fixture = encrypted(kind)) {
            fixture.put("x", "1");
            fixture.put("y", "1");
            byte[] key = fixture.storedKeys().orElseThrow();
            fixture.faults.on(Operation.COMMIT, Operation.DELETE).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                        tx.erase();
                        tx.put(KeyTypes.SESSION, "x", bytes("2"));
                    }))
                    .isInstanceOf(CommitFailedException.class);
            fixture.put("z", "3");

            assertThat(fixture.storedKeys()).hasValue(key);
            try (Fixture reopened = reopened(fixture)) {
                for (Fixture each : List.of(fixture, reopened)) {
                    assertThat(each.find("x")).isEqualTo("1");
                    assertThat(each.find("z")).isEqualTo("3");
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R76 the key of an erase of which nothing was written is overwritten at once")
    void erase_notWritten_closesItsKey(Kind kind) {
        ObservedSealing observed = new ObservedSealing(ENCRYPTION);
        try (Fixture fixture = Fixture.of(kind, options -> options.encryption(observed))) {
            fixture.put("x", "1");
            int open = observed.openKeys();

            fixture.faults.on(Operation.COMMIT, Operation.DELETE).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> eraseAndWrite(fixture)).isInstanceOf(CommitFailedException.class);
            assertThat(observed.openKeys()).as("after a failure").isEqualTo(open);

            assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                        tx.find(KeyTypes.SESSION, "x");
                        fixture.put("x", "2");
                        tx.erase();
                        tx.put(KeyTypes.SESSION, "y", bytes("3"));
                    }))
                    .isInstanceOf(TransactionConflictException.class);
            assertThat(observed.openKeys()).as("after a conflict").isEqualTo(open);

            eraseAndWrite(fixture);
            assertThat(observed.openKeys()).as("after an erase").isEqualTo(open);
            assertThat(fixture.find("y")).isEqualTo("3");
        }
        assertThat(observed.openKeys()).isZero();
    }

    private static void eraseAndWrite(Fixture fixture) {
        fixture.alice.useTransaction("k", tx -> {
            tx.erase();
            tx.put(KeyTypes.SESSION, "y", bytes("3"));
        });
    }

    @Test
    @DisplayName("R76 the key of an erase that gives up in the queue is overwritten at once")
    void erase_givesUp_closesItsKey() throws Exception {
        ObservedSealing observed = new ObservedSealing(ENCRYPTION);
        try (Fixture fixture = Fixture.of(Kind.GROUPING, options -> options.encryption(observed))) {
            fixture.put("x", "1");
            int open = observed.openKeys();
            QueuedCommits line = QueuedCommits.behind(fixture.faults, () -> fixture.put("x", "2"));
            Threads.Running<Boolean> interrupted = line.add(() -> eraseAndWrite(fixture));
            assertThat(observed.openKeys()).as("while it waits").isEqualTo(open + 1);

            interrupted.thread().interrupt();
            assertThat(interrupted.failure()).isInstanceOf(OperationInterruptedException.class);
            assertThat(observed.openKeys()).isEqualTo(open);
            line.advance();
        }
    }

    @Test
    @DisplayName("R73 threads that write, read and erase at once never meet a value without its key")
    void erase_whileOthersReadAndWrite_isClean() throws Exception {
        KeyType<byte[]> type = KeyTypes.SESSION;
        try (Fixture fixture = Fixture.of(
                Kind.COMPLETE, options -> options.encryption(ENCRYPTION).maximumCacheBytes(1_024))) {
            Threads.together(4, number -> {
                for (int i = 0; i < 300; i++) {
                    String id = "id" + i % 7;
                    if (number == 0 && i % 3 == 0) {
                        fixture.alice.erase();
                    } else if (number < 3) {
                        fixture.put(id, "value");
                    }
                    assertThat(fixture.alice
                                    .find(type, id)
                                    .map(value -> value.length)
                                    .orElse(5))
                            .isEqualTo(5);
                    fixture.alice.get(type, List.of("id0", "id1", "id2"));
                }
                return true;
            });

            assertThat(fixture.alice.verify()).isEmpty();
            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.alice.verify()).isEmpty();
            }
        }
    }

    @Test
    @DisplayName("R28 reads and commits that meet the end of the keys at close are refused as closed")
    void close_whileOthersReadAndWrite_refusesThem() throws Exception {
        for (int round = 0; round < 10; round++) {
            Fixture fixture = Fixture.of(
                    Kind.COMPLETE, options -> options.encryption(ENCRYPTION).maximumCacheBytes(1));
            fixture.put("x", "1");
            Threads.together(4, number -> {
                if (number == 0) {
                    fixture.close();
                    return true;
                }
                try {
                    for (int i = 0; i < 1_000; i++) {
                        fixture.put("x", "1");
                        assertThat(fixture.find("x")).isEqualTo("1");
                    }
                } catch (ClosedException e) {
                    return true;
                } catch (CommitFailedException e) {
                    assertThat(e).hasRootCauseInstanceOf(ClosedException.class);
                }
                return true;
            });
        }
    }
}
