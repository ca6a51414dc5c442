package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Put;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The contexts that hold entries can be listed. */
abstract class ContextListingContract extends Contract {

    ContextListingContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(ContextListing.class);
    }

    @Test
    @DisplayName("R55 each context is listed once, from its first entry until its last one is deleted")
    void contexts_savesAndDeletes_areFollowed() {
        assertContexts();
        save("alice", "1");
        save("alice", "2");
        save("bob", "1");
        save("carol", "1");
        assertContexts("alice", "bob", "carol");
        entries().delete("alice", TYPE, "1");
        entries().delete("bob", TYPE, "1");
        assertContexts("alice", "carol");
        entries().delete("alice", TYPE, "2");
        assertContexts("carol");
        save("alice", "2");
        assertContexts("alice", "carol");
    }

    @Test
    @DisplayName("R55 R72 an entry of any type counts, an empty value as well")
    void contexts_anyEntry_counts() {
        entries().save("alice", "_a", "1", new byte[0]);
        entries().save("bob", "9", "\uffff", new byte[0]);

        assertContexts("alice", "bob");
    }

    @Test
    @DisplayName("R55 loading and listing a context that holds nothing does not make it appear")
    void contexts_onlyRead_areNotListed() {
        assertAbsent("alice", TYPE, "1");
        assertLists("alice");
        entries().delete("alice", TYPE, "1");

        assertContexts();
    }

    @Test
    @DisplayName("R55 commits are followed like saves: puts, deletes and Clear")
    void contexts_commits_areFollowed() {
        backend().require(AtomicCommit.class);
        backend().commit("alice", put("1", "value"), put("2", "value"));
        backend().commit("bob", put("1", "value"));
        assertContexts("alice", "bob");
        backend().commit("alice", delete("1"));
        backend().commit("bob", new Clear(Set.of(TYPE)));
        assertContexts("alice", "bob");
        backend().commit("alice", delete("2"));
        backend().commit("bob", new Clear(Set.of()));
        assertContexts();
        backend().commit("bob", new Clear(Set.of()), put("1", "value"));
        assertContexts("bob");
    }

    @Test
    @DisplayName("R55 a context that was only taken over is not listed, neither before nor after it is closed")
    void contexts_onlyTakenOver_areNotListed() throws Exception {
        ContextOwnership owned = backend().require(ContextOwnership.class);
        owned.takeOver("alice");
        owned.takeOverUnlessOwned("bob");
        save("carol", "1");
        assertContexts("carol");
        if (isPersistent()) {
            reopen();
            assertContexts("carol");
        }
    }

    @Test
    @DisplayName("R55 the names of contexts are listed exactly: characters, case, normalization, length")
    void contexts_ofAnyName_areListedExactly() {
        List<String> names = Stream.concat(UnusualNames.ofContexts().stream(), longNames())
                .distinct()
                .toList();
        names.forEach(name -> save(name, "1"));

        assertContexts(names.toArray(String[]::new));
    }

    @Test
    @DisplayName("R55 the long names of contexts are listed exactly after commits, too")
    void contexts_longNamesCommitted_areListedExactly() {
        backend().require(AtomicCommit.class);
        List<String> names = longNames().toList();
        names.forEach(name -> backend().commit(name, put("x".repeat(1_024), "value"), put("1", "value")));

        assertContexts(names.toArray(String[]::new));
        for (String name : names) {
            assertHolds(name, TYPE, "x".repeat(1_024), bytes("value"));
        }
    }

    private static Stream<String> longNames() {
        return UnusualNames.LONG.stream().filter(name -> name.length() <= 1_024);
    }

    @Test
    @DisplayName("R55 many contexts, some of them with many entries, are each listed once")
    void contexts_many_areListedOnce() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 270; i++) {
            names.add("context " + i);
            save("context " + i, "1");
        }
        int entries = backend().supports(AtomicCommit.class) ? 700 : 100;
        for (String large : List.of("context 0", "context 150", "context 269", "zulu")) {
            backend().putAll(large, puts(entries));
        }
        names.add("zulu");

        assertContexts(names.toArray(String[]::new));
    }

    private static List<Put> puts(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> put("type-" + i % 3, "entry " + i, "value"))
                .toList();
    }

    @Test
    @DisplayName("R55 closing listings of contexts before their end leaks no resources")
    void contexts_closedEarly_releasesItsResources() {
        save("alice", "1");
        save("bob", "1");
        for (int i = 0; i < 200; i++) {
            try (Stream<String> listed = contexts()) {
                assertThat(listed.findFirst()).isPresent();
            }
        }
        save("alice", "1");
        assertContexts("alice", "bob");
    }

    @Test
    @DisplayName("R55 an open listing of contexts blocks neither loads nor writes and returns the unchanged ones once")
    void contexts_duringWrites_returnsUnchangedOnes() throws Exception {
        List<String> unchanged =
                IntStream.range(0, 260).mapToObj(i -> "context " + i).toList();
        unchanged.forEach(name -> save(name, "1"));
        save("removed", "1");
        List<String> found = new ArrayList<>();
        try (Stream<String> stream = contexts()) {
            Iterator<String> reading = stream.iterator();
            found.add(reading.next());
            Together.onOtherThread(() -> {
                save("added", "1");
                entries().delete("removed", TYPE, "1");
                unchanged.subList(0, 20).forEach(name -> {
                    save(name, "2");
                    entries().delete(name, TYPE, "1");
                });
                assertHolds("added", TYPE, "1", bytes("value"));
            });
            reading.forEachRemaining(found::add);
        }
        assertThat(found).containsAll(unchanged).doesNotHaveDuplicates();
        assertThat(found)
                .filteredOn(name -> !unchanged.contains(name))
                .allMatch(name -> List.of("added", "removed").contains(name));
    }

    private void save(String context, String id) {
        entries().save(context, TYPE, id, bytes("value"));
    }

    private Stream<String> contexts() {
        return backend().require(ContextListing.class).contexts();
    }

    private void assertContexts(String... expected) {
        try (Stream<String> listed = contexts()) {
            assertThat(listed).as("contexts").containsExactlyInAnyOrder(expected);
        }
    }
}
