package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.IncompleteVerificationException;
import dev.keystore.KeyOperations.OnExisting;
import dev.keystore.KeyPair;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Records that are damaged in the backend, without the engine. */
@Timeout(60)
class DamageTest {

    private static final EntryId DAMAGED = new EntryId("session", "x");

    /** Returns a context of three sessions, credentials and a pre-key, with nothing cached. */
    private static Fixture seeded(Kind kind) {
        try (Fixture fixture = Fixture.of(kind)) {
            fixture.put("x", "the value of x");
            fixture.put("y", "the value of y");
            fixture.put("z", "the value of z");
            fixture.alice.put(KeyTypes.PRE_KEY, "17", new KeyPair(bytes("public"), bytes("private")));
            fixture.alice.saveCredentials(bytes("me"));
            return fixture.reopen();
        }
    }

    private static Map<String, byte[]> damages(Fixture fixture) {
        byte[] sealed = fixture.stored(KeyTypes.SESSION, "x").orElseThrow();
        byte[] newer = sealed.clone();
        newer[0]++;
        byte[] zeroed = sealed.clone();
        Arrays.fill(zeroed, sealed.length / 2, sealed.length, (byte) 0);
        byte[] longer = Arrays.copyOf(sealed, sealed.length + 1);
        byte[] flipped = sealed.clone();
        flipped[sealed.length - 1] ^= 0x10;
        Map<String, byte[]> damages = new LinkedHashMap<>();
        damages.put("flipped", flipped);
        damages.put("row of another id", fixture.stored(KeyTypes.SESSION, "y").orElseThrow());
        damages.put(
                "row of another type", fixture.stored(KeyTypes.PRE_KEY, "17").orElseThrow());
        damages.put("row of another context", Envelope.seal("bob", "session", "x", bytes("the value of x")));
        damages.put("truncated by one byte", Arrays.copyOf(sealed, sealed.length - 1));
        damages.put("truncated to its header", Arrays.copyOf(sealed, 5));
        damages.put("truncated in its header", Arrays.copyOf(sealed, 3));
        damages.put("empty", new byte[0]);
        damages.put("newer envelope", newer);
        damages.put("never sealed", bytes("the value of x"));
        damages.put("zeroed", zeroed);
        damages.put("longer", longer);
        return damages;
    }

    private static Stream<Arguments> damagesOfBackends() {
        return Stream.of(Kind.COMPLETE, Kind.MINIMAL).flatMap(kind -> {
            try (Fixture fixture = seeded(kind)) {
                return damages(fixture).entrySet().stream()
                        .map(damage -> Arguments.of(kind, damage.getKey(), damage.getValue()));
            }
        });
    }

