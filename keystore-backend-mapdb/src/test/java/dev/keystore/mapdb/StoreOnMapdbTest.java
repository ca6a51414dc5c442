package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.KeyStoreStats;
import dev.keystore.core.SignalKeyStores;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The engine on a real folder. */
@Timeout(120)
class StoreOnMapdbTest {

    @TempDir
    private Path folder;

    private String url;

    @BeforeEach
    void name() {
        url = "mapdb:" + folder.resolve("store");
    }

    @Test
    @DisplayName("R11 R19 what was acknowledged is there after close and open, credentials included")
    void open_again_findsEverything() {
        try (SignalKeyStores stores = SignalKeyStores.open(url)) {
            SignalKeyStore alice = stores.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", new byte[] {1, 2, 3});
            alice.saveCredentials(new byte[] {4});
            stores.forContext("carol").put(KeyTypes.SESSION, "bob.1", new byte[] {5});
        }
        try (SignalKeyStores stores = SignalKeyStores.open(url)) {
            SignalKeyStore alice = stores.forContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).hasValue(new byte[] {1, 2, 3});
            assertThat(alice.credentials()).hasValue(new byte[] {4});
            alice.clear();
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).isEmpty();
            assertThat(alice.credentials()).hasValue(new byte[] {4});
            alice.erase();
            assertThat(alice.credentials()).isEmpty();
            assertThat(stores.forContext("carol").find(KeyTypes.SESSION, "bob.1"))
                    .hasValue(new byte[] {5});
        }
    }

    @Test
    @DisplayName("R20 16 threads that commit to a file share its fsyncs: each write carries several commits")
    void commit_sixteenThreads_shareFsyncs() throws Exception {
        try (SignalKeyStores stores = SignalKeyStores.open(url)) {
            SignalKeyStore alice = stores.forContext("alice");
            inParallel(
                    16,
                    200,
                    thread -> alice.transaction("key-" + thread, tx -> {
                        byte[] session = new byte[1024];
                        ThreadLocalRandom.current().nextBytes(session);
                        tx.put(KeyTypes.SESSION, "bob." + thread, session);
                        return null;
                    }));
            KeyStoreStats stats = stores.stats();
            double fsyncs = (double) stats.writes() / stats.commits();
            System.out.printf(
                    "16 threads on MapDB: %d commits in %d writes, %.3f fsyncs a commit, largest group %d%n",
                    stats.commits(), stats.writes(), fsyncs, stats.largestGroup());
            assertThat(stats.commits()).isEqualTo(3_200);
            assertThat(fsyncs).isLessThan(0.2);
        }
    }

    @Test
    @DisplayName("R41 a full disk fails the commit and loses nothing; once there is room, commits go on")
    void commit_diskFull_failsAndGoesOn() throws Exception {
        try (Tmpfs small = Tmpfs.mount(Files.createDirectory(folder.resolve("small")), "size=24m")) {
            Path file = small.folder().resolve("store");
            try (SignalKeyStores stores = SignalKeyStores.open("mapdb:" + file)) {
                SignalKeyStore alice = stores.forContext("alice");
                alice.put(KeyTypes.SESSION, "before", new byte[] {1});
                Path filler = fill(small.folder());
                assertThatThrownBy(() -> {
                            for (int i = 0; i < 100; i++) {
                                alice.put(KeyTypes.SESSION, "big", new byte[100_000 + i]);
                            }
                        })
                        .isInstanceOf(CommitFailedException.class)
                        .hasMessageContaining("nothing was written")
                        .hasMessageContaining("free some space");
                assertThat(alice.find(KeyTypes.SESSION, "before")).hasValue(new byte[] {1});
                Files.delete(filler);
                alice.put(KeyTypes.SESSION, "after", new byte[] {2});
            }
            try (SignalKeyStores stores = SignalKeyStores.open("mapdb:" + file)) {
                SignalKeyStore alice = stores.forContext("alice");
                assertThat(alice.get(KeyTypes.SESSION, List.of("before", "after")))
                        .containsOnlyKeys("before", "after");
                assertThat(alice.verify()).isEmpty();
            }
        }
    }

    /** Leaves no room on the volume of a folder. */
    private static Path fill(Path volume) throws IOException {
        Path filler = volume.resolve("filler");
        try (OutputStream out = Files.newOutputStream(filler)) {
            while (true) {
                out.write(new byte[4096]);
            }
        } catch (IOException full) {
            return filler;
        }
    }

    @FunctionalInterface
    private interface Work<T> {
        T run(int thread) throws Exception;
    }

    private static <T> List<T> inParallel(int threads, int times, Work<T> work) throws Exception {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            CountDownLatch begin = new CountDownLatch(1);
            List<Future<T>> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int thread = i;
                running.add(executor.submit(() -> {
                    begin.await();
                    T last = work.run(thread);
                    for (int n = 1; n < times; n++) {
                        last = work.run(thread);
                    }
                    return last;
                }));
            }
            begin.countDown();
            List<T> results = new ArrayList<>();
            for (Future<T> one : running) {
                results.add(one.get(60, TimeUnit.SECONDS));
            }
            return results;
        } finally {
            executor.shutdownNow();
        }
    }
}
