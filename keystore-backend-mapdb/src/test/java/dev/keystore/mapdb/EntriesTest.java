package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.testkit.FailureAssertions;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Reads while durable groups wait to be applied to MapDB. */
@Timeout(60)
class EntriesTest {

    private static final int GROUPS = 1_000;
    private static final int SIDE = 20;
    private static final int MANY = 100_000;

    @TempDir
    private Path folder;

    private MapdbBackend backend;

    @BeforeEach
    void open() {
        backend = Mapdb.open(folder.resolve("keys"));
        // Reserves capacity for what the tests commit while the maintenance thread is stopped.
        commit("other", deletes(MANY));
        awaitApplied();
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    @DisplayName("R11 R12 committed puts, deletes and clears are visible before they are applied to MapDB")
    void load_beforeGroupsAreApplied_findsThem() {
        commit("alice", put("session", "changed", 1), put("session", "deleted", 1), put("session", "same", 1));
        commit("bob", put("session", "cleared", 1), put("credentials", "kept", 1), put("session", "again", 1));
        awaitApplied();

        backend.entries().whileNothingIsApplied(() -> {
            commit(
                    "alice",
                    put("session", "changed", 2),
                    put("session", "new", 2),
                    put("session", "both", 2),
                    delete("session", "both"),
                    delete("session", "deleted"));
            commit(
                    "bob",
                    put("session", "early", 2),
                    new Clear(Set.of("credentials")),
                    put("session", "again", 2),
                    put("session", "late", 2),
                    delete("session", "never"));
            commit(
                    "alice",
                    put("session", "changed", 3),
                    put("session", "other", 3),
                    put("session", "x", 3),
                    put("session", "y", 3),
                    put("session", "z", 3));
            assertThat(backend.entries().waiting()).isEqualTo(3);

            assertThat(value("alice", "session", "changed")).isEqualTo(3);
            assertThat(value("alice", "session", "new")).isEqualTo(2);
            assertThat(value("alice", "session", "both")).isNull();
            assertThat(value("alice", "session", "deleted")).isNull();
            assertThat(value("alice", "session", "same")).isEqualTo(1);
            assertThat(value("bob", "session", "early")).isNull();
            assertThat(value("bob", "session", "cleared")).isNull();
            assertThat(value("bob", "session", "again")).isEqualTo(2);
            assertThat(value("bob", "session", "late")).isEqualTo(2);
            assertThat(value("bob", "credentials", "kept")).isEqualTo(1);
            assertThat(backend.loadAll("alice", "session", List.of("changed", "new", "both", "deleted", "same")))
                    .containsOnlyKeys("changed", "new", "same");
            assertListings();
            return backend;
        });

        awaitApplied();
        assertListings();
        assertThat(value("alice", "session", "changed")).isEqualTo(3);
    }

    private void assertListings() {
        assertThat(backend.scan("bob", "session", "")).containsExactly("again", "late");
        assertThat(backend.list("bob").map(EntryId::type)).containsExactly("session", "session", "credentials");
        assertThat(backend.scan("alice", "session", ""))
                .containsExactly("changed", "new", "other", "same", "x", "y", "z");
        assertThat(backend.scan("alice", "session", "n")).containsExactly("new");
        assertThat(backend.scan("alice", "session", "d")).isEmpty();
    }

    @Test
    @DisplayName("R55 contexts are listed by what is committed, before and after it is applied to MapDB")
    void contexts_beforeGroupsAreApplied_areListed() {
        commit(
                "alice",
                IntStream.range(0, 100)
                        .mapToObj(i -> put("session", "a" + (100 + i), 1))
                        .toArray(Mutation[]::new));
        commit("bob", put("session", "deleted", 1));
        commit("carol", put("session", "cleared", 1));
        commit("dave", put("session", "same", 1));
        awaitApplied();

        backend.entries().whileNothingIsApplied(() -> {
            commit(
                    "alice",
                    IntStream.range(0, 99)
                            .mapToObj(i -> delete("session", "a" + (100 + i)))
                            .toArray(Mutation[]::new));
            commit("bob", delete("session", "deleted"));
            commit("carol", new Clear(Set.of()));
            commit("erin", put("session", "new", 1));
            commit("frank", put("session", "new", 1), delete("session", "new"));
            assertThat(backend.contexts()).containsExactlyInAnyOrder("alice", "dave", "erin", "other");
            return true;
        });
        awaitApplied();
        assertThat(backend.contexts()).containsExactlyInAnyOrder("alice", "dave", "erin", "other");
    }

    @Test
    @DisplayName("R12 R60 listings of many pages include changes that are not yet applied to MapDB")
    void list_beforeManyPagesAreApplied_isRight() {
        int many = 3 * WorkingMap.PAGE_SIZE;
        commit("alice", puts(0, many, "id-%06d"));
        commit("bob", puts(0, many, "id-%06d"));
        commit("carol", puts(0, 1, "id-%06d"));
        awaitApplied();
        List<String> odd = IntStream.range(0, 2 * many)
                .filter(number -> number % 2 == 1 || number >= many)
                .mapToObj("id-%06d"::formatted)
                .toList();
        backend.entries().whileNothingIsApplied(() -> {
            commit(
                    "alice",
                    IntStream.range(0, many / 2)
                            .mapToObj(number -> delete("session", "id-%06d".formatted(2 * number)))
                            .toArray(Mutation[]::new));
            commit("alice", puts(many, 2 * many, "id-%06d"));
            commit("bob", new Clear(Set.of()));
            assertThat(backend.scan("alice", "session", "id-")).containsExactlyElementsOf(odd);
            assertThat(backend.list("alice").map(EntryId::id)).containsExactlyElementsOf(odd);
            assertThat(backend.list("bob")).isEmpty();
            assertThat(backend.list("carol")).hasSize(1);
            commit("bob", put("session", "id-last", 1));
            assertThat(backend.scan("bob", "session", "")).containsExactly("id-last");
            return odd;
        });
        awaitApplied();
        assertThat(backend.scan("alice", "session", "")).containsExactlyElementsOf(odd);
        assertThat(backend.scan("bob", "session", "")).containsExactly("id-last");
    }

    private static Mutation[] puts(int from, int to, String id) {
        return IntStream.range(from, to)
                .mapToObj(number -> put("session", id.formatted(number), number))
                .toArray(Mutation[]::new);
    }

    /** Commits a group that is large enough to wake the maintenance thread, and waits until it is in the map. */
    private void awaitApplied() {
        backend.save("other", "session", "large", new byte[1 << 16]);
        Mapdb.awaitTrue("all is applied", () -> backend.entries().waiting() == 0);
    }

    @Test
    @DisplayName("R5 committed values are copies of the caller's arrays, and loads return copies")
    void load_beforeGroupIsApplied_isACopy() {
        Put[] puts = IntStream.range(0, SIDE)
                .mapToObj(number -> put("session", String.valueOf(number), 1))
                .toArray(Put[]::new);
        backend.entries().whileNothingIsApplied(() -> {
            commit("alice", puts);
            assertThat(backend.entries().waiting()).isEqualTo(1);
            puts[0].value()[0] = 9;
            backend.load("alice", "session", "1").orElseThrow()[0] = 9;
            backend.loadAll("alice", "session", List.of("2")).values().forEach(value -> value[0] = 9);
            assertOnes();
            return puts;
        });
        awaitApplied();
        assertOnes();
    }

    private void assertOnes() {
        for (int number = 0; number < SIDE; number++) {
            assertThat(value("alice", "session", String.valueOf(number))).isEqualTo(1);
        }
    }

    @Test
    @DisplayName(
            "R27 the number and size of groups not yet applied is bounded; beyond that, commits wait with a deadline")
    void commit_manyGroupsWait_waitsWithDeadline() throws Exception {
        int limit = 16;
        backend.close();
        MapdbBackend hasty = Mapdb.open(folder.resolve("keys"), Duration.ofMillis(100));
        try {
            hasty.entries().whileNothingIsApplied(() -> {
                for (int i = 0; i < limit; i++) {
                    hasty.commit(batch(deletes(SIDE)));
                }
                FailureAssertions.assertTransient(() -> hasty.commit(batch(deletes(1))))
                        .withMessageContaining("waited 100 ms for the commits before it to be applied");
                return hasty;
            });
            Mapdb.awaitTrue("all is applied", () -> hasty.entries().waiting() == 0);

            hasty.entries().whileNothingIsApplied(() -> {
                hasty.commit(batch(deletes(MANY)));
                FailureAssertions.assertTransient(() -> hasty.commit(batch(deletes(1))));
                return hasty;
            });
            Mapdb.awaitTrue("all is applied", () -> hasty.entries().waiting() == 0);
        } finally {
            Mapdb.closeAtLast(hasty);
        }
        open();
        FutureTask<Integer> patient = backend.entries().whileNothingIsApplied(() -> {
            for (int i = 0; i < limit; i++) {
                commit("alice", deletes(SIDE));
            }
            return start(() -> {
                commit("alice", put("session", "after", 7));
                return value("alice", "session", "after");
            });
        });
        assertThat(patient.get()).isEqualTo(7);
    }

    private static Batch batch(Mutation... mutations) {
        return new Batch("alice", 0, 1, List.of(mutations));
    }

    private static Mutation[] deletes(int count) {
        return IntStream.range(0, count)
                .mapToObj(number -> delete("session", String.valueOf(number)))
                .toArray(Mutation[]::new);
    }

    @Test
    @DisplayName("a commit does not wait for an earlier group to be applied")
    void save_behindGroupThatWaits_doesNotWait() throws Exception {
        FutureTask<Integer> save = backend.entries().whileNothingIsApplied(() -> {
            commit("alice", deletes(SIDE));
            FutureTask<Integer> saving = start(() -> {
                backend.save("alice", "session", "after", new byte[Integer.BYTES]);
                return backend.entries().waiting();
            });
            Mapdb.awaitTrue("the save is done", saving::isDone);
            return saving;
        });
        assertThat(save.get()).isEqualTo(2);
        assertThat(value("alice", "session", "after")).isZero();
    }

    @Test
    @DisplayName(
            "R12 loads and listings see each group as a whole while it is applied, and never go back to an older one")
    void read_whileGroupsAreApplied_seesEachWhole() throws Exception {
        List<String> ids = IntStream.range(0, SIDE).mapToObj(String::valueOf).toList();
        commit(0, ids);
        AtomicBoolean done = new AtomicBoolean();
        CountDownLatch reading = new CountDownLatch(2);
        FutureTask<Integer> loads = start(() -> {
            int last = 0;
            while (!done.get()) {
                Map<String, byte[]> found = backend.loadAll("alice", "session", ids);
                List<Integer> numbers = found.values().stream()
                        .map(value -> ByteBuffer.wrap(value).getInt())
                        .distinct()
                        .toList();
                assertThat(found).hasSize(SIDE);
                assertThat(numbers).hasSize(1);
                assertThat(numbers.get(0)).isGreaterThanOrEqualTo(last);
                last = numbers.get(0);
                reading.countDown();
            }
            return last;
        });
        FutureTask<Integer> listings = start(() -> {
            int sides = 0;
            while (!done.get()) {
                List<EntryId> listed = backend.list("bob").toList();
                assertThat(listed).hasSize(SIDE);
                assertThat(listed.stream().map(EntryId::type).distinct()).hasSize(1);
                sides++;
                reading.countDown();
            }
            return sides;
        });
        try {
            reading.await();
            for (int number = 1; number < GROUPS; number++) {
                commit(number, ids);
            }
        } finally {
            done.set(true);
        }
        assertThat(loads.get()).isPositive();
        assertThat(listings.get()).isPositive();
    }

    /**
     * Commits a group that changes all of alice's entries, and replaces bob's even entries by odd ones or vice versa.
     */
    private void commit(int number, List<String> ids) {
        List<Mutation> alice = new ArrayList<>();
        List<Mutation> bob = new ArrayList<>();
        for (String id : ids) {
            alice.add(put("session", id, number));
            bob.add(put(number % 2 == 0 ? "even" : "odd", id, number));
            bob.add(delete(number % 2 == 0 ? "odd" : "even", id));
        }
        backend.commit(List.of(new Batch("alice", 0, 1, alice), new Batch("bob", 0, 1, bob)));
    }

    private static FutureTask<Integer> start(Callable<Integer> work) {
        FutureTask<Integer> task = new FutureTask<>(work);
        Thread thread = new Thread(task, "reader");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    private void commit(String context, Mutation... mutations) {
        backend.commit(new Batch(context, 0, 1, List.of(mutations)));
    }

    private Integer value(String context, String type, String id) {
        return backend.load(context, type, id)
                .map(value -> ByteBuffer.wrap(value).getInt())
                .orElse(null);
    }

    private static Put put(String type, String id, int value) {
        return new Put(
                type, id, ByteBuffer.allocate(Integer.BYTES).putInt(value).array());
    }

    private static Delete delete(String type, String id) {
        return new Delete(type, id);
    }
}