    private static void assertDamaged(Fixture fixture, ThrowingCallable read) {
        assertThatThrownBy(read).isInstanceOfSatisfying(CorruptEntryException.class, e -> {
            assertThat(e.context()).isEqualTo(fixture.context());
            assertThat(e.entry()).isEqualTo(DAMAGED);
            assertThat(e).hasMessageContaining("session/x").hasMessageContaining(fixture.context());
        });
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("damagesOfBackends")
    @DisplayName("R43 reading a damaged record throws CorruptEntryException, verify lists it, and no read changes it")
    void read_damaged_isCorruptAndStays(Kind kind, String damage, byte[] bytes) {
        try (Fixture fixture = seeded(kind)) {
            fixture.plant("session", "x", bytes);
            for (int i = 0; i < 2; i++) {
                assertDamaged(fixture, () -> fixture.find("x"));
                assertDamaged(fixture, () -> fixture.alice.get(KeyTypes.SESSION, List.of("y", "x", "absent")));
                assertDamaged(fixture, () -> fixture.alice.readOnly().find(KeyTypes.SESSION, "x"));
                assertDamaged(fixture, () -> fixture.alice.take(KeyTypes.SESSION, "x"));
                assertDamaged(fixture, () -> fixture.alice.insert(KeyTypes.SESSION, "x", bytes("new")));
                assertDamaged(fixture, () -> fixture.alice.move(KeyTypes.SESSION, "x", "new"));
                assertDamaged(fixture, () -> fixture.alice.move(KeyTypes.SESSION, "y", "x"));
                assertDamaged(
                        fixture,
                        () -> fixture.alice.transaction(
                                "k", tx -> tx.find(KeyTypes.SESSION, "x").isPresent()));
                assertThat(fixture.alice.verify()).containsExactly(DAMAGED);
            }
            assertThat(fixture.faults.count(Operation.COMMIT, Operation.SAVE, Operation.DELETE))
                    .isZero();
            assertThat(fixture.stored(KeyTypes.SESSION, "x")).hasValue(bytes);

            assertThat(fixture.find("y")).isEqualTo("the value of y");
            assertThat(fixture.alice.get(KeyTypes.SESSION, List.of("z", "y"))).hasSize(2);
            assertThat(fixture.alice.find(KeyTypes.PRE_KEY, "17")).isPresent();
            assertThat(text(fixture.alice.credentials())).isEqualTo("me");
            try (Stream<String> ids = fixture.alice.ids(KeyTypes.SESSION, "")) {
                assertThat(ids).containsExactlyInAnyOrder("x", "y", "z");
            }
        }
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("damagesOfBackends")
    @DisplayName("R43 a damaged record can be deleted, overwritten and replaced by a move")
    void write_damaged_repairs(Kind kind, String damage, byte[] bytes) {
        Map<String, Consumer<SignalKeyStore>> repairs = Map.of(
                "absent", store -> store.delete(KeyTypes.SESSION, "x"),
                "new", store -> store.put(KeyTypes.SESSION, "x", bytes("new")),
                "the value of y", store -> store.move(KeyTypes.SESSION, "y", "x", OnExisting.REPLACE),
                "replaced",
                        store -> store.useTransaction("k", tx -> {
                            tx.delete(KeyTypes.SESSION, "x");
                            tx.put(KeyTypes.SESSION, "x", bytes("replaced"));
                        }));
        repairs.forEach((after, repair) -> {
            try (Fixture fixture = seeded(kind)) {
                fixture.plant("session", "x", bytes);
                assertDamaged(fixture, () -> fixture.find("x"));
                repair.accept(fixture.alice);
                assertThat(fixture.stored(KeyTypes.SESSION, "x").isPresent()).isEqualTo(!after.equals("absent"));
                assertThat(fixture.find("x")).isEqualTo(after);
                assertThat(fixture.alice.verify()).isEmpty();
                try (Fixture reopened = fixture.reopen()) {
                    assertThat(reopened.find("x")).isEqualTo(after);
                }
            }
        });
    }

    @Test
    @DisplayName("R43 every single flipped bit of a record or of its envelope is detected")
    void find_anyBitFlipped_isCorrupt() {
        try (Fixture fixture = seeded(Kind.COMPLETE)) {
            byte[] sealed = fixture.stored(KeyTypes.SESSION, "x").orElseThrow();
            for (int bit = 0; bit < sealed.length * Byte.SIZE; bit++) {
                byte[] flipped = sealed.clone();
                flipped[bit / Byte.SIZE] ^= (byte) (1 << bit % Byte.SIZE);
                fixture.plant("session", "x", flipped);
                assertDamaged(fixture, () -> fixture.find("x"));
            }
            fixture.plant("session", "x", sealed);
            assertThat(fixture.find("x")).isEqualTo("the value of x");
        }
    }

    @Test
    @DisplayName("R43 two swapped rows are both reported as damaged, and a third one is not")
    void find_rowsSwapped_areCorrupt() {
        try (Fixture fixture = seeded(Kind.COMPLETE)) {
            byte[] x = fixture.stored(KeyTypes.SESSION, "x").orElseThrow();
            fixture.plant("session", "x", fixture.stored(KeyTypes.SESSION, "z").orElseThrow());
            fixture.plant("session", "z", x);
            assertThatThrownBy(() -> fixture.find("x")).isInstanceOf(CorruptEntryException.class);
            assertThatThrownBy(() -> fixture.find("z")).isInstanceOf(CorruptEntryException.class);
            assertThat(fixture.find("y")).isEqualTo("the value of y");
            assertThat(fixture.alice.verify()).containsExactlyInAnyOrder(DAMAGED, new EntryId("session", "z"));
            fixture.alice.clear();
            assertThat(fixture.alice.verify()).isEmpty();
            assertThat(fixture.find("x")).isEqualTo("absent");
        }
    }

    @Test
    @DisplayName("R43 intact bytes that the type's codec refuses are reported as damaged")
    void find_codecRefuses_isCorrupt() {
        try (Fixture fixture = seeded(Kind.COMPLETE)) {
            fixture.plant("pre-key", "17", Envelope.seal("alice", "pre-key", "17", bytes("no key pair")));
            assertThatThrownBy(() -> fixture.alice.find(KeyTypes.PRE_KEY, "17"))
                    .isInstanceOf(CorruptEntryException.class)
                    .hasMessageContaining("pre-key/17");
            assertThat(fixture.alice.verify()).containsExactly(new EntryId("pre-key", "17"));
        }
    }

    @Test
    @DisplayName("R43 reading damaged credentials throws CorruptEntryException, and saving replaces them")
    void credentials_damaged_areCorrupt() {
        try (Fixture fixture = seeded(Kind.COMPLETE)) {
            fixture.plant("credentials", "credentials", bytes("garbage"));
            assertThatThrownBy(fixture.alice::credentials).isInstanceOf(CorruptEntryException.class);
            assertThat(fixture.alice.verify()).containsExactly(new EntryId("credentials", "credentials"));
            fixture.alice.clear();
            assertThatThrownBy(fixture.alice::credentials).isInstanceOf(CorruptEntryException.class);
            fixture.alice.saveCredentials(bytes("new me"));
            assertThat(text(fixture.alice.credentials())).isEqualTo("new me");
            assertThat(fixture.alice.verify()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R43 verify lists a record of a type that no store can have written, and continues")
    void verify_foreignType_isListed(Kind kind) {
        try (Fixture fixture = seeded(kind)) {
            fixture.plant("Not A Type!", "1", bytes("garbage"));
            fixture.plant("unknown-type", "1", bytes("garbage"));
            fixture.plant("session", "x", bytes("garbage"));
            assertThat(fixture.alice.verify())
                    .containsExactlyInAnyOrder(
                            DAMAGED, new EntryId("Not A Type!", "1"), new EntryId("unknown-type", "1"));
        }
    }

    @Test
    @DisplayName("R43 verify finds no damage in an intact context, also of unknown types, and caches nothing")
    void verify_sound_isEmptyAndCachesNothing() {
        KeyType<byte[]> ownType = KeyType.ofBytes("own-type");
        try (Fixture writing = Fixture.of(Kind.COMPLETE)) {
            writing.alice.put(ownType, "1", bytes("1"));
            for (int i = 0; i < 100; i++) {
                writing.put("id" + i, "value");
            }
            try (Fixture fixture = writing.reopen()) {
                assertThat(fixture.alice.verify()).isEmpty();
                assertThat(fixture.database.stats().cachedBytes()).isZero();
                assertThat(fixture.faults.count(Operation.COMMIT)).isZero();
            }
        }
    }

    @Test
    @DisplayName("R43 verify reads the backend even where an intact value is cached")
    void verify_cachedButDamagedBeneath_isListed() {
        try (Fixture fixture = seeded(Kind.COMPLETE)) {
            assertThat(fixture.find("x")).isEqualTo("the value of x");
            fixture.plant("session", "x", bytes("garbage"));
            assertThat(fixture.alice.verify()).containsExactly(DAMAGED);
            assertThat(fixture.find("x")).isEqualTo("the value of x");
        }
    }

    @Test
    @DisplayName("R3 verify throws if the backend fails, and does not return a shorter list")
    void verify_backendFails_throws() {
        try (Fixture fixture = seeded(Kind.COMPLETE)) {
            fixture.plant("session", "x", bytes("garbage"));
            fixture.faults.on(Operation.LOAD).nth(3).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            IncompleteVerificationException one =
                    catchThrowableOfType(IncompleteVerificationException.class, fixture.alice::verify);
            assertThat(one.unreadable()).hasSize(1);
            assertThat(one.checked()).as("continues after it").isEqualTo(4);
            if (!one.unreadable().contains(DAMAGED)) {
                assertThat(one.damaged()).containsExactly(DAMAGED);
                assertThat(one).hasMessageContaining(DAMAGED.toString());
            }
            fixture.faults.on(Operation.LOAD).nth(2).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
            assertThat(catchThrowableOfType(IncompleteVerificationException.class, fixture.alice::verify)
                            .checked())
                    .as("ends where the backend as a whole can't be read now")
                    .isEqualTo(1);
            fixture.faults.on(Operation.LIST).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);
            assertThatThrownBy(fixture.alice::verify).isInstanceOf(LoadFailedException.class);
            assertThat(fixture.alice.verify()).containsExactly(DAMAGED);
        }
    }
}
