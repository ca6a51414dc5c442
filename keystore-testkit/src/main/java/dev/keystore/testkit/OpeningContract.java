package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PrefixScan;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A backend is closed, used after close, and opened twice. */
abstract class OpeningContract extends Contract {

    OpeningContract(BackendFixture fixture) {
        super(fixture);
    }

    @Test
    @DisplayName("R28 closing a closed backend has no effect and loses no data")
    void close_again_hasNoEffect() throws Exception {
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
    @DisplayName("R3 a closed backend refuses a load or answers it correctly: an existing entry is never absent")
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
    @DisplayName("R3 a closed backend refuses a listing or answers it correctly: no existing entry is missing")
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
    @DisplayName("R3 a closed backend refuses a scan or answers it correctly: no existing id is missing")
    void scan_closed_isNeverEmpty() {
        PrefixScan scanning = backend().require(PrefixScan.class);
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
    @DisplayName("R3 a closed backend refuses a listing of contexts or answers it correctly: no context is missing")
    void contexts_closed_isNeverEmpty() {
        ContextListing listing = backend().require(ContextListing.class);
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        backend().close();
        List<String> listed;
        try (Stream<String> stream = listing.contexts()) {
            listed = stream.toList();
        } catch (IllegalStateException refusal) {
            return;
        }
        assertThat(listed).as("listed by the closed backend").containsExactly(CONTEXT);
    }

    @Test
    @DisplayName("R3 a closed backend refuses a bulk load or answers it correctly: no existing entry is missing")
    void loadAll_closed_isNeverEmpty() {
        BulkLoad loading = backend().require(BulkLoad.class);
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
    @DisplayName("R28 a closed backend refuses a write or performs it: an accepted write is there after reopening")
    void write_closed_isRefusedOrPerformed() throws Exception {
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
                .as("the deleted entry is there")
                .isEqualTo(!deleted);
        assertThat(entries().load(CONTEXT, TYPE, "committed").isPresent())
                .as("the committed entry is there")
                .isEqualTo(committed);
    }

    /** Prepares a commit while the backend is open, since it may need a takeover. */
    private Optional<Runnable> commit(Mutation mutation) {
        if (!backend().supports(AtomicCommit.class)) {
            return Optional.empty();
        }
        AtomicCommit atomic = backend().require(AtomicCommit.class);
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
    @DisplayName("R53 a second opening is refused, or both openers see each other's writes")
    void open_whileOpen_isRefusedOrShared() throws Exception {
        skipUnlessPersistent();
        assertSeen(backend(), backend(), "before");
        BackendUnderTest second;
        try {
            second = openAnother();
        } catch (Exception refusal) {
            assertSeen(backend(), backend(), "after the refusal");
            return;
        }
        for (int i = 0; i < 3; i++) {
            assertSeen(backend(), second, "from the first opener " + i);
            assertSeen(second, backend(), "from the second opener " + i);
        }
        second.close();
        assertSeen(backend(), backend(), "after the second opener is closed");
    }

    private static void assertSeen(BackendUnderTest writer, BackendUnderTest reader, String value) {
        writer.entries().save(CONTEXT, TYPE, "id", bytes(value));
        assertThat(reader.entries().load(CONTEXT, TYPE, "id"))
                .as("loaded by one opener after the other saved \"%s\"", value)
                .hasValueSatisfying(loaded -> assertThat(loaded).isEqualTo(bytes(value)));
    }
}
