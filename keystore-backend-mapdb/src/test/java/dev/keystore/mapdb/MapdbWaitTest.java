package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.StoreOpenException;
import dev.keystore.testkit.FailureAssertions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Calls that wait for a thread that is stopped within a commit, and calls that do not. */
@Timeout(120)
class MapdbWaitTest {

    private static final byte[] SMALL = {1};

    @TempDir
    private Path folder;

    @Test
    @DisplayName(
            "R27 loads and listings don't wait for a thread that is stopped within a commit; commits and close fail"
                    + " at their deadlines")
    void read_duringStoppedCommit_doesNotWait() throws Exception {
        Path path = folder.resolve("store");
        MapdbBackend backend = Mapdb.open(path, Duration.ofMillis(100));
        backend.commit(Mapdb.pair("alice", 0, SMALL));
        CountDownLatch stopped = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        FutureTask<Boolean> commit = new FutureTask<>(() -> backend.writer().whileLocked(() -> {
            stopped.countDown();
            return await(goOn);
        }));
        new Thread(commit, "stopped").start();
        stopped.await();
        try {
            assertThat(backend.load("alice", "session", "left.0")).contains(SMALL);
            assertThat(backend.loadAll("alice", "session", List.of("left.0", "left.1")))
                    .containsOnlyKeys("left.0");
            assertThat(backend.list("alice")).hasSize(2);
            assertThat(backend.scan("alice", "session", "right")).containsExactly("right.0");

            FailureAssertions.assertTransient(() -> backend.commit(Mapdb.pair("alice", 1, SMALL)))
                    .withMessage(path + ": could not commit: another thread's commit has not ended within 100 ms");
            assertThat(backend.list("alice")).hasSize(2);

            FailureAssertions.assertPermanent(backend::close).withMessageContaining("is still running");
            assertThat(catchThrowableOfType(StoreOpenException.class, () -> Mapdb.open(path)))
                    .hasMessageContaining("it is already open in this process");
        } finally {
            goOn.countDown();
        }
        assertThat(commit.get()).isTrue();
        Mapdb.closeAtLast(backend);
        assertThat(path.resolve("closed")).exists();
        try (MapdbBackend reopened = Mapdb.open(path)) {
            assertThat(reopened.list("alice")).hasSize(2);
        }
    }

    private static boolean await(CountDownLatch latch) {
        try {
            return latch.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            return false;
        }
    }

    @Test
    @DisplayName("R27 readers that pin all carriers don't wait for a virtual thread that commits without a carrier")
    void read_alongsideVirtualThreadWithoutCarrier_doesNotWait() throws Exception {
        assumeTrue(Runtime.version().feature() >= 21, "virtual threads need JDK 21");
        String said = Mapdb.java(
                "-Djdk.virtualThreadScheduler.parallelism=1",
                "-Djdk.virtualThreadScheduler.maxPoolSize=1",
                "-cp",
                System.getProperty("java.class.path"),
                PinnedReads.class.getName(),
                folder.resolve("store").toString());
        assertThat(said).contains("read during the commit").contains("all commits done");
    }
}
