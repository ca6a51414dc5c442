package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation.Clear;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A group of batches is written as a whole, in its order. */
abstract class GroupContract extends Contract {

    GroupContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(GroupCommit.class);
    }

    @Test
    @DisplayName("R12 a group of batches of several contexts is written as a whole, each batch to its context")
    void commit_severalContexts_writesEachToItsOwn() {
        backend().require(ContextAwareBackend.class);
        commit(
                backend().batch("alice", put("1", "of alice"), put("2", "of alice")),
                backend().batch("bob", put("1", "of bob")),
                backend().batch("carol", delete("1"), put("pre-key", "1", "of carol")));

        assertHolds("alice", TYPE, "1", bytes("of alice"));
        assertHolds("alice", TYPE, "2", bytes("of alice"));
        assertHolds("bob", TYPE, "1", bytes("of bob"));
        assertLists("bob", new EntryId(TYPE, "1"));
        assertLists("carol", new EntryId("pre-key", "1"));
    }

    @Test
    @DisplayName("R12 the later of two batches of one context in a group wins: put, then put")
    void commit_sameIdTwice_laterWins() {
        commit(
                backend().batch(CONTEXT, put("1", "first"), put("2", "first")),
                backend().batch(CONTEXT, put("2", "second"), put("3", "second")));

        assertHolds("1", "first");
        assertHolds("2", "second");
        assertHolds("3", "second");
    }

    @Test
    @DisplayName("R12 the later of two batches of one context in a group wins: put and delete, in either order")
    void commit_putAndDeleteOfOneId_laterWins() {
        commit(
                backend().batch(CONTEXT, put("1", "first"), delete("2")),
                backend().batch(CONTEXT, delete("1"), put("2", "second")));

        assertAbsent("1");
        assertHolds("2", "second");
        assertLists(CONTEXT, new EntryId(TYPE, "2"));
    }

    @Test
    @DisplayName("R17 Clear in a group deletes entries of earlier batches of its context, not of later ones")
    void commit_clearBetweenPuts_deletesTheEarlierOnes() {
        commit(
                backend().batch(CONTEXT, put("1", "first"), put("2", "first")),
                backend().batch(CONTEXT, new Clear(Set.of())),
                backend().batch(CONTEXT, put("2", "third")));

        assertLists(CONTEXT, new EntryId(TYPE, "2"));
        assertHolds("2", "third");
    }

    @Test
    @DisplayName("R12 a group of one batch and a single batch are written like any other")
    void commit_oneBatch_writesIt() {
        commit(backend().batch(CONTEXT, put("1", "in a group")));
        backend().require(GroupCommit.class).commit(backend().batch(CONTEXT, put("2", "alone")));

        assertHolds("1", "in a group");
        assertHolds("2", "alone");
    }

    @Test
    @DisplayName("R12 a group of a thousand batches is written as a whole")
    void commit_thousandBatches_writesAll() {
        boolean contexts = backend().supports(ContextAwareBackend.class);
        List<Batch> group = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            String context = contexts ? "context " + i % 100 : CONTEXT;
            group.add(backend().batch(context, put("id " + i, "value " + i), put("common", "value " + i)));
        }
        commit(group.toArray(Batch[]::new));

        for (int i = 0; i < 1_000; i++) {
            assertHolds(contexts ? "context " + i % 100 : CONTEXT, TYPE, "id " + i, bytes("value " + i));
        }
        assertHolds(contexts ? "context 99" : CONTEXT, TYPE, "common", bytes("value 999"));
    }

    /** The list of batches is the part of a commit that a test can make fail: reading its second half throws. */
    @Test
    @DisplayName("R12 a group that fails halfway leaves nothing behind, not even temporarily")
    void commit_failingHalfway_leavesNothing() throws Exception {
        commit(backend().batch(CONTEXT, put("present", "before")));
        Together.Turn writer = turn -> {
            commitFailingHalfway();
            assertUnchanged();
        };
        Together.race(50, writer, this::assertUnchanged);
        commit(backend().batch(CONTEXT, put("present", "after")));
        assertHolds("present", "after");
    }

    private void commitFailingHalfway() {
        BackendException failure =
                BackendException.permanent("Injected failure: the second half of the group is missing", null);
        List<Batch> group = IntStream.range(0, 4)
                .mapToObj(i -> backend().batch(CONTEXT, put("absent", "broken " + i), delete("present")))
                .toList();
        assertThatThrownBy(() -> backend().require(GroupCommit.class).commit(new BrokenGroup(group, failure)))
                .as("commit of a group whose second half cannot be read")
                .isInstanceOf(RuntimeException.class);
    }

    private void assertUnchanged() {
        assertAbsent("absent");
        assertHolds("present", "before");
    }

    private void commit(Batch... group) {
        backend().require(GroupCommit.class).commit(List.of(group));
    }
}
