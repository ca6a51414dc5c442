package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Mutation;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class ClearTest {

    private static final KeyType<byte[]> OWN_TYPE = KeyType.ofBytes("credentials-of-peers");

    /** Fills a context with entries of several types and credentials. */
    private static void fill(SignalKeyStore store) {
        store.useTransaction("fill", tx -> {
            for (int i = 0; i < 20; i++) {
                tx.put(KeyTypes.SESSION, "id" + i, bytes("1"));
            }
            tx.put(KeyTypes.LID_MAPPING, "id0", "lid");
            tx.put(OWN_TYPE, "credentials", bytes("1"));
            tx.saveCredentials(bytes("me"));
        });
    }

    private static long count(SignalKeyStore store) {
        return Stream.of(KeyTypes.SESSION, KeyTypes.LID_MAPPING, OWN_TYPE)
                .mapToLong(type -> {
                    try (Stream<String> ids = store.ids(type, "")) {
                        return ids.count();
                    }
                })
                .sum();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R17 clear removes every entry of its context except the credentials, including entries never loaded")
    void clear_warmAndCold_leavesCredentialsAlone(Kind kind) {
        try (Fixture seeded = Fixture.of(kind)) {
            fill(seeded.alice);
            try (Fixture fixture = seeded.reopen()) {
                assertThat(fixture.find("id3")).isEqualTo("1");
                assertThat(fixture.alice.find(KeyTypes.LID_MAPPING, "id0")).hasValue("lid");
                assertThat(text(fixture.alice.credentials())).isEqualTo("me");
                fixture.faults.forgetCalls();

                fixture.alice.clear();

                assertThat(text(fixture.alice.credentials())).isEqualTo("me");
                assertThat(fixture.faults.loads("credentials", "credentials"))
                        .as("credentials stay cached")
                        .isLessThanOrEqualTo(kind == Kind.PLAIN || kind == Kind.MINIMAL ? 1 : 0);
                try (Fixture reopened = fixture.reopen()) {
                    for (Fixture reading : List.of(fixture, reopened)) {
                        for (int i = 0; i < 20; i++) {
                            assertThat(reading.find("id" + i)).isEqualTo("absent");
                        }
                        assertThat(reading.alice.find(KeyTypes.LID_MAPPING, "id0"))
                                .isEmpty();
                        assertThat(reading.alice.find(OWN_TYPE, "credentials")).isEmpty();
                        assertThat(count(reading.alice)).isZero();
                        assertThat(text(reading.alice.credentials())).isEqualTo("me");
                    }
                    reopened.put("id3", "2");
                    assertThat(reopened.find("id3")).isEqualTo("2");
                    assertThat(reopened.alice.verify()).isEmpty();
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "GROUPING", "ATOMIC", "PLAIN"})
    @DisplayName("R17 clear touches no other context, neither in the backend nor in the cache")
    void clear_otherContext_isUntouched(Kind kind) {
        try (Fixture fixture = Fixture.of(kind)) {
            List<SignalKeyStore> others = List.of(
                    fixture.database.forContext("alice.2"),
                    fixture.database.forContext("Alice"),
                    fixture.database.forContext("%"));
            fill(fixture.alice);
            others.forEach(ClearTest::fill);
            fixture.faults.forgetCalls();

            fixture.alice.clear();

            assertThat(count(fixture.alice)).isZero();
            fixture.faults.forgetCalls();
            for (SignalKeyStore other : others) {
                assertThat(count(other)).isEqualTo(22);
                assertThat(text(other.find(KeyTypes.SESSION, "id7"))).isEqualTo("1");
                assertThat(text(other.credentials())).isEqualTo("me");
            }
            assertThat(fixture.faults.count(Operation.LOAD)).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName(
            "R17 in a transaction, clear takes effect at the commit, drops earlier writes, and later ones survive it")
    void clear_inTransaction_takesEffectAtCommit(Kind kind) {
        try (Fixture fixture = Fixture.of(kind)) {
            fill(fixture.alice);
            fixture.alice.useTransaction("k", tx -> {
                tx.put(KeyTypes.SESSION, "earlier", bytes("1"));
                tx.saveCredentials(bytes("saved before"));
                tx.clear();
                assertThat(tx.find(KeyTypes.SESSION, "id3")).isEmpty();
                assertThat(tx.find(KeyTypes.SESSION, "earlier")).isEmpty();
                assertThat(text(tx.credentials())).isEqualTo("saved before");
                assertThat(tx.get(KeyTypes.SESSION, List.of("id4", "id5"))).isEmpty();
                assertThat(count(tx)).isZero();
                tx.put(KeyTypes.SESSION, "later", bytes("2"));
                tx.put(KeyTypes.SESSION, "id3", bytes("2"));
                tx.delete(KeyTypes.SESSION, "id4");
                assertThat(count(tx)).isEqualTo(2);

                assertThat(fixture.find("id3")).isEqualTo("1");
                assertThat(count(fixture.alice)).isEqualTo(22);
                assertThat(text(fixture.alice.credentials())).isEqualTo("me");
            });
            try (Fixture reopened = fixture.reopen()) {
                for (Fixture reading : List.of(fixture, reopened)) {
                    assertThat(reading.find("later")).isEqualTo("2");
                    assertThat(reading.find("id3")).isEqualTo("2");
                    assertThat(reading.find("id4")).isEqualTo("absent");
                    assertThat(reading.find("earlier")).isEqualTo("absent");
                    assertThat(count(reading.alice)).isEqualTo(2);
                    assertThat(text(reading.alice.credentials())).isEqualTo("saved before");
                }
            }
        }
    }

    private static long count(Transaction tx) {
        try (Stream<String> ids = tx.ids(KeyTypes.SESSION, "")) {
            return ids.count();
        }
    }

    @Test
    @DisplayName("R17 a transaction that clears and then fails clears nothing")
    void clear_workThrows_clearsNothing() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fill(fixture.alice);
            assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                        tx.clear();
                        throw new IllegalStateException("work fails");
                    }))
                    .hasMessage("work fails");
            assertThat(count(fixture.alice)).isEqualTo(22);
            assertThat(fixture.find("id3")).isEqualTo("1");
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R18 erase removes the credentials as well")
    void erase_removesEverything(Kind kind) {
        try (Fixture seeded = Fixture.of(kind)) {
            fill(seeded.alice);
            try (Fixture fixture = seeded.reopen()) {
                assertThat(fixture.find("id3")).isEqualTo("1");
                assertThat(text(fixture.alice.credentials())).isEqualTo("me");
                fixture.alice.erase();
                try (Fixture reopened = fixture.reopen()) {
                    for (Fixture reading : List.of(fixture, reopened)) {
                        assertThat(reading.alice.credentials()).isEmpty();
                        assertThat(reading.find("id3")).isEqualTo("absent");
                        assertThat(count(reading.alice)).isZero();
                    }
                }
            }
        }
    }

    @Test
    @DisplayName("R18 clear and erase are one commit each, and erase keeps no type but those of the engine")
    void erase_isOneCommit() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fill(fixture.alice);
            fixture.faults.forgetCalls();
            fixture.alice.clear();
            fixture.alice.erase();
            assertThat(fixture.faults.calls(Operation.COMMIT))
                    .extracting(call -> call.group().get(0).mutations())
                    .containsExactly(
                            List.of(new Mutation.Clear(Set.of("credentials", "_store", "_fresh"))),
                            List.of(new Mutation.Clear(Set.of("_store", "_fresh"))));
            assertThat(fixture.faults.groupSizes()).containsExactly(1, 1);
        }
    }

    @Test
    @DisplayName("R18 R73 with encryption, erase is one commit as well, which keeps neither entries nor data keys")
    void erase_encrypted_isOneCommit() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.encryption(TestEncryption.create()))) {
            fill(fixture.alice);
            fixture.faults.forgetCalls();
            fixture.alice.clear();
            assertThat(fixture.storedKeys()).isPresent();
            fixture.alice.erase();
            assertThat(fixture.faults.calls(Operation.COMMIT))
                    .extracting(call -> call.group().get(0).mutations())
                    .containsExactly(
                            List.of(new Mutation.Clear(Set.of("credentials", "_keys", "_store", "_fresh"))),
                            List.of(new Mutation.Clear(Set.of("_store", "_fresh"))));
            assertThat(fixture.faults.groupSizes()).containsExactly(1, 1);
            assertThat(fixture.faults.count(Operation.SAVE, Operation.DELETE)).isZero();
            assertThat(fixture.storedKeys()).isEmpty();
        }
    }

    @Test
    @DisplayName("R18 clear and erase together in one transaction: erase wins in either order, later writes survive")
    void erase_duringClear_wins() {
        List<Consumer<Transaction>> orders = List.of(
                tx -> {
                    tx.clear();
                    tx.erase();
                },
                tx -> {
                    tx.erase();
                    tx.clear();
                });
        for (Consumer<Transaction> order : orders) {
            try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
                fill(fixture.alice);
                fixture.alice.useTransaction("k", tx -> {
                    order.accept(tx);
                    assertThat(tx.credentials()).isEmpty();
                    tx.put(KeyTypes.SESSION, "later", bytes("1"));
                });
                assertThat(fixture.alice.credentials()).isEmpty();
                assertThat(fixture.find("later")).isEqualTo("1");
                assertThat(count(fixture.alice)).isEqualTo(1);
            }
        }
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fill(fixture.alice);
            fixture.alice.useTransaction("k", tx -> {
                tx.erase();
                tx.saveCredentials(bytes("new me"));
            });
            assertThat(text(fixture.alice.credentials())).isEqualTo("new me");
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R13 after a failed clear or erase everything is still there, in the cache and in the backend")
    void clear_fails_changesNothing(Kind kind) {
        for (boolean erase : List.of(false, true)) {
            for (int write : kind == Kind.PLAIN || kind == Kind.MINIMAL ? List.of(1, 7, 21) : List.of(1)) {
                try (Fixture fixture = Fixture.of(kind)) {
                    fill(fixture.alice);
                    fixture.faults
                            .on(Operation.COMMIT, Operation.DELETE)
                            .nth(write)
                            .fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);
                    assertThatThrownBy(erase ? fixture.alice::erase : fixture.alice::clear)
                            .isInstanceOf(CommitFailedException.class);
                    try (Fixture reopened = fixture.reopen()) {
                        for (Fixture reading : List.of(fixture, reopened)) {
                            assertThat(count(reading.alice)).isEqualTo(22);
                            for (int i = 0; i < 20; i++) {
                                assertThat(reading.find("id" + i)).isEqualTo("1");
                            }
                            assertThat(text(reading.alice.credentials())).isEqualTo("me");
                        }
                    }
                }
            }
        }
    }

    @Test
    @DisplayName("R13 after a clear of unknown outcome, reads equal the backend")
    void clear_outcomeUnknown_readsEqualBackend() {
        for (Moment moment : List.of(Moment.BEFORE, Moment.AFTER)) {
            try (Fixture fixture = Fixture.of(Kind.GROUPING)) {
                fill(fixture.alice);
                fixture.faults.on(Operation.COMMIT).fail(moment, BackendException.Kind.OUTCOME_UNKNOWN);
                assertThatThrownBy(fixture.alice::clear).isInstanceOf(CommitOutcomeUnknownException.class);
                assertThat(fixture.find("id3")).isEqualTo(moment == Moment.AFTER ? "absent" : "1");
                assertThat(text(fixture.alice.credentials())).isEqualTo("me");
            }
        }
    }

    @Test
    @DisplayName(
            "R17 with concurrent writes and clears, each reader sees the state before a clear or after it, never a mix")
    void clear_duringWritersAndReaders_isAtomic() throws Exception {
        for (long cacheBytes : List.of(0L, 1L << 20)) {
            try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.maximumCacheBytes(cacheBytes))) {
                Threads.together(4, number -> {
                    for (int i = 0; i < 400; i++) {
                        if (number == 0) {
                            String value = "value " + i;
                            fixture.alice.useTransaction("k", tx -> {
                                tx.put(KeyTypes.SESSION, "a", bytes(value));
                                tx.put(KeyTypes.SESSION, "b", bytes(value));
                            });
                        } else if (number == 1) {
                            fixture.alice.clear();
                        } else {
                            List<String> pair = fixture.alice.get(KeyTypes.SESSION, List.of("a", "b")).values().stream()
                                    .map(value -> new String(value, UTF_8))
                                    .toList();
                            assertThat(pair.size()).isIn(0, 2);
                            assertThat(Set.copyOf(pair)).hasSizeLessThan(2);
                        }
                    }
                    return number;
                });
            }
        }
    }
}
