package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Mutation.Put;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** All entries of a context can be listed. */
abstract class ListingContract extends WritingContract {

    ListingContract(BackendFixture fixture, Way way) {
        super(fixture, way);
    }

    @Test
    @DisplayName("R60 a listing returns the type and id of each entry exactly once")
    void list_afterSavesAndDeletes_isComplete() {
        assertLists(CONTEXT);
        save("1", "a");
        save("2", "b");
        save(CONTEXT, "pre-key", "1", bytes("c"));
        save("1", "d");
        remove("2");

        assertLists(CONTEXT, new EntryId(TYPE, "1"), new EntryId("pre-key", "1"));
    }

    @Test
    @DisplayName("R60 closing listings before their end leaks no resources")
    void list_closedEarly_releasesItsResources() {
        save("1", "a");
        save("2", "b");
        for (int i = 0; i < 200; i++) {
            try (Stream<EntryId> listed = entries().list(CONTEXT)) {
                assertThat(listed.findFirst()).isPresent();
            }
        }
        save("1", "c");
        assertHolds("1", "c");
    }

    @Test
    @DisplayName("R60 an open listing blocks neither loads nor writes and still returns unchanged entries")
    void list_duringWrites_returnsUnchangedEntries() throws Exception {
        List<EntryId> unchanged = fill(500);
        save("replaced", "old");
        save("removed", "old");
        List<EntryId> listed = new ArrayList<>();
        try (Stream<EntryId> stream = entries().list(CONTEXT)) {
            Iterator<EntryId> reading = stream.iterator();
            listed.add(reading.next());
            Together.onOtherThread(() -> {
                save("added", "new");
                save("replaced", "new");
                remove("removed");
                assertHolds("added", "new");
            });
            reading.forEachRemaining(listed::add);
        }
        assertThat(listed).containsAll(unchanged).doesNotHaveDuplicates();
        assertThat(listed)
                .filteredOn(entry -> !unchanged.contains(entry))
                .allMatch(entry -> List.of("added", "replaced", "removed").contains(entry.id()));
    }

    @Test
    @DisplayName("R60 a listing returns each entry once even if the caller deletes entries while reading it")
    void list_deletingReturnedEntries_returnsEachOnce() {
        List<EntryId> all = fill(backend().supports(AtomicCommit.class) ? 600 : 200);
        List<EntryId> listed = new ArrayList<>();
        try (Stream<EntryId> stream = entries().list(CONTEXT)) {
            stream.forEach(entry -> {
                listed.add(entry);
                remove(CONTEXT, entry.type(), entry.id());
                assertAbsent(CONTEXT, entry.type(), entry.id());
            });
        }

        assertThat(listed).containsExactlyInAnyOrderElementsOf(all);
        assertLists(CONTEXT);
    }

    @Test
    @DisplayName("R60 a listing during writes returns every unchanged entry exactly once")
    void list_concurrentWrites_isComplete() throws Exception {
        List<EntryId> unchanged = fill(200);
        Together.Turn writer = turn -> {
            save("temporary " + turn % 7, "value");
            remove("temporary " + (turn + 3) % 7);
        };
        Together.Task reader = () -> {
            try (Stream<EntryId> listed = entries().list(CONTEXT)) {
                List<EntryId> found = listed.toList();
                Set<EntryId> different = new HashSet<>(found);
                assertThat(different).as("without duplicates").hasSameSizeAs(found);
                assertThat(different.containsAll(unchanged))
                        .as("%s holds all entries that were not changed", found)
                        .isTrue();
            }
        };
        Together.race(100, writer, reader, reader);
    }

    @Test
    @DisplayName("R60 a listing of ten thousand entries (one thousand without batches) returns each once")
    void list_manyEntries_returnsEachOnce() {
        List<EntryId> all = fill(backend().supports(AtomicCommit.class) ? 10_000 : 1_000);

        try (Stream<EntryId> listed = entries().list(CONTEXT)) {
            List<EntryId> found = listed.toList();
            assertThat(found).hasSameSizeAs(all);
            assertThat(new HashSet<>(found)).isEqualTo(new HashSet<>(all));
        }
    }

    private List<EntryId> fill(int count) {
        List<Put> puts = IntStream.range(0, count)
                .mapToObj(i -> put("type-" + i % 3, "filled " + (100_000 + i), "value " + i))
                .toList();
        backend().putAll(CONTEXT, puts);
        return puts.stream().map(put -> new EntryId(put.type(), put.id())).toList();
    }
}
