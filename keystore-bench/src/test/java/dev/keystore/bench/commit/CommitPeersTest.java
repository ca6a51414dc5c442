package dev.keystore.bench.commit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.bench.OperationCounters;
import dev.keystore.bench.commit.CommitPeer.EntryKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each peer does what the benchmark measures. */
@Timeout(120)
class CommitPeersTest {

    private static final int THREADS = 4;
    private static final int COMMITS = 5;
    private static final int CONTEXTS = 2;

    @TempDir
    private static Path serverFolder;

    private static BenchPostgres server;

    @TempDir
    private Path folder;

    @BeforeAll
    static void startServer() throws Exception {
        server = BenchPostgres.start(serverFolder);
        String[] property = server.jvmArgument().substring(2).split("=", 2);
        System.setProperty(property[0], property[1]);
    }

    @AfterAll
    static void stopServer() throws Exception {
        server.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"fsync", "synchronous_commit", "full_page_writes"})
    void server_isDurable(String setting) throws Exception {
        assertThat(BenchPostgres.setting(setting)).isEqualTo("on");
    }

    @ParameterizedTest
    @EnumSource
    void commit_ofSeveralThreads_isKeptAfterReopen(CommitPeers peer) throws Exception {
        Dataset stored = Dataset.of(10, CONTEXTS, THREADS);
        try (CommitPeer opened = stored.open(peer, folder)) {
            assertWrites(opened, stored, 0);
            inParallel(opened, stored);
            assertWrites(opened, stored, COMMITS);
        }
        try (CommitPeer reopened = stored.open(peer, folder)) {
            assertWrites(reopened, stored, COMMITS);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"KEYSTORE_SQLITE", "JDBC_SQLITE_TUNED", "JDBC_POSTGRES_ONE_TUNED"})
    void coldRead_ofOneAndOfSeveral_findsEntries(CommitPeers peer) throws Exception {
        ColdReadBenchmark benchmark = new ColdReadBenchmark();
        benchmark.peer = peer;
        benchmark.entries = 1_000;
        benchmark.folder = folder.toString();
        benchmark.open();
        assertThat(benchmark.one(new OperationCounters())).hasSize(Payload.BYTES);
        assertThat(benchmark.several(new OperationCounters())).hasSize(200);
        benchmark.close();
    }

    private static void inParallel(CommitPeer peer, Dataset stored) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                int first = thread;
                running.add(threads.submit(() -> {
                    for (int number = first; number < stored.ids(); number += THREADS) {
                        for (int n = 0; n < COMMITS; n++) {
                            peer.commit(stored.context(number), Dataset.id(number));
                        }
                    }
                    return first;
                }));
            }
            for (Future<?> one : running) {
                one.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static void assertWrites(CommitPeer peer, Dataset stored, int writes) throws Exception {
        String missing = Dataset.id(stored.ids());
        List<String> two = List.of(Dataset.id(0), missing);
        assertThat(peer.findAll(EntryKind.SESSION, stored.context(0), two)).containsOnlyKeys(Dataset.id(0));
        for (int number = 0; number < stored.ids(); number++) {
            for (EntryKind kind : EntryKind.values()) {
                byte[] value = peer.find(kind, stored.context(number), Dataset.id(number));
                assertThat(value).hasSize(Payload.BYTES);
                assertThat(Payload.writes(value)).isEqualTo(writes);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            names = {
                "KEYSTORE_SQLITE",
                "KEYSTORE_POSTGRES",
                "JDBC_SQLITE_GROUPS",
                "JDBC_SQLITE_GROUPS_TUNED",
                "APPEND",
                "APPEND_GROUPS"
            })
    void fsyncs_ofOneThread_equalItsCommits(CommitPeers peer) throws Exception {
        Dataset stored = Dataset.of(10, 1, 1);
        try (CommitPeer opened = stored.open(peer, folder)) {
            long before = opened.fsyncs().orElseThrow();
            for (int n = 0; n < COMMITS; n++) {
                opened.commit(stored.context(0), Dataset.id(0));
            }
            assertThat(opened.fsyncs().orElseThrow() - before).isEqualTo(COMMITS);
        }
    }
}
