package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.TransactionOptions;
import dev.keystore.core.KeyStoreStats;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The engine on a real file. */
@Timeout(120)
class StoreOnSqliteTest {

    @TempDir
    private Path folder;

    private String url;

    @BeforeEach
    void name() {
        url = "jdbc:sqlite:" + folder.resolve("keys.db");
    }

    @Test
    @DisplayName("R11 R19 acknowledged commits are there after close and open, credentials included")
    void open_again_findsEverything() {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", new byte[] {1, 2, 3});
            alice.saveCredentials(new byte[] {4});
            database.forContext("carol").put(KeyTypes.SESSION, "bob.1", new byte[] {5});
        }
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            SignalKeyStore alice = database.forContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).hasValue(new byte[] {1, 2, 3});
            assertThat(alice.credentials()).hasValue(new byte[] {4});
            alice.clear();
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).isEmpty();
            assertThat(alice.credentials()).hasValue(new byte[] {4});
            alice.erase();
            assertThat(alice.credentials()).isEmpty();
            assertThat(database.forContext("carol").find(KeyTypes.SESSION, "bob.1"))
                    .hasValue(new byte[] {5});
        }
    }

    @Test
    @DisplayName(
            "R31 opening a database near the end of the stack succeeds, or fails before anything is created or locked")
    void open_littleStack_leavesNothing() throws Exception {
        SignalKeyDatabase.open(url).close();
        String other = url.replace("keys.db", "new/keys.db");
        AtomicInteger overflows = new AtomicInteger();
        List<Path> left = new ArrayList<>();
        FutureTask<Boolean> deep = new FutureTask<>(() -> openAtEachDepth(other, overflows, left));
        new Thread(null, deep, "deep", 256 * 1024).start();

        assertThat(deep.get()).as("opened with enough stack").isTrue();
        assertThat(overflows).as("openings without enough stack").hasPositiveValue();
        assertThat(left).as("what openings without enough stack left").isEmpty();
    }

    /** Opens a database at each depth of the stack, from the deepest up, until that succeeds. */
    @SuppressWarnings("InfiniteRecursion") // it is meant to end with the stack
    private boolean openAtEachDepth(String other, AtomicInteger overflows, List<Path> left) {
        try {
            if (openAtEachDepth(other, overflows, left)) {
                return true;
            }
        } catch (StackOverflowError e) {
            // The end of the stack.
        }
        try {
            SignalKeyDatabase.open(other).close();
            return true;
        } catch (StackOverflowError e) {
            overflows.incrementAndGet();
            if (Files.exists(folder.resolve("new"))) {
                left.add(folder.resolve("new"));
            }
            return false;
        }
    }

    @Test
    @DisplayName("R24 of 200 concurrent transactions on one file none is refused, and none gets SQLITE_BUSY")
    void transaction_twoHundredAtOnce_allSucceed() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            SignalKeyStore alice = database.forContext("alice");
            inParallel(
                    200,
                    5,
                    thread -> alice.transaction("key-" + thread, TransactionOptions.retryOnConflict(1_000_000), tx -> {
                        int before = tx.find(KeyTypes.SESSION, "counter")
                                .map(value -> ByteBuffer.wrap(value).getInt())
                                .orElse(0);
                        tx.put(KeyTypes.SESSION, "counter", intBytes(before + 1));
                        tx.put(KeyTypes.SESSION, "own-" + thread, intBytes(before));
                        return before;
                    }));
            assertThat(ByteBuffer.wrap(alice.find(KeyTypes.SESSION, "counter").orElseThrow())
                            .getInt())
                    .isEqualTo(1_000);
            try (var ids = alice.ids(KeyTypes.SESSION, "own-")) {
                assertThat(ids).hasSize(200);
            }
        }
    }

    @Test
    @DisplayName("R24 of 100 concurrent takes of one pre-key on a file, one gets it")
    void take_hundredAtOnce_oneWins() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.IDENTITY_KEY, "17", new byte[] {17});
            List<Boolean> won = inParallel(
                    100, 1, thread -> alice.take(KeyTypes.IDENTITY_KEY, "17").isPresent());
            assertThat(won).containsOnlyOnce(true).hasSize(100);
        }
    }

    @Test
    @DisplayName("R20 16 threads that commit to a file share its fsyncs on any disk: each carries several commits")
    void commit_sixteenThreads_shareFsyncs() throws Exception {
        Faults slow = new Faults();
        slow.on(Operation.COMMIT).forever().run(Moment.BEFORE, StoreOnSqliteTest::takeAMilli);
        Backend file = FaultyBackend.complete(SqliteFixture.open(folder.resolve("keys.db")), slow);
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(file).open()) {
            SignalKeyStore alice = database.forContext("alice");
            inParallel(
                    16,
                    200,
                    thread -> alice.transaction("key-" + thread, tx -> {
                        byte[] session = new byte[1024];
                        ThreadLocalRandom.current().nextBytes(session);
                        tx.put(KeyTypes.SESSION, "bob." + thread, session);
                        return null;
                    }));
            KeyStoreStats stats = database.stats();
            double fsyncs = (double) stats.writes() / stats.commits();
            System.out.printf(
                    "16 threads on SQLite: %d commits in %d writes, %.3f fsyncs a commit, largest group %d%n",
                    stats.commits(), stats.writes(), fsyncs, stats.largestGroup());
            assertThat(stats.commits()).isEqualTo(3_200);
            assertThat(fsyncs).isLessThan(0.2);
        }
    }

    private static void takeAMilli() {
        try {
            Thread.sleep(1);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @DisplayName("R41 a full disk fails the commit and loses nothing; once there is space, commits continue")
    void commit_diskFull_failsAndGoesOn() throws Exception {
        try (Tmpfs small = Tmpfs.mount(Files.createDirectory(folder.resolve("small")), "size=2m")) {
            Path file = small.folder().resolve("keys.db");
            try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + file)) {
                SignalKeyStore alice = database.forContext("alice");
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
            try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + file)) {
                SignalKeyStore alice = database.forContext("alice");
                assertThat(alice.get(KeyTypes.SESSION, List.of("before", "after")))
                        .containsOnlyKeys("before", "after");
                assertThat(alice.verify()).isEmpty();
            }
        }
    }

    @Test
    @DisplayName("R62 an unknown scheme is refused with the providers found, and creates nothing")
    void open_unknownScheme_listsProviders() throws Exception {
        assertThatThrownBy(() -> SignalKeyDatabase.open("jdbc:nosuch:" + folder.resolve("keys.db")))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("jdbc:nosuch")
                .hasMessageContaining("jdbc:sqlite");
        try (var files = Files.list(folder)) {
            assertThat(files).isEmpty();
        }
    }

    /** Fills the volume of a folder. */
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

    private static byte[] intBytes(int number) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
    }

    @FunctionalInterface
    private interface NumberedWork<T> {
        T run(int thread) throws Exception;
    }

    private static <T> List<T> inParallel(int threads, int times, NumberedWork<T> work) throws Exception {
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
