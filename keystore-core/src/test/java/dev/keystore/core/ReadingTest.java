package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import dev.keystore.AppStateSyncVersion;
import dev.keystore.Codec;
import dev.keystore.CommitFailedException;
import dev.keystore.KeyOperations;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.KeyWriter;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class ReadingTest {

    private Fixture seeded;
    private Fixture cold;

    @BeforeEach
    void open() {
        seeded = Fixture.of(Kind.COMPLETE);
        seeded.put("a", "1");
        seeded.put("b", "2");
        seeded.put("c", "3");
        seeded.alice.saveCredentials(bytes("me"));
        cold = seeded.reopen();
    }

    @AfterEach
    void close() {
        cold.close();
        seeded.close();
    }

    @Test
    @DisplayName("R1 get returns the entries that exist, in the order of the ids, each once")
    void get_someAbsent_returnsExistingInOrder() {
        for (int reading = 0; reading < 2; reading++) {
            Map<String, byte[]> values =
                    cold.alice.get(KeyTypes.SESSION, List.of("c", "x", "a", "c", "b", "y", "a", "x"));

            assertThat(values).containsExactly(entry("c", bytes("3")), entry("a", bytes("1")), entry("b", bytes("2")));
            assertThat(values.put("z", bytes("mine"))).isNull();
        }
    }

    @Test
    @DisplayName("R1 an empty list of ids does no I/O")
    void get_noIds_callsNoBackend() {
        assertThat(cold.alice.get(KeyTypes.SESSION, List.of())).isEmpty();
        assertThat(cold.faults.calls()).isEmpty();
    }

    @Test
    @DisplayName("R2 the backend sees an id once, whether it exists or not")
    void find_again_isServedFromCache() {
        for (int reading = 0; reading < 3; reading++) {
            assertThat(cold.find("a")).isEqualTo("1");
            assertThat(cold.find("absent")).isEqualTo("absent");
            assertThat(cold.alice.get(KeyTypes.SESSION, List.of("a", "absent"))).containsOnlyKeys("a");
            assertThat(cold.alice.credentials()).hasValue(bytes("me"));
        }
        assertThat(cold.faults.loads("session", "a")).isEqualTo(1);
        assertThat(cold.faults.loads("session", "absent")).isEqualTo(1);
        assertThat(cold.faults.count(Operation.LOAD)).isEqualTo(3);
        assertThat(cold.database.stats().loads()).isEqualTo(3);
    }

    @Test
    @DisplayName("R2 written and deleted entries are read without the backend")
    void find_afterWrite_loadsNothing() {
        cold.put("new", "4");
        assertThat(cold.find("new")).isEqualTo("4");
        assertThat(cold.faults.count(Operation.LOAD)).isZero();

        cold.alice.delete(KeyTypes.SESSION, "new");
        assertThat(cold.find("new")).isEqualTo("absent");
        assertThat(cold.faults.count(Operation.LOAD)).isZero();
    }

    @Test
    @DisplayName("R2 a multi-get is one round trip, for the uncached ids only")
    void get_partlyCached_loadsTheOthersAtOnce() {
        assertThat(cold.find("a")).isEqualTo("1");
        cold.faults.forgetCalls();

        assertThat(cold.alice.get(KeyTypes.SESSION, List.of("a", "b", "x", "c", "b", "x")))
                .containsOnlyKeys("a", "b", "c");

        List<Call> loads = cold.faults.calls(Operation.LOAD);
        assertThat(loads).hasSize(1);
        assertThat(loads.get(0).entries()).extracting("id").containsExactlyInAnyOrder("b", "x", "c");
        assertThat(cold.alice.get(KeyTypes.SESSION, List.of("x", "b", "a"))).containsOnlyKeys("a", "b");
        assertThat(cold.faults.count(Operation.LOAD)).isEqualTo(1);
    }

    @Test
    @DisplayName("R2 a multi-get on a backend without bulk loads asks for each id once")
    void get_noBulkLoad_loadsEachOnce() {
        try (Fixture plain = Fixture.of(Kind.PLAIN)) {
            plain.put("a", "1");
            try (Fixture reopened = plain.reopen()) {
                for (int reading = 0; reading < 2; reading++) {
                    assertThat(reopened.alice.get(KeyTypes.SESSION, List.of("x", "a", "y", "a", "x")))
                            .containsOnlyKeys("a");
                }
                for (String id : List.of("x", "a", "y")) {
                    assertThat(reopened.faults.loads("session", id)).as(id).isEqualTo(1);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R2 concurrent misses of one id cause one load, whether it exists or not")
    void find_concurrentMisses_loadOnce(Kind kind) throws Exception {
        try (Fixture fixture = Fixture.of(kind)) {
            fixture.put("a", "1");
            try (Fixture reopened = fixture.reopen()) {
                for (String id : List.of("a", "absent")) {
                    Gate gate = reopened.faults
                            .on(Operation.LOAD)
                            .of("session", id)
                            .forever()
                            .hold(Moment.AFTER);
                    List<Threads.Running<String>> readers = new ArrayList<>();
                    for (int i = 0; i < 24; i++) {
                        boolean single = i % 3 != 0;
                        readers.add(Threads.start(() -> single
                                ? reopened.find(id)
                                : reopened.alice
                                                .get(KeyTypes.SESSION, List.of(id, "other"))
                                                .containsKey(id)
                                        ? "1"
                                        : "absent"));
                    }
                    readers.forEach(Threads.Running::awaitWaiting);
                    gate.open();
                    for (Threads.Running<String> reader : readers) {
                        assertThat(reader.result()).isEqualTo("a".equals(id) ? "1" : "absent");
                    }
                    assertThat(reopened.faults.loads("session", id)).as(id).isEqualTo(1);
                }
                assertThat(reopened.faults.loads("session", "other")).isEqualTo(1);
            }
        }
    }

    @Test
    @DisplayName("R2 concurrent multi-gets and finds of the same ids load each of them once")
    void get_concurrentMisses_loadEachOnce() throws Exception {
        for (int round = 0; round < 400; round++) {
            String prefix = round + ".";
            List<String> ids = IntStream.range(0, 6).mapToObj(i -> prefix + i).toList();
            Threads.together(4, number -> {
                if (number == 0) {
                    ids.forEach(cold::find);
                } else {
                    cold.alice.get(KeyTypes.SESSION, ids);
                }
                return number;
            });
        }
        Map<String, Integer> loads = new HashMap<>();
        cold.faults
                .calls(Operation.LOAD)
                .forEach(call -> call.entries().forEach(entry -> loads.merge(entry.id(), 1, Integer::sum)));
        assertThat(loads).hasSize(2_400);
        loads.values().removeIf(count -> count == 1);
        assertThat(loads).as("ids loaded more than once").isEmpty();
    }

    @Test
    @DisplayName("R3 a backend error while reading is an error to the caller, never absent, and is not cached")
    void read_backendFails_throwsAndCachesNothing() {
        Map<String, Runnable> reads = new LinkedHashMap<>();
        reads.put("find", () -> cold.find("a"));
        reads.put("find absent", () -> cold.find("absent"));
        reads.put("get", () -> cold.alice.get(KeyTypes.SESSION, List.of("a", "b", "x")));
        reads.put("credentials", cold.alice::credentials);
        reads.put("take", () -> cold.alice.take(KeyTypes.SESSION, "a"));
        reads.put("insert", () -> cold.alice.insert(KeyTypes.SESSION, "y", bytes("5")));
        reads.put("move", () -> cold.alice.move(KeyTypes.SESSION, "a", "y"));
        reads.put("in a transaction", () -> cold.alice.transaction("k", tx -> tx.find(KeyTypes.SESSION, "a")));

        cold.faults.on(Operation.LOAD).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        reads.forEach((name, read) -> assertThatThrownBy(read::run)
                .as(name)
                .isInstanceOf(LoadFailedException.class)
                .hasMessageContaining("alice"));
        cold.faults.heal();
        cold.faults.on(Operation.LOAD).forever().fail(Moment.AFTER, () -> new IllegalArgumentException("unforeseen"));
        reads.forEach((name, read) -> assertThatThrownBy(read::run).as(name).isInstanceOf(LoadFailedException.class));
        assertThatThrownBy(() -> cold.alice.delete(KeyTypes.SESSION, "a")).isInstanceOf(CommitFailedException.class);

        cold.faults.heal();
        assertThat(cold.faults.count(Operation.COMMIT)).isZero();
        assertThat(cold.find("a")).isEqualTo("1");
        assertThat(cold.alice.get(KeyTypes.SESSION, List.of("a", "b", "x", "y")))
                .containsOnlyKeys("a", "b");
        assertThat(cold.alice.credentials()).hasValue(bytes("me"));
    }

    @Test
    @DisplayName("R3 a failing load fails all threads that wait for it; the next read asks the backend again")
    void find_sharedLoadFails_failsAllWaiting() throws Exception {
        Gate gate = cold.faults.on(Operation.LOAD).hold(Moment.BEFORE);
        cold.faults.on(Operation.LOAD).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
        List<Threads.Running<String>> readers = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            readers.add(Threads.start(() -> cold.find("a")));
        }
        readers.forEach(Threads.Running::awaitWaiting);
        gate.open();
        for (Threads.Running<String> reader : readers) {
            assertThat(reader.failure())
                    .isInstanceOf(LoadFailedException.class)
                    .hasMessageContaining("session/a")
                    .hasMessageContaining("alice");
        }
        assertThat(cold.faults.loads("session", "a")).isEqualTo(1);
        assertThat(cold.find("a")).isEqualTo("1");
    }

    @Test
    @DisplayName("R3 a failing multi-get fails the threads that wait for one of its ids, and caches none of them")
    void get_loadFails_failsWaitingFind() throws Exception {
        Gate gate = cold.faults.on(Operation.LOAD).hold(Moment.BEFORE);
        cold.faults.on(Operation.LOAD).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        Threads.Running<Map<String, byte[]>> all =
                Threads.start(() -> cold.alice.get(KeyTypes.SESSION, List.of("a", "b", "x")));
        gate.awaitReached();
        List<Threads.Running<String>> singles = Stream.of("a", "b", "x")
                .map(id -> Threads.start(() -> cold.find(id)).awaitWaiting())
                .toList();
        gate.open();
        assertThat(all.failure()).isInstanceOf(LoadFailedException.class);
        for (Threads.Running<String> single : singles) {
            assertThat(single.failure()).isInstanceOf(LoadFailedException.class);
        }
        assertThat(cold.alice.get(KeyTypes.SESSION, List.of("a", "b", "x"))).containsOnlyKeys("a", "b");
    }

    @Test
    @DisplayName("R3 a listing that fails, at once or midway, throws and is not a shorter list")
    void ids_backendFails_throws() {
        for (Moment moment : List.of(Moment.BEFORE, Moment.MIDWAY)) {
            cold.faults.on(Operation.LIST).fail(moment, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> {
                        try (Stream<String> ids = cold.alice.ids(KeyTypes.SESSION, "")) {
                            ids.forEach(id -> {});
                        }
                    })
                    .isInstanceOf(LoadFailedException.class);
            try (Stream<String> ids = cold.alice.ids(KeyTypes.SESSION, "")) {
                assertThat(ids).containsExactlyInAnyOrder("a", "b", "c");
            }
        }
    }

    @Test
    @DisplayName("R3 a codec that throws an error for one id leaves no other id of the multi-get waiting")
    void get_codecThrowsError_leavesNoIdBlocked() {
        KeyType<String> fragile = KeyType.of("fragile", new FragileCodec());
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            for (int i = 0; i < 8; i++) {
                fixture.alice.put(fragile, "id" + i, i == 3 ? FragileCodec.BREAKS : "fine");
            }
            try (Fixture reopened = fixture.reopen(options -> options.loadTimeout(Duration.ofSeconds(2)))) {
                List<String> ids = IntStream.range(0, 8).mapToObj(i -> "id" + i).toList();

                assertThatThrownBy(() -> reopened.alice.get(fragile, ids)).hasStackTraceContaining("codec is broken");

                for (String id : ids) {
                    if (id.equals("id3")) {
                        assertThatThrownBy(() -> reopened.alice.find(fragile, id))
                                .hasStackTraceContaining("codec is broken");
                    } else {
                        assertThat(reopened.alice.find(fragile, id)).hasValue("fine");
                    }
                }
            }
        }
    }

    /** A codec whose decoding throws an {@link Error}, as a missing native library or an exhausted stack would. */
    private static final class FragileCodec implements Codec<String> {

        static final String BREAKS = "breaks";

        @Override
        public byte[] encode(String value) {
            return bytes(value);
        }

        @Override
        public String decode(byte[] encoded) {
            if (Arrays.equals(encoded, bytes(BREAKS))) {
                throw new NoClassDefFoundError("the codec is broken");
            }
            return "fine";
        }
    }

    @Test
    @DisplayName("R27 an interrupted thread reads what is cached; a miss ends its read and keeps the interrupt flag")
    void find_interrupted_readsCacheOnly() throws Exception {
        assertThat(cold.find("a")).isEqualTo("1");
        Threads.Running<Boolean> reader = Threads.start(() -> {
            Thread.currentThread().interrupt();
            assertThat(cold.find("a")).isEqualTo("1");
            assertThatThrownBy(() -> cold.find("b")).isInstanceOf(OperationInterruptedException.class);
            assertThatThrownBy(() -> cold.alice.get(KeyTypes.SESSION, List.of("b", "c")))
                    .isInstanceOf(OperationInterruptedException.class);
            return Thread.currentThread().isInterrupted();
        });
        assertThat(reader.result()).isTrue();
        assertThat(cold.find("b")).isEqualTo("2");
    }

    @Test
    @DisplayName("R27 an interrupt ends the wait for another thread's load, and so does loadTimeout")
    void find_waitsForLoad_endsByInterruptOrTimeout() throws Exception {
        try (Fixture impatient = seeded.reopen(options -> options.loadTimeout(Duration.ofMillis(50)))) {
            Gate gate = impatient.faults.on(Operation.LOAD).hold(Moment.BEFORE);
            Threads.Running<String> loader = Threads.start(() -> impatient.find("a"));
            gate.awaitReached();
            assertThatThrownBy(() -> impatient.find("a")).isInstanceOf(LoadFailedException.class);
            gate.open();
            assertThat(loader.result()).isEqualTo("1");
        }
        Gate gate = cold.faults.on(Operation.LOAD).hold(Moment.BEFORE);
        Threads.Running<String> loader = Threads.start(() -> cold.find("a"));
        gate.awaitReached();
        Threads.Running<String> waiter = Threads.start(() -> {
            try {
                return cold.find("a");
            } catch (OperationInterruptedException e) {
                return "interrupted " + Thread.currentThread().isInterrupted();
            }
        });
        waiter.awaitWaiting().thread().interrupt();
        assertThat(waiter.result()).isEqualTo("interrupted true");
        gate.open();
        assertThat(loader.result()).isEqualTo("1");
    }

    @Test
    @DisplayName("R5 changing an array or collection that was passed in or returned changes nothing in the store")
    void values_changedByCaller_leaveStoreAlone() {
        byte[] session = bytes("1234");
        cold.alice.put(KeyTypes.SESSION, "x", session);
        byte[] credentials = bytes("creds");
        cold.alice.saveCredentials(credentials);
        Map<String, Boolean> devices = new HashMap<>(Map.of("bob.1", true));
        cold.alice.put(KeyTypes.SENDER_KEY_MEMORY, "group", devices);
        List<String> list = new ArrayList<>(List.of("1"));
        Updates updates = new Updates();
        byte[] updated = bytes("updated");
        updates.put(KeyTypes.SESSION, "y", updated);
        updates.put(KeyTypes.DEVICE_LIST, "bob", list);
        Arrays.fill(updated, (byte) 0);
        list.add("changed before set");
        cold.alice.set(updates);
        Map<String, byte[]> macs = new HashMap<>(Map.of("index", bytes("mac")));
        byte[] hash = bytes("hash");
        cold.alice.put(KeyTypes.APP_STATE_SYNC_VERSION, "regular", new AppStateSyncVersion(7, hash, macs));
        Arrays.fill(session, (byte) 0);
        Arrays.fill(credentials, (byte) 0);
        Arrays.fill(hash, (byte) 0);
        devices.put("mallory.1", true);
        macs.clear();

        for (int reading = 0; reading < 2; reading++) {
            byte[] found = cold.alice.find(KeyTypes.SESSION, "x").orElseThrow();
            assertThat(found).isEqualTo(bytes("1234"));
            Arrays.fill(found, (byte) 0);
            byte[] got =
                    cold.alice.get(KeyTypes.SESSION, List.of("x", "a", "y")).get("x");
            assertThat(got).isEqualTo(bytes("1234"));
            Arrays.fill(got, (byte) 0);
            byte[] me = cold.alice.credentials().orElseThrow();
            assertThat(me).isEqualTo(bytes("creds"));
            Arrays.fill(me, (byte) 0);
            byte[] loaded = cold.alice.find(KeyTypes.SESSION, "a").orElseThrow();
            assertThat(loaded).isEqualTo(bytes("1"));
            Arrays.fill(loaded, (byte) 0);
            cold.alice.useTransaction("k", tx -> {
                byte[] inside = tx.find(KeyTypes.SESSION, "x").orElseThrow();
                Arrays.fill(inside, (byte) 0);
                assertThat(tx.find(KeyTypes.SESSION, "x")).hasValue(bytes("1234"));
                byte[] written = bytes("in");
                tx.put(KeyTypes.SESSION, "z", written);
                Arrays.fill(written, (byte) 0);
                Arrays.fill(tx.find(KeyTypes.SESSION, "z").orElseThrow(), (byte) 0);
            });
            assertThat(cold.find("z")).isEqualTo("in");
            assertThat(cold.find("y")).isEqualTo("updated");
            assertThat(cold.alice.find(KeyTypes.DEVICE_LIST, "bob")).hasValue(List.of("1"));
            assertThat(cold.alice.find(KeyTypes.SENDER_KEY_MEMORY, "group")).hasValue(Map.of("bob.1", true));
            AppStateSyncVersion version =
                    cold.alice.find(KeyTypes.APP_STATE_SYNC_VERSION, "regular").orElseThrow();
            assertThat(version.hash()).isEqualTo(bytes("hash"));
            assertThat(version.valueMacs()).containsOnlyKeys("index");
        }
        try (Fixture reopened = cold.reopen()) {
            assertThat(reopened.find("x")).isEqualTo("1234");
            assertThat(reopened.find("z")).isEqualTo("in");
            assertThat(text(reopened.alice.credentials())).isEqualTo("creds");
        }
    }

    @Test
    @DisplayName("R7 a read-only handle reads what its store reads, and offers no way to write")
    void readOnly_ofStore_readsAndCannotWrite() {
        KeyReader reader = cold.alice.readOnly();

        assertThat(reader.context()).isEqualTo("alice");
        assertThat(reader.inTransaction()).isFalse();
        assertThat(text(reader.find(KeyTypes.SESSION, "a"))).isEqualTo("1");
        assertThat(reader.get(KeyTypes.SESSION, List.of("a", "x"))).containsOnlyKeys("a");
        assertThat(text(reader.credentials())).isEqualTo("me");
        try (Stream<String> ids = reader.ids(KeyTypes.SESSION, "")) {
            assertThat(ids).containsExactlyInAnyOrder("a", "b", "c");
        }
        cold.put("a", "changed");
        assertThat(text(reader.find(KeyTypes.SESSION, "a"))).isEqualTo("changed");
        assertOffersReadingAlone(reader);
    }

    @Test
    @DisplayName("R7 a transaction's read-only handle sees the transaction's writes, and ends with it")
    void readOnly_ofTransaction_readsItsWrites() {
        KeyReader[] kept = new KeyReader[1];
        cold.alice.useTransaction("k", tx -> {
            KeyReader reader = tx.readOnly();
            tx.put(KeyTypes.SESSION, "a", bytes("mine"));
            assertThat(reader.inTransaction()).isTrue();
            assertThat(text(reader.find(KeyTypes.SESSION, "a"))).isEqualTo("mine");
            assertOffersReadingAlone(reader);
            kept[0] = reader;
        });
        assertThatThrownBy(() -> kept[0].find(KeyTypes.SESSION, "a")).isInstanceOf(IllegalStateException.class);
    }

    private static void assertOffersReadingAlone(KeyReader reader) {
        assertThat(reader).isNotInstanceOfAny(KeyWriter.class, KeyOperations.class);
        List<String> readers =
                Arrays.stream(KeyReader.class.getMethods()).map(Method::getName).toList();
        assertThat(Arrays.stream(reader.getClass().getDeclaredMethods())
                        .filter(method -> !Modifier.isPrivate(method.getModifiers()) && !method.isSynthetic())
                        .map(Method::getName))
                .isSubsetOf(readers);
    }
}
