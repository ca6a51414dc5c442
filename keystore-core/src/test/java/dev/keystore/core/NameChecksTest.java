package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.Codec;
import dev.keystore.KeyOperations;
import dev.keystore.KeyOperations.OnExisting;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.TransactionOptions;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Which bytes, ids, contexts, types and lock keys are accepted, and how others are refused. */
@Timeout(60)
class NameChecksTest {

    private static final String EMOJI = "\uD83D\uDD11";

    private static Map<String, BiConsumer<KeyOperations, String>> operationsById() {
        Map<String, BiConsumer<KeyOperations, String>> operations = new LinkedHashMap<>();
        operations.put("find", (store, id) -> store.find(KeyTypes.SESSION, id));
        operations.put("get", (store, id) -> store.get(KeyTypes.SESSION, Arrays.asList("fine", id)));
        operations.put("get of one", (store, id) -> store.get(KeyTypes.SESSION, Arrays.asList(id)));
        operations.put("put", (store, id) -> store.put(KeyTypes.SESSION, id, bytes("1")));
        operations.put("delete", (store, id) -> store.delete(KeyTypes.SESSION, id));
        operations.put("insert", (store, id) -> store.insert(KeyTypes.SESSION, id, bytes("1")));
        operations.put("take", (store, id) -> store.take(KeyTypes.SESSION, id));
        operations.put("move from", (store, id) -> store.move(KeyTypes.SESSION, id, "fine"));
        operations.put("move to", (store, id) -> store.move(KeyTypes.SESSION, "fine", id));
        operations.put("move over", (store, id) -> store.move(KeyTypes.SESSION, "fine", id, OnExisting.REPLACE));
        operations.put("set", (store, id) -> {
            Updates updates = new Updates();
            updates.put(KeyTypes.SESSION, id, bytes("1"));
            store.set(updates);
        });
        operations.put("set of a delete", (store, id) -> {
            Updates updates = new Updates();
            updates.delete(KeyTypes.SESSION, id);
            store.set(updates);
        });
        return operations;
    }

    private static Stream<String> badIds() {
        return Stream.of(
                "",
                " ",
                "\t\n\u2003",
                "i".repeat(1_025),
                EMOJI.repeat(1_025),
                "half a character: \uD83D",
                "\uDD11 the other half");
    }

