package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Put;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class SqliteConcurrencyTest {

    private static final int LAST = 100;

    @TempDir
    Path folder;

    @Test
    @DisplayName("200 threads commit concurrently, and none gets SQLITE_BUSY")
    void manyCommits() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(folder.resolve("keys.db"))) {
            concurrently(200, number -> {
                backend.commit(pair("context." + number % 10, number, number));
                return backend.load("context." + number % 10, "session", "left." + number)
                        .orElseThrow();
            });

            for (int context = 0; context < 10; context++) {
                assertThat(backend.list("context." + context)).hasSize(40);
            }
        }
    }

    @Test
    @DisplayName("R12 R21 readers see each concurrent commit as a whole, and wait for none")
    void readersSeeWholeCommits() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(folder.resolve("keys.db"))) {
            backend.commit(pair("alice", 0, 0));

            concurrently(7, number -> {
                for (int value = 1; number == 0 && value <= LAST; value++) {
                    backend.commit(pair("alice", 0, value));
                }
                byte[] seen = {0};
                while (seen[0] < LAST) {
                    Map<String, byte[]> pair = backend.loadAll("alice", "session", List.of("left.0", "right.0"));
                    assertThat(pair.get("left.0")).isEqualTo(pair.get("right.0"));
                    assertThat(pair.get("left.0")[0]).isGreaterThanOrEqualTo(seen[0]);
                    seen = pair.get("left.0");
                }
                return seen;
            });
        }
    }

    @Test
    @DisplayName("R60 streams that are neither read to their end nor closed do not prevent other reads")
    void unclosedStreams() {
        try (JdbcBackend backend = SqliteFixture.open(folder.resolve("keys.db"))) {
            List<Mutation> puts = IntStream.range(0, 1_000)
                    .<Mutation>mapToObj(i -> new Put("session", "bob." + i, new byte[] {1}))
                    .toList();
            backend.commit(new Batch("alice", 0, 1, puts));
            List<Iterator<EntryId>> begun = Stream.generate(
                            () -> backend.list("alice").iterator())
                    .limit(100)
                    .toList();
            assertThat(begun)
                    .allSatisfy(iterator -> assertThat(iterator.next().type()).isEqualTo("session"));

            assertThat(backend.load("alice", "session", "bob.7")).isPresent();
            assertThat(begun).allMatch(Iterator::hasNext);
        }
    }

    @Test
    @DisplayName("many backends open one new file concurrently, and all of them write to it")
    void manyOpens() throws Exception {
        Path path = folder.resolve("deep/keys.db");
        concurrently(16, number -> {
            try (JdbcBackend backend = SqliteFixture.open(path)) {
                backend.commit(pair("alice", number, 1));
            }
            return number;
        });

        try (JdbcBackend backend = SqliteFixture.open(path)) {
            assertThat(backend.list("alice")).hasSize(2 * 16);
            assertThat(backend.writer()
                            .handle()
                            .createQuery("PRAGMA integrity_check")
                            .mapTo(String.class)
                            .one())
                    .isEqualTo("ok");
        }
    }

    @Test
    @DisplayName("opening a new file is retried while another connection holds its lock")
    void openWaits() throws Exception {
        Path path = folder.resolve("keys.db");
        try (Connection other = DriverManager.getConnection("jdbc:sqlite:" + path);
                Statement statement = other.createStatement()) {
            statement.execute("BEGIN EXCLUSIVE");
            FutureTask<Long> open = new FutureTask<>(() -> {
                try (JdbcBackend backend = SqliteFixture.open(path)) {
                    return backend.list("alice").count();
                }
            });
            Thread opener = new Thread(open);
            opener.start();

            // It waits in SQLite, and then in Java for its second attempt.
            while (opener.getState() != Thread.State.TIMED_WAITING && opener.isAlive()) {
                Thread.onSpinWait();
            }
            statement.execute("ROLLBACK");

            assertThat(open.get()).isZero();
        }
    }

    @Test
    @DisplayName("R28 close waits for running commits: each is acknowledged and durable, or refused")
    void closeDuringCommits() throws Exception {
        Path path = folder.resolve("keys.db");
        JdbcBackend backend = SqliteFixture.open(path);
        List<Integer> acknowledged = concurrently(9, number -> {
            int commits = 0;
            try {
                while (number > 0 || commits < 20) {
                    backend.commit(pair("context." + number, commits, 1));
                    commits++;
                }
                backend.close();
            } catch (IllegalStateException e) {
                assertThat(e).hasMessageContaining("closed");
            }
            return commits;
        });

        try (JdbcBackend reopened = SqliteFixture.open(path)) {
            for (int number = 0; number < acknowledged.size(); number++) {
                assertThat(reopened.list("context." + number)).hasSize(2 * acknowledged.get(number));
            }
        }
    }

    private static Batch pair(String context, int number, int value) {
        return new Batch(
                context,
                0,
                1,
                List.of(
                        new Put("session", "left." + number, new byte[] {(byte) value}),
                        new Put("session", "right." + number, new byte[] {(byte) value})));
    }

    private static <T> List<T> concurrently(int threads, NumberedWork<T> work) throws Exception {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            CyclicBarrier start = new CyclicBarrier(threads);
            List<Callable<T>> calls = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int number = i;
                calls.add(() -> {
                    start.await();
                    return work.run(number);
                });
            }
            List<T> results = new ArrayList<>();
            for (Future<T> result : executor.invokeAll(calls)) {
                results.add(result.get());
            }
            return results;
        } finally {
            executor.shutdown();
        }
    }

    private interface NumberedWork<T> {

        T run(int number) throws Exception;
    }
}
