package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A batch of one context is written as a whole, in its order. */
abstract class BatchContract extends Contract {

    private static final String KEPT = "credentials";
    private static final int MANY = 100;

    BatchContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(AtomicCommit.class);
    }

    @Test
    @DisplayName("R12 a batch of puts and deletes of several types is written as a whole")
    void commit_severalTypes_writesAll() {
        commit(put("1", "old"), put("2", "old"));
        commit(put("1", "new"), delete("2"), put("pre-key", "1", "pre"), put("3", "new"));

        assertHolds("1", "new");
        assertAbsent("2");
        assertHolds(CONTEXT, "pre-key", "1", bytes("pre"));
        assertHolds("3", "new");
    }

    @Test
    @DisplayName("R12 the last mutation of an id in a batch wins: delete, then put")
    void commit_deleteThenPut_leavesThePut() {
        commit(put("present", "old"));
        commit(delete("present"), delete("absent"), put("present", "new"), put("absent", "new"));

        assertHolds("present", "new");
        assertHolds("absent", "new");
    }

    @Test
    @DisplayName("R12 the last mutation of an id in a batch wins: put, then delete")
    void commit_putThenDelete_leavesNothing() {
        commit(put("present", "old"));
        commit(put("present", "new"), put("absent", "new"), delete("absent"), delete("present"));

        assertAbsent("present");
        assertAbsent("absent");
        assertLists(CONTEXT);
    }

    @Test
    @DisplayName("R12 the last mutation of an id in a batch wins: several puts")
    void commit_manyOfOneId_leavesTheLast() {
        commit(put("id", "1"), put("id", "2"), put("id", "3"), put("other", "x"), put("id", "4"));

        assertHolds("id", "4");
        assertLists(CONTEXT, new EntryId(TYPE, "id"), new EntryId(TYPE, "other"));
    }

    @Test
    @DisplayName("R14 a batch that deletes an absent entry succeeds, and its other mutations are written")
    void commit_deleteOfAbsent_isNoError() {
        commit(delete("never"), put("id", "value"), new Delete("other", "id"));

        assertHolds("id", "value");
    }

    @Test
    @DisplayName("R12 a batch, a save and a delete write to the same entries")
    void commitAndSave_takingTurns_writeTheSameEntries() {
        entries().save(CONTEXT, TYPE, "1", bytes("saved"));
        entries().save(CONTEXT, TYPE, "2", bytes("saved"));
        commit(put("1", "committed"), delete("2"), put("3", "committed"), put("4", "committed"));
        entries().save(CONTEXT, TYPE, "3", bytes("saved again"));
        entries().delete(CONTEXT, TYPE, "4");

        assertHolds("1", "committed");
        assertAbsent("2");
        assertHolds("3", "saved again");
        assertAbsent("4");
        assertLists(CONTEXT, new EntryId(TYPE, "1"), new EntryId(TYPE, "3"));
    }

    @Test
    @DisplayName("R17 Clear deletes all entries except those of the kept types")
    void clear_keptTypes_keepsThemAlone() {
        commit(
                put("1", "a"),
                put("pre-key", "2", "b"),
                put(KEPT, "main", "c"),
                put(KEPT, "3", "d"),
                put("other", "4", "e"));
        commit(new Clear(Set.of(KEPT, "other")));

        assertLists(CONTEXT, new EntryId(KEPT, "main"), new EntryId(KEPT, "3"), new EntryId("other", "4"));
        assertAbsent("1");
        assertAbsent(CONTEXT, "pre-key", "2");
        assertHolds(CONTEXT, KEPT, "main", bytes("c"));
    }

    @Test
    @DisplayName("R17 Clear matches kept types exactly, never as a prefix or a pattern")
    void clear_typesLikeTheKeptOnes_goes() {
        commit(
                put("a_b", "1", "kept"),
                put("a-b", "1", "x"),
                put("a.b", "1", "x"),
                put("a_b2", "1", "x"),
                put("a", "1", "x"));
        commit(new Clear(Set.of("a_b")));

        assertLists(CONTEXT, new EntryId("a_b", "1"));
    }

    @Test
    @DisplayName("R18 Clear without kept types deletes all entries, and succeeds on an empty context")
    void clear_noKeptTypes_deletesAll() {
        commit(new Clear(Set.of()));
        commit(put("1", "a"), put(KEPT, "main", "c"));
        commit(new Clear(Set.of()));

        assertLists(CONTEXT);
        assertAbsent("1");
        assertAbsent(CONTEXT, KEPT, "main");
    }

    @Test
    @DisplayName("R17 entries that a batch writes after its Clear survive")
    void clear_followedByPuts_keepsThem() {
        commit(put("1", "old"), put("2", "old"));
        commit(new Clear(Set.of(KEPT)), put("2", "new"), delete("3"), put("4", "new"));

        assertHolds("2", "new");
        assertHolds("4", "new");
        assertLists(CONTEXT, new EntryId(TYPE, "2"), new EntryId(TYPE, "4"));
    }

    @Test
    @DisplayName("R17 entries that a batch writes before its Clear are deleted, except those of the kept types")
    void clear_precededByPuts_deletesThem() {
        commit(put("1", "new"), put(KEPT, "main", "new"), new Clear(Set.of(KEPT)));

        assertLists(CONTEXT, new EntryId(KEPT, "main"));
        assertHolds(CONTEXT, KEPT, "main", bytes("new"));
    }

    @Test
    @DisplayName("R17 Clear leaves other contexts unchanged")
    void clear_oneContext_leavesTheOthers() {
        backend().require(ContextAwareBackend.class);
        List<String> others = List.of("alice2", "alic", "Alice", "al%", "_lice", "bob");
        others.forEach(other -> backend().commit(other, put("id", "of " + other)));
        backend().commit("alice", put("id", "value"));
        backend().commit("alice", new Clear(Set.of()));
        backend().commit("al%", new Clear(Set.of()));

        assertAbsent("alice", TYPE, "id");
        assertAbsent("al%", TYPE, "id");
        for (String other : List.of("alice2", "alic", "Alice", "_lice", "bob")) {
            assertHolds(other, TYPE, "id", bytes("of " + other));
        }
    }

    @Test
    @DisplayName("R12 a batch of ten thousand mutations is written as a whole")
    void commit_tenThousandMutations_writesAll() {
        List<Mutation> puts = new ArrayList<>();
        List<Mutation> changes = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            puts.add(put("id " + i, "old " + i));
            changes.add(i % 2 == 0 ? delete("id " + i) : put("id " + i, "new " + i));
        }
        backend().commit(CONTEXT, puts);
        assertCounts(10_000);
        assertHolds("id 4321", "old 4321");
        backend().commit(CONTEXT, changes);

        assertCounts(5_000);
        for (int i = 0; i < 10_000; i += 499) {
            if (i % 2 == 0) {
                assertAbsent("id " + i);
            } else {
                assertHolds("id " + i, "new " + i);
            }
        }
    }

    @Test
    @DisplayName("R5 changing arrays after a commit or a load does not change the values of a large batch")
    void commit_arraysChangedLater_changeNothing() {
        List<Put> puts = IntStream.range(0, MANY)
                .mapToObj(number -> put("id " + number, "value " + number))
                .toList();
        backend().commit(CONTEXT, List.copyOf(puts));
        puts.forEach(put -> Arrays.fill(put.value(), (byte) 0));
        puts.forEach(put -> Arrays.fill(entries().load(CONTEXT, TYPE, put.id()).orElseThrow(), (byte) 0));

        for (int number = 0; number < MANY; number++) {
            assertHolds("id " + number, "value " + number);
        }
    }

    private void commit(Mutation... mutations) {
        backend().commit(CONTEXT, mutations);
    }

    private void assertCounts(int expected) {
        try (Stream<EntryId> listed = entries().list(CONTEXT)) {
            assertThat(listed.distinct()).hasSize(expected);
        }
    }
}
