package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.ContextNotFoundException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.Mutation;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class ContextListingTest {

    private static List<String> contexts(SignalKeyDatabase database) {
        try (Stream<String> listed = database.contexts()) {
            return listed.sorted().toList();
        }
    }

    @Test
    @DisplayName("R55 the contexts that hold entries are listed; those that were only opened or read are not")
    void contexts_holdingEntries_areListed() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            assertThat(contexts(fixture.database)).isEmpty();
            SignalKeyStore bob = fixture.database.forContext("bob");
            assertThat(bob.find(KeyTypes.SESSION, "x")).isEmpty();
            fixture.put("x", "1");
            fixture.database.forContext("carol").saveCredentials(bytes("me"));

            assertThat(contexts(fixture.database)).containsExactly("alice", "carol");
            fixture.alice.delete(KeyTypes.SESSION, "x");
            fixture.database.forContext("carol").erase();
            bob.put(KeyTypes.SESSION, "x", bytes("1"));
            assertThat(contexts(fixture.database)).containsExactly("bob");
        }
    }

    @Test
    @DisplayName("R55 listing takes no context over: other owners continue, and their contexts are listed")
    void contexts_ofOtherOwners_areListedWithoutTakingOver() {
        MemoryBackend memory = new MemoryBackend();
        Faults faults = new Faults();
        try (SignalKeyDatabase owner =
                        SignalKeyDatabase.builder().backend(memory.reopen()).open();
                SignalKeyDatabase reader = SignalKeyDatabase.builder()
                        .backend(FaultyBackend.complete(memory, faults))
                        .open()) {
            SignalKeyStore alice = owner.forContext("alice");
            alice.put(KeyTypes.SESSION, "x", bytes("1"));
            faults.forgetCalls();

            assertThat(contexts(reader)).containsExactly("alice");
            assertThat(faults.calls())
                    .extracting(call -> call.operation())
                    .containsExactly(Operation.LIST_CONTEXTS, Operation.LOAD);
            alice.put(KeyTypes.SESSION, "x", bytes("2"));
        }
    }

    @Test
    @DisplayName("R55 in an encrypted store, a context that holds only its data keys is not listed, nor is the mark")
    void contexts_encrypted_leavesOutWhatTheEngineStores() {
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(new MemoryBackend())
                .encryption(TestEncryption.create())
                .open()) {
            assertThat(contexts(database)).isEmpty();
            SignalKeyStore alice = database.forContext("alice");
            SignalKeyStore bob = database.forContext("bob");
            alice.put(KeyTypes.SESSION, "x", bytes("1"));
            bob.put(KeyTypes.SESSION, "x", bytes("1"));
            assertThat(contexts(database)).containsExactly("alice", "bob");
            alice.delete(KeyTypes.SESSION, "x");
            assertThat(contexts(database)).containsExactly("bob");
            assertThatThrownBy(() -> database.forExistingContext("alice")).isInstanceOf(ContextNotFoundException.class);
            bob.erase();
            assertThat(contexts(database)).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R55 R84 a context that holds only the mark of a move is listed, encrypted or not")
    void contexts_holdingOnlyTheMarkOfAMove_areListed(Kind kind) {
        Mutation.Put mark = (Mutation.Put) new MoveMark(MoveMark.Side.MOVED, "move", "", "there").put();
        for (boolean encrypted : new boolean[] {false, true}) {
            try (Fixture fixture =
                    Fixture.of(kind, options -> encrypted ? options.encryption(TestEncryption.create()) : options)) {
                fixture.plant(mark.type(), mark.id(), mark.value());

                assertThat(contexts(fixture.database))
                        .as("encrypted: " + encrypted)
                        .containsExactly(fixture.context());
            }
        }
    }

    @Test
    @DisplayName("R55 on a context-free backend, the default context is listed if it holds entries")
    void contexts_contextFree_isTheDefaultOne() {
        try (Fixture fixture = Fixture.of(Kind.MINIMAL)) {
            assertThat(contexts(fixture.database)).isEmpty();
            fixture.put("x", "1");
            assertThat(contexts(fixture.database)).containsExactly("default");
        }
        try (Fixture encrypted = Fixture.of(Kind.MINIMAL, options -> options.encryption(TestEncryption.create()))) {
            assertThat(contexts(encrypted.database)).isEmpty();
            encrypted.put("x", "1");
            assertThat(contexts(encrypted.database)).containsExactly("default");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"GROUPING", "ATOMIC", "PLAIN"})
    @DisplayName("R55 a backend with many contexts that cannot list them is named, with the interface that it lacks")
    void contexts_withoutCapability_isUnsupported(Kind kind) {
        try (Fixture fixture = Fixture.of(kind)) {
            fixture.put("x", "1");
            assertThatThrownBy(fixture.database::contexts)
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining(FaultyBackend.class.getName())
                    .hasMessageContaining(ContextListing.class.getName());
            fixture.put("x", "2");
        }
    }

    @Test
    @DisplayName("R55 a failure of the backend, now or while the stream is read, is a LoadFailedException")
    void contexts_backendFails_isALoadFailure() {
        for (Moment moment : List.of(Moment.BEFORE, Moment.MIDWAY)) {
            try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
                fixture.put("x", "1");
                fixture.database.forContext("bob").put(KeyTypes.SESSION, "x", bytes("1"));
                fixture.faults.on(Operation.LIST_CONTEXTS).fail(moment, BackendException.Kind.PERMANENT);

                assertThatThrownBy(() -> contexts(fixture.database))
                        .as("%s", moment)
                        .isInstanceOf(LoadFailedException.class)
                        .hasMessage("Could not read the list of contexts: Injected failure");
                assertThat(contexts(fixture.database)).containsExactly("alice", "bob");
            }
        }
    }

    @Test
    @DisplayName("R27 R55 an interrupt that ends the listing is reported as one, and the flag stays set")
    void contexts_interrupted_isReported() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.faults.on(Operation.LIST_CONTEXTS).fail(Moment.BEFORE, () -> {
                Thread.currentThread().interrupt();
                return BackendException.transientFailure("interrupted", null);
            });
            assertThatThrownBy(() -> contexts(fixture.database))
                    .isInstanceOf(OperationInterruptedException.class)
                    .hasMessageContaining("the list of contexts");
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    @DisplayName("R28 R55 a closed database refuses to list its contexts")
    void contexts_closed_isRefused() {
        Fixture fixture = Fixture.of(Kind.COMPLETE);
        fixture.close();
        assertThatThrownBy(fixture.database::contexts).isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("R55 R72 a store with entries in any context is not a new one, and is not marked as encrypted")
    void open_entriesInAnotherContext_isNotEmpty() {
        MemoryBackend memory = new MemoryBackend();
        try (SignalKeyDatabase plain =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            plain.forContext("bob").put(KeyTypes.SESSION, "x", bytes("1"));
        }
        Backend again = memory.reopen();
        assertThatThrownBy(() -> SignalKeyDatabase.builder()
                        .backend(again)
                        .encryption(TestEncryption.create())
                        .open())
                .hasMessageContaining("has entries but no mark");
    }
}