    @ParameterizedTest
    @MethodSource("badIds")
    @DisplayName("R8 every operation refuses blank, too long and ill-formed ids, and names the argument")
    void operation_badId_isRefused(String id) {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.put("fine", "1");
            fixture.faults.forgetCalls();
            operationsById().forEach((name, operation) -> {
                assertThatThrownBy(() -> operation.accept(fixture.alice, id))
                        .as(name)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageStartingWith("id ");
                assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> operation.accept(tx, id)))
                        .as("%s in a transaction", name)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageStartingWith("id ");
                assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                            tx.clear();
                            operation.accept(tx, id);
                        }))
                        .as("%s in a transaction, after a clear", name)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageStartingWith("id ");
            });
            assertThat(fixture.faults.calls()).isEmpty();
        }
    }

    @Test
    @DisplayName("R8 blank, too long and ill-formed contexts are refused with the argument's name, and not opened")
    void forContext_badName_isRefused() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            badIds().forEach(name -> assertThatThrownBy(() -> fixture.database.forContext(name))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("context "));
            assertThat(fixture.faults.calls()).isEmpty();
            assertThatCode(() -> fixture.database.forContext(EMOJI.repeat(1_024)))
                    .doesNotThrowAnyException();
        }
    }

    @Test
    @DisplayName("R8 blank or null lock keys and an empty set of them are refused; the work does not run")
    void transaction_badLockKeys_areRefused() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            List<Runnable> bad = List.of(
                    () -> fixture.alice.useTransaction("", tx -> neverRuns()),
                    () -> fixture.alice.useTransaction(" \t", tx -> neverRuns()),
                    () -> fixture.alice.transaction(Set.of("fine", " "), tx -> neverRuns()),
                    () -> fixture.alice.transaction(Set.of(), tx -> neverRuns()),
                    () -> fixture.alice.transaction("", TransactionOptions.DEFAULT, tx -> neverRuns()));
            bad.forEach(call -> assertThatThrownBy(call::run)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("lockKey"));
        }
    }

    private static boolean neverRuns() {
        throw new AssertionError("the work ran");
    }

    @Test
    @DisplayName("R8 the type of the credentials and a type in use with another codec are refused with the type's name")
    void operation_badType_isRefused() {
        KeyType<byte[]> credentials = KeyType.ofBytes("credentials");
        KeyType<String> session = KeyType.of("session", KeyTypes.LID_MAPPING.codec());
        KeyType<String> mine = KeyType.of("mine", KeyTypes.LID_MAPPING.codec());
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.put("bob", "1");
            fixture.alice.saveCredentials(bytes("me"));
            fixture.alice.put(mine, "x", "value");
            for (KeyType<?> bad : List.of(credentials, session, KeyType.ofBytes("mine"))) {
                List<Runnable> operations = List.of(
                        () -> fixture.alice.find(bad, "bob"),
                        () -> fixture.alice.find(bad, "credentials"),
                        () -> fixture.alice.get(bad, List.of("bob", "credentials")),
                        () -> fixture.alice.delete(bad, "bob"),
                        () -> fixture.alice.take(bad, "bob"),
                        () -> fixture.alice.move(bad, "bob", "eve"),
                        () -> fixture.alice.ids(bad, ""),
                        () -> fixture.alice.useTransaction("k", tx -> tx.ids(bad, "")));
                operations.forEach(operation -> assertThatThrownBy(operation::run)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("type \"" + bad.name() + "\""));
            }
            assertThatThrownBy(() -> fixture.alice.put(session, "bob", "2"))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> fixture.alice.put(credentials, "credentials", bytes("2")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("saveCredentials");
            assertThat(fixture.find("bob")).isEqualTo("1");
            assertThat(fixture.alice.find(KeyType.of("mine", KeyTypes.LID_MAPPING.codec()), "x"))
                    .hasValue("value");
        }
    }

    @Test
    @DisplayName("R8 a prefix that is not well-formed Unicode is refused with the argument's name")
    void ids_badPrefix_isRefused() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            assertThatThrownBy(() -> fixture.alice.ids(KeyTypes.SESSION, "a\uD800"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("idPrefix ");
        }
    }

    @Test
    @DisplayName("R8 a type name of an undocumented form is refused with the argument's name")
    void keyType_badName_isRefused() {
        for (String name : List.of("", " ", "Session", "-x", ".x", "a/b", "a:b", "ä", "a".repeat(65), "a\n")) {
            assertThatThrownBy(() -> KeyType.ofBytes(name))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("name ");
        }
        assertThat(KeyType.of("a".repeat(64), Codec.BYTES)).isEqualTo(KeyType.ofBytes("a".repeat(64)));
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R8 bytes are kept exactly: empty values, all 256 byte values, and 1 MiB")
    void put_anyBytes_areKept(Kind kind) {
        byte[] every = new byte[256];
        for (int i = 0; i < every.length; i++) {
            every[i] = (byte) i;
        }
        byte[] mebibyte = new byte[1 << 20];
        Arrays.setAll(new int[mebibyte.length], i -> mebibyte[i] = (byte) (i * 31));
        Map<String, byte[]> values = Map.of("empty", new byte[0], "every", every, "1 MiB", mebibyte);
        try (Fixture fixture = Fixture.of(kind)) {
            values.forEach((id, value) -> fixture.alice.put(KeyTypes.SESSION, id, value));
            fixture.alice.saveCredentials(new byte[0]);
            try (Fixture reopened = fixture.reopen()) {
                for (Fixture reading : List.of(fixture, reopened)) {
                    values.forEach((id, value) -> assertThat(reading.alice.find(KeyTypes.SESSION, id))
                            .as(id)
                            .hasValue(value));
                    assertThat(reading.alice.get(KeyTypes.SESSION, values.keySet()))
                            .hasSize(3);
                    assertThat(reading.alice.credentials()).hasValue(new byte[0]);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName(
            "R8 an id may be any Unicode string of up to 1,024 characters, and different ids are different entries")
    void put_anyIds_areApart(Kind kind) {
        List<String> ids = new ArrayList<>(List.of(
                "a", "A", " a", "a ", "a/b", "a:b", "a%", "a_", "a.b", "%", "_", "a\\b", "a'b", "a\"b", "\u0000",
                "a\u0000"));
        ids.addAll(List.of(
                "\u00e9", "e\u0301", "\u00df", "ss", "\uFEFFa", "\u202Ea", "\u0130", "i\u0307", EMOJI, "1", "01"));
        ids.addAll(List.of("i".repeat(1_024), "i".repeat(1_023), EMOJI.repeat(1_024), EMOJI.repeat(1_023) + "x"));
        try (Fixture fixture = Fixture.of(kind)) {
            for (int i = 0; i < ids.size(); i++) {
                fixture.put(ids.get(i), "value " + i);
                fixture.alice.put(KeyTypes.IDENTITY_KEY, ids.get(i), bytes("identity " + i));
            }
            try (Fixture reopened = fixture.reopen()) {
                for (int i = 0; i < ids.size(); i++) {
                    assertThat(fixture.find(ids.get(i))).as(ids.get(i)).isEqualTo("value " + i);
                    assertThat(reopened.find(ids.get(i))).as(ids.get(i)).isEqualTo("value " + i);
                    assertThat(reopened.alice.find(KeyTypes.IDENTITY_KEY, ids.get(i)))
                            .hasValue(bytes("identity " + i));
                }
                assertThat(reopened.alice.get(KeyTypes.SESSION, ids)).hasSize(ids.size());
                try (Stream<String> listed = reopened.alice.ids(KeyTypes.SESSION, "")) {
                    assertThat(listed).containsExactlyInAnyOrderElementsOf(ids);
                }
                try (Stream<String> listed = reopened.alice.ids(KeyTypes.SESSION, "a_")) {
                    assertThat(listed).containsExactly("a_");
                }
                try (Stream<String> listed = reopened.alice.ids(KeyTypes.SESSION, "%")) {
                    assertThat(listed).containsExactly("%");
                }
                reopened.alice.delete(KeyTypes.SESSION, "a%");
                reopened.alice.delete(KeyTypes.SESSION, "%");
                assertThat(reopened.alice.get(KeyTypes.SESSION, ids)).hasSize(ids.size() - 2);
            }
        }
    }
}
