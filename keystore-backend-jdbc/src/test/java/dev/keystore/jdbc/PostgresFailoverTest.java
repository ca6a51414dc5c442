package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionConflictException;
import dev.keystore.core.SignalKeyStores;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A primary that dies, and its synchronous standby that takes its place. */
@Tag("long")
@Timeout(600)
final class PostgresFailoverTest {

    private static final int COMMITS_BEFORE = 200;
    private static final int COMMITS_AFTER = 200;

    @TempDir
    private Path folder;

    private final Map<Integer, Integer> acknowledged = new HashMap<>();
    private int note;
    private int unknown;

    @Test
    @DisplayName(
            "R54 the primary is killed under load and its standby promoted: no acknowledged commit is lost, none is there twice")
    void failover() throws Exception {
        int primaryPort = freePort();
        int standbyPort = freePort();
        Path primaryData = folder.resolve("primary");
        Path standbyData = folder.resolve("standby");
        server(primaryData, primaryPort).start().close();
        copy(primaryData, standbyData);
        Files.createFile(standbyData.resolve("standby.signal"));
        Files.writeString(
                standbyData.resolve("postgresql.auto.conf"),
                "primary_conninfo = 'host=localhost port=" + primaryPort + " user=postgres'\n",
                StandardOpenOption.APPEND);
        try (EmbeddedPostgres primary = server(primaryData, primaryPort)
                        .setServerConfig("synchronous_standby_names", "*")
                        .start();
                EmbeddedPostgres standby = server(standbyData, standbyPort).start()) {
            assertThat(primary.getPort()).isNotEqualTo(standby.getPort());
            String hosts = "localhost:" + primaryPort + ",localhost:" + standbyPort;
            failover(
                    "jdbc:postgresql://" + hosts + "/postgres?user=postgres&targetServerType=primary&socketTimeout=5",
                    primaryData,
                    standbyPort);
            System.out.println(acknowledged.size() + " acknowledged, " + unknown + " unknown");
        }
    }

    private void failover(String url, Path primaryData, int standbyPort) throws Exception {
        try (SignalKeyStores stores = SignalKeyStores.builder()
                .url(url)
                .retry(1_000, Duration.ofMillis(20))
                .open()) {
            SignalKeyStore alice = stores.forContext(Counting.CONTEXT);
            Thread load = new Thread(() -> countTo(alice, COMMITS_BEFORE + COMMITS_AFTER), "load");
            load.start();
            awaitAcknowledged(COMMITS_BEFORE);

            killServer(primaryData);
            promote(standbyPort);

            load.join(TimeUnit.MINUTES.toMillis(5));
            assertThat(load.isAlive()).isFalse();
        }
        Map<Integer, Integer> counted = Counting.counted(Postgres.open(url));
        assertThat(counted).containsAllEntriesOf(acknowledged);
        assertThat(counted.values()).doesNotHaveDuplicates();
        assertThat(counted.size() - acknowledged.size()).isBetween(0, unknown);
    }

    private void countTo(SignalKeyStore store, int count) {
        while (acknowledgedCount() < count) {
            note++;
            try {
                int number = Counting.count(store, note);
                synchronized (acknowledged) {
                    acknowledged.put(number, note);
                }
            } catch (CommitOutcomeUnknownException e) {
                unknown++;
            } catch (CommitFailedException | LoadFailedException | TransactionConflictException e) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
            }
        }
    }

    private int acknowledgedCount() {
        synchronized (acknowledged) {
            return acknowledged.size();
        }
    }

    private void awaitAcknowledged(int count) {
        long deadlineNanos = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
        while (acknowledgedCount() < count) {
            assertThat(System.nanoTime()).isLessThan(deadlineNanos);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
    }

    private static EmbeddedPostgres.Builder server(Path data, int port) {
        return EmbeddedPostgres.builder()
                .setDataDirectory(data)
                .setCleanDataDirectory(false)
                .setPort(port)
                .setPGStartupWait(Duration.ofMinutes(1))
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("wal_level", "replica")
                .setServerConfig("max_wal_senders", "4")
                .setServerConfig("hot_standby", "on");
    }

    /** Kills the postmaster; its children end when they see that it is gone. */
    private static void killServer(Path data) throws IOException {
        long pid = Long.parseLong(
                Files.readAllLines(data.resolve("postmaster.pid")).get(0));
        ProcessHandle postmaster = ProcessHandle.of(pid).orElseThrow();
        postmaster.children().forEach(ProcessHandle::destroyForcibly);
        postmaster.destroyForcibly();
        postmaster.onExit().join();
    }

    private static void promote(int port) throws Exception {
        try (Connection connection =
                        DriverManager.getConnection("jdbc:postgresql://localhost:" + port + "/postgres?user=postgres");
                Statement statement = connection.createStatement()) {
            statement.execute("SELECT pg_promote()");
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                if (!file.getFileName().toString().equals("postmaster.pid")) {
                    Files.copy(file, to.resolve(from.relativize(file).toString()), StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }
    }
}
