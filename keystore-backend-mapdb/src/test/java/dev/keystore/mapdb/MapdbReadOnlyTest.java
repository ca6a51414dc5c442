package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.keystore.EntryId;
import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.testkit.FailureAssertions;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MapdbReadOnlyTest {

    private static final byte[] VALUE = {1, 2, 3};

    @TempDir
    private Path folder;

    @TempDir
    private Path elsewhere;

    private Path path;

    @BeforeEach
    void path() {
        path = folder.resolve("store");
    }

    /** Fills a store so that it has a checkpoint, journals after it, and a cleared context. */
    private static void fill(MapdbBackend backend, Path path) throws IOException {
        backend.save("alice", "session", "old", VALUE);
        backend.save("carol", "session", "cleared", VALUE);
        backend.save("carol", "credentials", "kept", VALUE);
        for (int i = 0; Mapdb.files(path, "checkpoint-").isEmpty(); i++) {
            backend.save("other", "session", "large." + i % 8, new byte[(int) Mapdb.FEW_BYTES]);
        }
        backend.delete("alice", "session", "old");
        for (int i = 0; i < 10; i++) {
            backend.save("alice", "session", "bob." + i, VALUE);
        }
        backend.commit(List.of(new Batch("carol", 0, 1, List.of(new Mutation.Clear(Set.of("credentials"))))));
    }

    private static ReadOnlyBackend openForReading(Path path) {
        return (ReadOnlyBackend) new MapdbBackendProvider().open(new BackendConfig("mapdb:" + path, Map.of(), true));
    }

    private void assertOnlyReadable() throws IOException {
        Map<String, String> before = Mapdb.contents(folder);
        ReadOnlyBackend backend = openForReading(path);
        try (backend) {
            assertThat(backend.load("alice", "session", "bob.1")).hasValue(VALUE);
            assertThat(backend.load("alice", "session", "old")).isEmpty();
            assertThat(backend.loadAll("alice", "session", List.of("bob.2", "old")))
                    .containsOnlyKeys("bob.2");
            assertThat(backend.list("alice")).hasSize(10);
            assertThat(backend.scan("alice", "session", "bob.1")).containsExactly("bob.1");
            assertThat(backend.list("carol")).containsExactly(new EntryId("credentials", "kept"));
            assertThat(backend.contexts()).containsExactlyInAnyOrder("alice", "carol", "other");
            FailureAssertions.assertPermanent(() -> backend.save("alice", "session", "new", VALUE))
                    .withMessageContaining("could not save session/new of context \"alice\"")
                    .withMessageContaining(
                            "the store was opened for reading only: " + path + " cannot be written; make the")
                    .withMessageContaining("then open it again");
            FailureAssertions.assertPermanent(() -> backend.delete("alice", "session", "bob.1"));
            FailureAssertions.assertPermanent(() -> backend.commit(List.of(Mapdb.pair("alice", 1, VALUE))));
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> openForReading(path))
                    .withMessageContaining("it is already open in this process");
        }
        assertThatIllegalStateException()
                .isThrownBy(() -> backend.load("alice", "session", "bob.1"))
                .withMessage(path + ": the backend is closed");
        assertThatIllegalStateException().isThrownBy(() -> backend.list("alice"));
        assertThatIllegalStateException().isThrownBy(backend::contexts);
        assertThat(Mapdb.contents(folder)).isEqualTo(before);
    }

    @Test
    @DisplayName("a closed store on a read-only mount is read, nothing is written, and commits say why they fail")
    void mount_closedStore() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=64m")) {
            try (MapdbBackend backend = Mapdb.open(path, Mapdb.FEW_BYTES)) {
                fill(backend, path);
            }
            tmpfs.remount("ro");
            assertOnlyReadable();

            tmpfs.remount("rw");
            try (MapdbBackend backend = Mapdb.open(path)) {
                backend.save("alice", "session", "new", VALUE);
            }
        }
    }

    @Test
    @DisplayName("R11 a store on a read-only mount whose process was killed is read from its checkpoint and journals")
    void mount_crashedStore() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=64m")) {
            Path live = elsewhere.resolve("store");
            try (MapdbBackend backend = Mapdb.open(live, Mapdb.FEW_BYTES)) {
                fill(backend, live);
                Mapdb.copyAsCrashed(backend, live, path);
            }
            tmpfs.remount("ro");
            assertOnlyReadable();
        }
    }

    @Test
    @DisplayName(
            "R53 a store that is open for writing is not opened through a read-only mount, nor the other way round")
    void mount_openElsewhere() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=64m")) {
            Mapdb.open(path).close();
            tmpfs.remount("ro");
            try (ReadOnlyBackend backend = openForReading(path)) {
                tmpfs.remount("rw");
                assertThat(openInAnotherProcess())
                        .contains(MapdbOpenProbe.REFUSED)
                        .contains("is open in another process");
                assertThat(backend.load("alice", "session", "bob")).isEmpty();
            }
            assertThat(openInAnotherProcess()).doesNotContain(MapdbOpenProbe.REFUSED);
        }
    }

    private String openInAnotherProcess() throws Exception {
        return Mapdb.java(
                "-cp", System.getProperty("java.class.path"), MapdbOpenProbe.class.getName(), path.toString());
    }

    @Test
    @DisplayName("R43 a damaged journal on a read-only mount is refused with its path")
    void mount_damagedStore() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=64m")) {
            try (MapdbBackend backend = Mapdb.open(path)) {
                backend.save("alice", "session", "bob", VALUE);
            }
            Path journal = Mapdb.files(path, "journal-").get(0);
            byte[] bytes = Files.readAllBytes(journal);
            bytes[bytes.length - 10] ^= 1;
            Files.write(journal, bytes);
            tmpfs.remount("ro");
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> openForReading(path))
                    .withMessageContaining(journal + " is damaged");
        }
    }

    @Test
    @DisplayName("a new store on a read-only mount is refused with its path and what to do, and nothing is created")
    void mount_newStore() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=1m")) {
            tmpfs.remount("ro");
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> Mapdb.open(folder.resolve("deep/store")))
                    .withMessageContaining(folder + " cannot be written; make the folder writable for this user");
            assertThatExceptionOfType(StoreNotFoundException.class).isThrownBy(() -> openForReading(path));
            assertThat(folder).isEmptyDirectory();
        }
    }
}
