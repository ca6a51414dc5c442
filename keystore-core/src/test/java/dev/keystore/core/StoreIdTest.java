package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.ContextPosition;
import dev.keystore.CorruptEntryException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class StoreIdTest {

    private static SignalKeyDatabase open(MemoryBackend backend) {
        return SignalKeyDatabase.builder().backend(backend).open();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R81 a store has a random id on each kind of backend, which is neither listed nor cleared")
    void storeId_onEachBackend_isHiddenAndKept(Kind kind) {
        try (Fixture fixture = Fixture.of(kind);
                Fixture other = Fixture.of(kind)) {
            Optional<String> id = fixture.database.storeId();

            assertThat(id).get().asString().matches("[0-9a-f]{32}");
            assertThat(other.database.storeId()).isPresent().isNotEqualTo(id);
            fixture.put("x", "1");
            fixture.alice.clear();
            fixture.alice.erase();
            assertThat(new StoreId(fixture.database.engine().storage, null).get())
                    .isEqualTo(id);
            assertThat(fixture.alice.verify()).isEmpty();
            try (Stream<String> contexts = fixture.database.contexts()) {
                assertThat(contexts).isEmpty();
            } catch (UnsupportedOperationException e) {
                assertThat(kind).isNotEqualTo(Kind.COMPLETE);
            }
        }
    }

    @Test
    @DisplayName("R81 all openings of a store return one id, also two that create it at the same time")
    void storeId_openedTwice_isTheSame() {
        MemoryBackend backend = new MemoryBackend();
        try (SignalKeyDatabase first = open(backend);
                SignalKeyDatabase second = open(backend.reopen())) {
            Optional<String> id = first.storeId();

            assertThat(second.storeId()).isPresent().isEqualTo(id);
        }
        try (SignalKeyDatabase third = open(backend.reopen())) {
            assertThat(third.storeId()).isPresent();
        }
    }

    @Test
    @DisplayName("R81 an encrypted store has the id of its mark, and keeps it when it is decrypted")
    void storeId_encrypted_isThatOfTheMark() {
        MemoryBackend backend = new MemoryBackend();
        Optional<String> id;
        try (SignalKeyDatabase encrypted = SignalKeyDatabase.builder()
                .backend(backend)
                .encryption(TestEncryption.create())
                .open()) {
            id = encrypted.storeId();
            assertThat(id).isPresent();
            assertThat(backend.load("_store", "_store", "id")).isEmpty();
            encrypted.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
            encrypted.encryption().decrypt(progress -> {});
            assertThat(encrypted.storeId()).isEqualTo(id);
        }
        try (SignalKeyDatabase plain = open(backend.reopen())) {
            assertThat(plain.storeId()).isEqualTo(id);
        }
    }

    @Test
    @DisplayName("R81 a plain store keeps its id when it is encrypted, and an empty one may become an encrypted one")
    void storeId_plain_isKeptByEncryption() {
        MemoryBackend backend = new MemoryBackend();
        Optional<String> id;
        try (SignalKeyDatabase plain = open(backend)) {
            id = plain.storeId();
        }
        try (SignalKeyDatabase encrypted = SignalKeyDatabase.builder()
                .backend(backend.reopen())
                .encryption(TestEncryption.create())
                .open()) {
            assertThat(encrypted.storeId()).isPresent().isEqualTo(id);
        }
    }

    @Test
    @DisplayName("R81 a store that cannot be written has no id, but can be read")
    void storeId_notWritable_isEmpty() {
        Faults faults = new Faults();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(new MemoryBackend(), faults))
                .open()) {
            faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

            assertThat(database.storeId()).isEmpty();
            assertThat(database.storeId()).isPresent();
        }
    }

    @Test
    @DisplayName("R81 R43 a damaged id is reported")
    void storeId_damaged_isReported() {
        MemoryBackend backend = new MemoryBackend();
        backend.save("_store", "_store", "id", bytes("damaged"));
        try (SignalKeyDatabase database = open(backend)) {
            assertThatThrownBy(database::storeId)
                    .isInstanceOf(CorruptEntryException.class)
                    .hasMessageContaining("_store/id");
        }
    }

    @Test
    @DisplayName("R81 each commit raises the position of its context, which can be read without taking it over")
    void position_commits_raiseIt() {
        MemoryBackend backend = new MemoryBackend();
        try (SignalKeyDatabase owner = open(backend);
                SignalKeyDatabase reader = open(backend.reopen())) {
            SignalKeyStore alice = owner.forContext("alice");
            assertThat(reader.position("alice")).isEmpty();
            alice.put(KeyTypes.SESSION, "x", bytes("1"));
            ContextPosition first = reader.position("alice").orElseThrow();
            alice.put(KeyTypes.SESSION, "x", bytes("2"));

            assertThat(reader.position("alice").orElseThrow()).isGreaterThan(first);
            ContextPosition last = reader.position("alice").orElseThrow();
            SignalKeyStore next = reader.forContext("alice");
            assertThat(reader.position("alice")).contains(last);
            next.put(KeyTypes.SESSION, "x", bytes("3"));
            assertThat(reader.position("alice").orElseThrow()).isGreaterThan(last);
        }
    }

    @Test
    @DisplayName("R81 a backend that keeps no positions has none; the arguments are checked")
    void position_withoutCapability_isEmpty() {
        try (Fixture fixture = Fixture.of(Kind.GROUPING)) {
            fixture.put("x", "1");
            assertThat(fixture.database.position("alice")).isEmpty();
            assertThatThrownBy(() -> fixture.database.position(" ")).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
