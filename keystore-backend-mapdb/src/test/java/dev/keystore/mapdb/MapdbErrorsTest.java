package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A store whose calls overflow the stack, each time a little deeper in the call. */
@Timeout(120)
class MapdbErrorsTest {

    private static final byte[] SMALL = {1};
    private static final int TIMES = 1_000;

    @TempDir
    private Path folder;

    private Path path;
    private final boolean[] acknowledged = new boolean[TIMES];
    private int next;

    @BeforeEach
    void path() {
        path = folder.resolve("store");
    }

    @Test
    @DisplayName(
            "R31 R11 a stack that overflows anywhere in a commit fails only that commit, and nothing acknowledged is"
                    + " lost")
    void commit_stackOverflows_othersGoOn() throws Exception {
        Batch[] batches = IntStream.range(0, TIMES)
                .mapToObj(number -> Mapdb.pair("alice", number, SMALL))
                .toArray(Batch[]::new);
        try (MapdbBackend backend = Mapdb.open(path)) {
            commit(backend, batches);
            Runnable commit = () -> commit(backend, batches);
            commit.run();
            Deep.run(commit);
            int deep = next;
            assertThat(acknowledged).contains(false);

            commit(backend, batches);
            assertThat(acknowledged[deep]).isTrue();
            assertAcknowledged(backend);
            Mapdb.copyAsCrashed(backend, path, folder.resolve("copy"));
        }
        assertThat(path.resolve("closed")).exists();
        for (Path store : new Path[] {path, folder.resolve("copy")}) {
            try (MapdbBackend backend = Mapdb.open(store)) {
                assertAcknowledged(backend);
            }
        }
    }

    /** Commits the next batch, and records the outcome without a call, which could overflow the stack. */
    private void commit(MapdbBackend backend, Batch[] batches) {
        int number = next++;
        try {
            backend.commit(batches[number]);
            acknowledged[number] = true;
        } catch (BackendException e) {
            // The commit was refused, or its outcome is unknown.
        }
    }

    private void assertAcknowledged(MapdbBackend backend) {
        for (int number = 0; number < next; number++) {
            boolean left = backend.load("alice", "session", "left." + number).isPresent();
            assertThat(backend.load("alice", "session", "right." + number).isPresent())
                    .as("right." + number)
                    .isEqualTo(left);
            if (acknowledged[number]) {
                assertThat(left).as("left." + number).isTrue();
            }
        }
    }

    @Test
    @DisplayName(
            "R31 a stack that overflows anywhere in a load or a listing leaves MapDB's file in use, and nothing locked")
    void read_stackOverflows_othersGoOn() throws Exception {
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.commit(Mapdb.pair("alice", 0, new byte[1 << 16]));
            Mapdb.awaitTrue("all is applied", () -> backend.entries().waiting() == 0);
            WorkingMap map = backend.entries().map();
            Runnable read = () -> assertRead(backend);
            read.run();

            Deep.run(read);

            assertRead(backend);
            assertThat(backend.entries().map()).isSameAs(map);
            backend.commit(Mapdb.pair("alice", 1, new byte[1 << 16]));
            Mapdb.awaitTrue("all is applied", () -> backend.entries().waiting() == 0);
        }
    }

    private static void assertRead(MapdbBackend backend) {
        if (backend.load("alice", "session", "left.0").isEmpty()
                || backend.list("alice").count() != 2) {
            throw new AssertionError("what is committed is not found");
        }
    }

    @Test
    @DisplayName("R31 a close whose stack overflows still completes, and the folder is free")
    void close_stackOverflows_isDone() throws Exception {
        Mapdb.open(path).close();
        MapdbBackend backend = Mapdb.open(path);
        backend.commit(Mapdb.pair("alice", 0, SMALL));
        Deep.run(backend::close);
        backend.close();
        assertThat(path.resolve("closed")).exists();
        try (MapdbBackend reopened = Mapdb.open(path)) {
            assertRead(reopened);
        }
    }
}
