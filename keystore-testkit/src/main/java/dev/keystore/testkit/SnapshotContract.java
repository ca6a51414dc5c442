package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.ContextSnapshots;
import dev.keystore.spi.Mutation;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** All entries of a context can be read as of one point in time. */
abstract class SnapshotContract extends Contract {

    private static final int ENTRIES = 500;

    SnapshotContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(ContextSnapshots.class);
    }

    private ContextSnapshots snapshots() {
        return backend().require(ContextSnapshots.class);
    }

    @Test
    @DisplayName("R80 a snapshot has the entries of its context, of all types, byte for byte, and no others")
    void readSnapshot_hasTheEntriesOfItsContext() {
        byte[] all = new byte[256];
        IntStream.range(0, all.length).forEach(i -> all[i] = (byte) i);
        List<EntryId> entries = UnusualNames.SPECIAL.stream()
                .map(id -> new EntryId("session", id))
                .toList();
        entries.forEach(entry -> entries().save("alice", entry.type(), entry.id(), all));
        entries().save("alice", "pre-key", "1", new byte[0]);
        entries().save("alice-2", "pre-key", "2", bytes("of another context"));

        Map<EntryId, byte[]> found = new HashMap<>();
        snapshots()
                .readSnapshot(
                        "alice",
                        (entry, value) -> assertThat(found.put(entry, value)).isNull());

        List<EntryId> expected = new ArrayList<>(entries);
        expected.add(new EntryId("pre-key", "1"));
        assertThat(found.keySet()).containsExactlyInAnyOrderElementsOf(expected);
        assertThat(found.get(new EntryId("pre-key", "1"))).isEmpty();
        entries.forEach(entry -> assertThat(found.get(entry)).isEqualTo(all));
    }

    @Test
    @DisplayName("R80 a snapshot of a context without entries is empty")
    void readSnapshot_ofNothing_isEmpty() {
        entries().save("alice", TYPE, "1", bytes("value"));
        entries().delete("alice", TYPE, "1");

        assertThat(read("alice")).isEmpty();
        assertThat(read("never used")).isEmpty();
    }

    @Test
    @DisplayName("R80 a snapshot has nothing of a commit that ends while it is read, and the next one has all of it")
    void readSnapshot_commitMeanwhile_isInTheNextOne() {
        backend().require(AtomicCommit.class);
        backend().commit(CONTEXT, puts("old"));
        List<Mutation> changes = new ArrayList<>(puts("new"));
        changes.set(3, delete("3"));
        changes.set(ENTRIES - 3, delete(Integer.toString(ENTRIES - 3)));
        changes.add(put("added", "new"));
        changes.add(put("0added", "new"));
        Map<String, String> before = new TreeMap<>();
        snapshots().readSnapshot(CONTEXT, (entry, value) -> {
            if (before.isEmpty()) {
                onAnotherThread(() -> backend().commit(CONTEXT, changes));
            }
            before.put(entry.id(), text(value));
        });

        assertThat(before).hasSize(ENTRIES).containsKeys("3", "1").doesNotContainKey("added");
        assertThat(before.values()).containsOnly("old");
        assertThat(read(CONTEXT))
                .hasSize(ENTRIES)
                .containsKeys("added", "0added")
                .doesNotContainKey("3");
        assertThat(read(CONTEXT).values()).containsOnly("new");
    }

    @Test
    @DisplayName("R80 reads and saves of other threads do not wait for a snapshot that is being read")
    void readSnapshot_otherCallsMeanwhile_doNotWait() {
        entries().save(CONTEXT, TYPE, "1", bytes("old"));
        snapshots()
                .readSnapshot(
                        CONTEXT,
                        (entry, value) -> onAnotherThread(() -> {
                            entries().save(CONTEXT, TYPE, "1", bytes("new"));
                            entries().save("other", TYPE, "1", bytes("new"));
                            assertHolds("1", "new");
                        }));

        assertThat(read(CONTEXT)).containsOnly(Map.entry("1", "new"));
    }

    @Test
    @DisplayName("R80 what the consumer of a snapshot throws is thrown as it is, and reads and writes continue")
    void readSnapshot_consumerThrows_isThrown() {
        entries().save(CONTEXT, TYPE, "1", bytes("value"));
        IllegalStateException failure = new IllegalStateException("The consumer fails");
        for (int i = 0; i < 10; i++) {
            assertThatThrownBy(() -> snapshots().readSnapshot(CONTEXT, (entry, value) -> {
                        throw failure;
                    }))
                    .isSameAs(failure);
        }

        entries().save(CONTEXT, TYPE, "1", bytes("next"));
        assertThat(read(CONTEXT)).containsOnly(Map.entry("1", "next"));
        assertHolds("1", "next");
    }

    @Test
    @DisplayName("R5 the values of a snapshot belong to its consumer")
    void readSnapshot_valueChanged_storeUnchanged() {
        entries().save(CONTEXT, TYPE, "1", bytes("value"));

        snapshots().readSnapshot(CONTEXT, (entry, value) -> value[0]++);

        assertHolds("1", "value");
        assertThat(read(CONTEXT)).containsOnly(Map.entry("1", "value"));
    }

    private Map<String, String> read(String context) {
        Map<String, String> found = new TreeMap<>();
        snapshots().readSnapshot(context, (entry, value) -> found.put(entry.id(), text(value)));
        return found;
    }

    private static List<Mutation> puts(String value) {
        return IntStream.range(0, ENTRIES)
                .mapToObj(i -> put(Integer.toString(i), value))
                .collect(Collectors.toList());
    }

    private static String text(byte[] value) {
        return new String(value, StandardCharsets.UTF_8);
    }

    private static void onAnotherThread(Together.Task work) {
        try {
            Together.onOtherThread(work);
        } catch (Exception e) {
            throw new AssertionError("a call failed, or waited, while a snapshot was read", e);
        }
    }
}
