package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PrefixScan;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Opening and closing. */
abstract class OpeningContract extends Contract {

    OpeningContract(BackendContractTest test) {
        super(test);
    }

    @Test
    @DisplayName("R28 closing again does nothing, and loses nothing of what persists")
    void close_again_doesNothing() throws Exception {
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        entries().close();
        entries().close();
        entries().close();
        if (isPersistent()) {
            reopen();
            assertHolds("id", "value");
        }
    }

    @Test
    @DisplayName("R3 a closed backend refuses, or answers right: it never says that what is there is absent")
    void load_closed_isNeverAbsent() {
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        backend().close();
        Optional<byte[]> loaded;
        try {
            loaded = entries().load(CONTEXT, TYPE, "id");
        } catch (IllegalStateException refusal) {
            return;
        }
        assertThat(loaded).as("loaded from the closed backend").isPresent();
        assertThat(loaded.get()).isEqualTo(bytes("value"));
    }

    @Test
    @DisplayName("R3 a closed backend refuses, or answers right: it never lists nothing where something is")
    void list_closed_isNeverEmpty() {
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        backend().close();
        List<EntryId> listed;
        try (Stream<EntryId> stream = entries().list(CONTEXT)) {
            listed = stream.toList();
        } catch (IllegalStateException refusal) {
            return;
        }
        assertThat(listed).as("listed by the closed backend").containsExactly(new EntryId(TYPE, "id"));
    }

    @Test
    @DisplayName("R3 a closed backend refuses, or answers right: it never scans past what is there")
    void scan_closed_isNeverEmpty() {
        PrefixScan scanning = backend().claimed(PrefixScan.class);
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        backend().close();
        List<String> found;
        try (Stream<String> stream = scanning.scan(CONTEXT, TYPE, "i")) {
            found = stream.toList();
        } catch (IllegalStateException refusal) {
            return;
        }
        assertThat(found).as("found by the closed backend").containsExactly("id");
    }

    @Test
    @DisplayName("R3 a closed backend refuses, or answers right: a bulk load never leaves out what is there")
    void loadAll_closed_isNeverEmpty() {
        BulkLoad loading = backend().claimed(BulkLoad.class);
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        backend().close();
        Map<String, byte[]> loaded;
        try {
            loaded = loading.loadAll(CONTEXT, TYPE, List.of("id", "absent"));
        } catch (IllegalStateException refusal) {
            return;
        }
        assertThat(loaded).as("loaded from the closed backend").containsOnlyKeys("id");
    }

    @Test
    @DisplayName(
            "R28 a closed backend refuses each write, or does it: what it accepted is there when it is opened again")
    void write_closed_isRefusedOrDone() throws Exception {
        skipUnlessPersistent();
        entries().save(CONTEXT, TYPE, "saved", bytes("old"));
        entries().save(CONTEXT, TYPE, "deleted", bytes("old"));
        Optional<Runnable> commit = commit(put("committed", "new"));
        backend().close();
        boolean saved = accepted(() -> entries().save(CONTEXT, TYPE, "saved", bytes("new")));
        boolean deleted = accepted(() -> entries().delete(CONTEXT, TYPE, "deleted"));
        boolean committed = commit.isPresent() && accepted(commit.get());
        reopen();

        assertHolds("saved", saved ? "new" : "old");
        assertThat(entries().load(CONTEXT, TYPE, "deleted").isPresent())
                .as("what was deleted is there")
                .isEqualTo(!deleted);
        assertThat(entries().load(CONTEXT, TYPE, "committed").isPresent())
                .as("what was committed is there")
                .isEqualTo(committed);
    }

    /** Prepares a commit, which may take the context over, for later. */
    private Optional<Runnable> commit(Mutation mutation) {
        if (!backend().claims(AtomicCommit.class)) {
            return Optional.empty();
        }
        AtomicCommit atomic = backend().claimed(AtomicCommit.class);
        Batch batch = backend().batch(CONTEXT, mutation);
        return Optional.of(() -> atomic.commit(batch));
    }

    private static boolean accepted(Runnable write) {
        try {
            write.run();
            return true;
        } catch (IllegalStateException refusal) {
            return false;
        }
    }

    @Test
    @DisplayName("R53 a second opener is refused, or the two see each other's writes")
    void open_whileOpen_isRefusedOrShares() throws Exception {
        skipUnlessPersistent();
        assertSeen(backend(), backend(), "before");
        BackendUnderTest second;
        try {
            second = openBeside();
        } catch (Exception refusal) {
            assertSeen(backend(), backend(), "after the refusal");
            return;
        }
        for (int i = 0; i < 3; i++) {
            assertSeen(backend(), second, "from the first " + i);
            assertSeen(second, backend(), "from the second " + i);
        }
        second.close();
        assertSeen(backend(), backend(), "after the second is closed");
    }

    private static void assertSeen(BackendUnderTest writer, BackendUnderTest reader, String value) {
        writer.entries().save(CONTEXT, TYPE, "id", bytes(value));
        assertThat(reader.entries().load(CONTEXT, TYPE, "id"))
                .as("loaded by the one after the other saved \"%s\"", value)
                .hasValueSatisfying(loaded -> assertThat(loaded).isEqualTo(bytes(value)));
    }
}
