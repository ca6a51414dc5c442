package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.testkit.Call;
import dev.keystore.testkit.Call.Operation;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** How often each operation calls the backend. */
class RoundTripTest {

    private static final byte[] VALUE = {1};

    /**
     * An operation on a store with {@code bob.1} to {@code bob.3} cached, and the calls of the backend that it causes.
     */
    private static Arguments row(String name, Consumer<SignalKeyStore> operation, Operation... asked) {
        return Arguments.of(Named.of(name, operation), List.of(asked));
    }

    static Stream<Arguments> operations() {
        List<String> cached = List.of("bob.1", "bob.2", "bob.3");
        List<String> cold = List.of("carol.1", "carol.2", "carol.3", "carol.4", "carol.5");
        return Stream.of(
                row("find, cached", store -> store.find(KeyTypes.SESSION, "bob.1")),
                row("find, cold", store -> store.find(KeyTypes.SESSION, "carol.1"), Operation.LOAD),
                row(
                        "find, absent, twice",
                        store -> {
                            store.find(KeyTypes.SESSION, "carol.1");
                            store.find(KeyTypes.SESSION, "carol.1");
                        },
                        Operation.LOAD),
                row("get, three cached", store -> store.get(KeyTypes.SESSION, cached)),
                row("get, five cold", store -> store.get(KeyTypes.SESSION, cold), Operation.LOAD),
                row("put, cold", store -> store.put(KeyTypes.SESSION, "carol.1", VALUE), Operation.COMMIT),
                row(
                        "set of six, cold",
                        store -> {
                            Updates updates = new Updates();
                            cold.forEach(id -> updates.put(KeyTypes.SESSION, id, VALUE));
                            updates.delete(KeyTypes.SESSION, "bob.1");
                            store.set(updates);
                        },
                        Operation.COMMIT),
                row("delete, cached", store -> store.delete(KeyTypes.SESSION, "bob.1"), Operation.COMMIT),
                row("delete, absent", store -> store.delete(KeyTypes.SESSION, "carol.1"), Operation.LOAD),
                row(
                        "insert, cold",
                        store -> store.insert(KeyTypes.SESSION, "carol.1", VALUE),
                        Operation.LOAD,
                        Operation.COMMIT),
                row("take, cached", store -> store.take(KeyTypes.SESSION, "bob.1"), Operation.COMMIT),
                row("take, absent", store -> store.take(KeyTypes.SESSION, "carol.1"), Operation.LOAD),
                row(
                        "move, from cached to cold",
                        store -> store.move(KeyTypes.SESSION, "bob.1", "carol.1"),
                        Operation.LOAD,
                        Operation.COMMIT),
                row("clear", SignalKeyStore::clear, Operation.COMMIT),
                row(
                        "transaction that reads one and writes it and another, cached",
                        store -> store.transaction("bob", tx -> {
                            tx.put(
                                    KeyTypes.SESSION,
                                    "bob.1",
                                    tx.find(KeyTypes.SESSION, "bob.1").orElseThrow());
                            tx.put(KeyTypes.SESSION, "bob.2", VALUE);
                            return tx;
                        }),
                        Operation.COMMIT),
                row(
                        "transaction that reads one and writes it and another, cold",
                        store -> store.transaction("carol", tx -> {
                            tx.find(KeyTypes.SESSION, "carol.1");
                            tx.put(KeyTypes.SESSION, "carol.1", VALUE);
                            tx.put(KeyTypes.SESSION, "carol.2", VALUE);
                            return tx;
                        }),
                        Operation.LOAD,
                        Operation.COMMIT),
                row(
                        "transaction that only reads, cached",
                        store -> store.transaction("bob", tx -> tx.get(KeyTypes.SESSION, cached))));
    }

    @ParameterizedTest
    @MethodSource("operations")
    void operation_asksTheBackendThisOften(Consumer<SignalKeyStore> operation, List<Operation> asked) {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            List.of("bob.1", "bob.2", "bob.3").forEach(id -> fixture.alice.put(KeyTypes.SESSION, id, VALUE));
            fixture.faults.forgetCalls();

            operation.accept(fixture.alice);

            assertThat(fixture.faults.calls()).extracting(Call::operation).isEqualTo(asked);
        }
    }
}
