package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.ContextNotFoundException;
import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.testkit.Call;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class ContextsTest {

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "GROUPING", "ATOMIC", "PLAIN"})
    @DisplayName("R50 the same type and id in two contexts are two entries")
    void put_sameIdInTwoContexts_areApart(Kind kind) {
        List<String> names =
                List.of("alice", "Alice", "alice ", "a", "alice/x", "alice:session", "%", "\u00e4", "a\u0308");
        try (Fixture fixture = Fixture.of(kind)) {
            for (String name : names) {
                SignalKeyStore store = fixture.database.forContext(name);
                assertThat(store.context()).isEqualTo(name);
                assertThat(store.find(KeyTypes.SESSION, "x")).isEmpty();
                store.put(KeyTypes.SESSION, "x", bytes("of " + name));
                store.saveCredentials(bytes("me, " + name));
            }
            fixture.database.forContext("a").delete(KeyTypes.SESSION, "x");
            try (Fixture reopened = fixture.reopen()) {
                for (Fixture reading : List.of(fixture, reopened)) {
                    for (String name : names) {
                        SignalKeyStore store = reading.database.forContext(name);
                        assertThat(text(store.find(KeyTypes.SESSION, "x")))
                                .isEqualTo(name.equals("a") ? "absent" : "of " + name);
                        assertThat(text(store.credentials())).isEqualTo("me, " + name);
                    }
                }
                assertThat(reopened.alice.verify()).isEmpty();
            }
        }
    }

    @Test
    @DisplayName("R50 one lock key in two contexts is two locks")
    void transaction_sameLockKeyInTwoContexts_doNotWait() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.lockTimeout(Duration.ofMillis(200)))) {
            SignalKeyStore bob = fixture.database.forContext("bob");
            boolean separate = fixture.alice.transaction("k", tx -> {
                try {
                    return Threads.start(() -> bob.transaction("k", other -> true))
                            .result();
                } catch (Exception e) {
                    return false;
                }
            });
            assertThat(separate).isTrue();
        }
    }

    @Test
    @DisplayName("R50 a commit to another context is not a conflict")
    void transaction_otherContextCommitsSameId_doesNotConflict() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            SignalKeyStore bob = fixture.database.forContext("bob");
            fixture.put("x", "1");
            fixture.alice.useTransaction("k", tx -> {
                assertThat(text(tx.find(KeyTypes.SESSION, "x"))).isEqualTo("1");
                bob.put(KeyTypes.SESSION, "x", bytes("bob's"));
                bob.clear();
                assertThat(text(tx.find(KeyTypes.SESSION, "x"))).isEqualTo("1");
                tx.put(KeyTypes.SESSION, "x", bytes("2"));
            });
            assertThat(fixture.find("x")).isEqualTo("2");
            assertThat(fixture.database.stats().conflicts()).isZero();
        }
    }

    @Test
    @DisplayName("R51 a context-free backend serves the default context")
    void forContext_defaultOnContextFree_works() {
        try (Fixture fixture = Fixture.of(Kind.MINIMAL)) {
            assertThat(SignalKeyDatabase.DEFAULT_CONTEXT).isEqualTo("default");
            SignalKeyStore store = fixture.database.forContext("default");
            store.put(KeyTypes.SESSION, "x", bytes("1"));
            assertThat(fixture.find("x")).isEqualTo("1");
        }
    }

    @Test
    @DisplayName("R51 opening another context of a context-free backend fails with a clear error")
    void forContext_otherOnContextFree_isRefused() {
        try (Fixture fixture = Fixture.of(Kind.MINIMAL)) {
            for (String name : List.of("alice", "Default", "default ")) {
                assertThatThrownBy(() -> fixture.database.forContext(name))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("context")
                        .hasMessageContaining("\"default\"")
                        .hasMessageContaining("\"" + name + "\"");
            }
            assertThat(fixture.faults.calls()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName(
            "R58 a context that must exist but holds nothing is not found; nothing is created and no owner is fenced")
    void forExistingContext_absent_isNotFound(Kind kind) {
        String name = kind == Kind.MINIMAL ? "default" : "new";
        try (Fixture fixture = Fixture.of(kind)) {
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> fixture.database.forExistingContext(name))
                        .isInstanceOfSatisfying(
                                ContextNotFoundException.class,
                                absent -> assertThat(absent.context()).isEqualTo(name))
                        .hasMessageContaining("\"" + name + "\"")
                        .hasMessageContaining("nothing was created");
            }
            assertThat(fixture.faults.calls())
                    .extracting(Call::operation)
                    .as("it looks, and does nothing else")
                    .containsExactly(Operation.LIST, Operation.LIST);
            fixture.database.forContext(name).put(KeyTypes.SESSION, "x", bytes("1"));
            assertThat(text(fixture.database.forExistingContext(name).find(KeyTypes.SESSION, "x")))
                    .isEqualTo("1");
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R58 a context that must exist opens if it holds one entry, even if only the credentials")
    void forExistingContext_holdsAnEntry_opens(Kind kind) {
        try (Fixture fixture = Fixture.of(kind)) {
            fixture.alice.saveCredentials(bytes("me"));
            try (Fixture reopened = fixture.reopen()) {
                SignalKeyStore store = reopened.database.forExistingContext(reopened.context());
                assertThat(text(store.credentials())).isEqualTo("me");
                assertThat(store).isSameAs(reopened.database.forContext(reopened.context()));
                store.erase();
                assertThatThrownBy(() -> reopened.database.forExistingContext(reopened.context()))
                        .isInstanceOf(ContextNotFoundException.class);
            }
        }
    }

    @Test
    @DisplayName("R58 R3 if the backend cannot tell whether a context exists, it is not reported as absent")
    void forExistingContext_backendFails_saysSo() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.faults.on(Operation.LIST).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> fixture.database.forExistingContext("bob"))
                    .isInstanceOf(LoadFailedException.class);
            assertThat(fixture.faults.count(Operation.TAKE_OVER)).isZero();
        }
        try (Fixture fixture = Fixture.of(Kind.MINIMAL)) {
            assertThatThrownBy(() -> fixture.database.forExistingContext("bob"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("\"bob\"");
            assertThat(fixture.faults.calls()).isEmpty();
        }
    }

    @Test
    @DisplayName("R52 forContext returns the same store each time, also to concurrent callers")
    void forContext_again_isTheSame() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            List<SignalKeyStore> database = Threads.together(16, number -> fixture.database.forContext("new"));
            assertThat(database).allSatisfy(store -> assertThat(store).isSameAs(database.get(0)));
            assertThat(fixture.faults.count(Operation.TAKE_OVER)).isEqualTo(1);
        }
    }

    @Test
    @DisplayName("R52 all contexts share one commit pipeline, so commits of many contexts are written as one group")
    void put_manyContextsAtOnce_isOneGroup() throws Exception {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            List<SignalKeyStore> contexts = IntStream.range(0, 20)
                    .mapToObj(i -> fixture.database.forContext("context " + i))
                    .toList();
            Gate gate = fixture.faults.on(Operation.COMMIT).hold(Moment.BEFORE);
            Threads.Running<Boolean> first = Threads.run(() -> fixture.put("x", "1"));
            gate.awaitReached();
            List<Threads.Running<Boolean>> others = contexts.stream()
                    .map(store -> Threads.run(() -> store.put(KeyTypes.SESSION, "x", bytes("1"))))
                    .toList();
            others.forEach(Threads.Running::awaitWaiting);
            gate.open();
            assertThat(first.result()).isTrue();
            for (Threads.Running<Boolean> other : others) {
                assertThat(other.result()).isTrue();
            }
            // A thread that was seen waiting may have waited for the queue itself, and be in a later group.
            assertThat(fixture.faults.groupSizes().stream().mapToInt(i -> i).sum())
                    .isEqualTo(21);
            assertThat(fixture.database.stats().largestGroup()).isGreaterThanOrEqualTo(10);
        }
    }

    @Test
    @DisplayName(
            "R52 ten thousand contexts share one backend, one cache and one pipeline, without a thread per context")
    void forContext_tenThousand_shareOneProcess() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.maximumCacheBytes(1 << 20))) {
            int threadsBefore = Thread.activeCount();
            for (int i = 0; i < 10_000; i++) {
                fixture.database.forContext("account " + i).put(KeyTypes.SESSION, "x", bytes("of " + i));
                if (i % 500 == 0) {
                    fixture.faults.forgetCalls();
                }
            }
            for (int i = 0; i < 10_000; i += 97) {
                assertThat(text(fixture.database.forContext("account " + i).find(KeyTypes.SESSION, "x")))
                        .isEqualTo("of " + i);
            }
            assertThat(fixture.database.stats().commits()).isEqualTo(10_000);
            assertThat(fixture.database.stats().cachedBytes()).isLessThanOrEqualTo(1 << 20);
            assertThat(Thread.activeCount()).isLessThan(threadsBefore + 1_000);
        }
    }

    @Test
    @DisplayName("R52 an idle context that was used costs less than 1 KiB of heap")
    void forContext_idle_costsLittleHeap() {
        int contexts = 10_000;
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(new NothingStored())
                .maximumCacheBytes(0)
                .open()) {
            use(database.forContext("warm"));
            List<SignalKeyStore> kept = new ArrayList<>(contexts);
            long before = Heap.retainedBytes();
            for (int i = 0; i < contexts; i++) {
                SignalKeyStore store = database.forContext("account " + i);
                use(store);
                kept.add(store);
            }
            assertThat(database.stats().cachedBytes()).isZero();
            long eachBytes = (Heap.retainedBytes() - before) / contexts;
            System.out.println("ContextsTest: " + eachBytes + " bytes for each idle context");
            assertThat(kept).hasSize(contexts);
            assertThat(eachBytes).isBetween(20L, 1_023L);
        }
    }

    private static void use(SignalKeyStore store) {
        store.find(KeyTypes.SESSION, "x");
        store.useTransaction("k", tx -> tx.put(KeyTypes.SESSION, "y", bytes("1")));
    }

    /** A backend that stores nothing, so that the heap holds only what the engine keeps. */
    private static final class NothingStored implements ContextAwareBackend, AtomicCommit {

        @Override
        public Optional<byte[]> load(String context, String type, String id) {
            return Optional.empty();
        }

        @Override
        public void save(String context, String type, String id, byte[] value) {}

        @Override
        public void delete(String context, String type, String id) {}

        @Override
        public Stream<EntryId> list(String context) {
            return Stream.empty();
        }

        @Override
        public void commit(Batch batch) {}

        @Override
        public void close() {}
    }
}
