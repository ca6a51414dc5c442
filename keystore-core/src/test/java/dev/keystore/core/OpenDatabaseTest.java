package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.StoreSealing.Phase;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a database that is open says about itself: to health checks and to endpoints. */
@Timeout(60)
class OpenDatabaseTest {

    private final MemoryBackend memory = new MemoryBackend();
    private final Faults faults = new Faults();

    private SignalKeyDatabase.Builder builder() {
        return SignalKeyDatabase.builder().backend(FaultyBackend.complete(memory.reopen(), faults));
    }

    @Test
    @DisplayName("R53 a context is lost from the commit that notices it until it is taken over again")
    void lostContexts_untilTakenOver() {
        try (SignalKeyDatabase database = builder().open();
                SignalKeyDatabase other = builder().open()) {
            SignalKeyStore alice = database.forContext("alice");
            database.forContext("bob");
            other.forContext("alice");
            assertThat(database.lostContexts()).isEmpty();

            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "x", bytes("1")))
                    .isInstanceOf(OwnershipLostException.class);

            assertThat(database.lostContexts()).containsExactly("alice");
            assertThat(database.openContexts()).containsExactlyInAnyOrder("alice", "bob");
            database.takeOver("alice");
            assertThat(database.lostContexts()).isEmpty();
        }
    }

    @Test
    @DisplayName("R84 a context of which it cannot be read whether it was moved is readable, and refuses commits")
    void forContext_markCannotBeRead_isReadOnly() {
        try (SignalKeyDatabase database = builder().open()) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
        }
        faults.on(Operation.LOAD).of("_store", "move").forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        try (SignalKeyDatabase database = builder().open()) {
            SignalKeyStore alice = database.forContext("alice");
            faults.forgetCalls();

            assertThat(alice.find(KeyTypes.SESSION, "x")).hasValue(bytes("1"));
            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "x", bytes("2")))
                    .isInstanceOf(CommitFailedException.class)
                    .hasMessageContainingAll("unknown whether the context was moved", "Injected failure");
            assertThat(faults.count(Operation.COMMIT)).isZero();
            assertThat(alice.find(KeyTypes.SESSION, "x")).hasValue(bytes("1"));
            assertThat(database.unwritableContexts()).containsExactly("alice");
            assertThat(database.lostContexts()).isEmpty();
        }
        faults.heal();
        try (SignalKeyDatabase database = builder().open()) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("2"));
            assertThat(database.unwritableContexts()).isEmpty();
        }
    }

    @Test
    @DisplayName("R80 R84 a store of which it cannot be read whether it is a backup refuses writes, and is not called"
            + " one that is live")
    void open_stateCannotBeRead_isReadOnly() {
        try (SignalKeyDatabase database = builder().open()) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
        }
        faults.on(Operation.LOAD).of("_store", "state").forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

        assertThatThrownBy(builder().readingBackup()::open)
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("unknown whether it is a backup")
                .hasMessageNotContaining("is not a backup");
        try (SignalKeyDatabase database = builder().open()) {
            SignalKeyStore alice = database.forContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "x")).hasValue(bytes("1"));
            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "x", bytes("2")))
                    .isInstanceOf(CommitFailedException.class)
                    .hasMessageContainingAll("unknown whether the store is a backup", "Injected failure");
            assertThat(database.unwritableContexts()).containsExactly("alice");
        }
    }

    @Test
    @DisplayName("checkReachable asks the backend each time")
    void checkReachable_asksTheBackend() {
        try (SignalKeyDatabase database = builder().open()) {
            database.storeId();
            database.checkReachable();
            faults.on(Operation.LOAD).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);

            assertThatThrownBy(database::checkReachable).isInstanceOf(LoadFailedException.class);

            database.checkReachable();
        }
    }

    @Test
    @DisplayName("R70 an open database is inspected past its cache, without opening a context, and stays open")
    void inspection_ofOpenEncryptedDatabase_opensNothing() {
        try (SignalKeyDatabase database =
                builder().encryption(TestEncryption.create()).open()) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", bytes("one"));
            try (StoreInspection store = database.inspection()) {
                assertThat(store.encryption()).contains(Phase.ENCRYPTED);
                ContextReport report = ContextReport.of(store, store.inspect("alice"), Instant.EPOCH);
                assertThat(report.toMap())
                        .containsEntry("context", "alice")
                        .containsEntry("entries", 1L)
                        .containsEntry(
                                "types", Map.of("session", Map.of("entries", 1L, "bytes", 3L, "largestBytes", 3L)));
                assertThat(report.context().entriesByKey()).hasSize(1);
                assertThat(store.inspect("bob").entries()).isZero();
            }

            assertThat(database.openContexts()).containsExactly("alice");
            alice.put(KeyTypes.SESSION, "bob.1", bytes("two"));
        }
    }
}
