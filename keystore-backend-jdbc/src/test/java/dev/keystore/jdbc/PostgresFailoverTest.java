package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A primary that is killed, and a standby that is promoted, or answers at the primary's address. */
@Tag("long")
@Timeout(600)
final class PostgresFailoverTest {

    private static final int COMMITS = 1_000;

    @TempDir
    private Path folder;

    @Test
    @DisplayName("R54 when the primary is killed under load and its standby promoted, each acknowledged commit exists"
            + " exactly once")
    void failover() throws Exception {
        Path primaryData = folder.resolve("primary");
        Path standbyData = folder.resolve("standby");
        try (RestartablePostgres primary = new RestartablePostgres(primaryData);
                RestartablePostgres standby = new RestartablePostgres(standbyData)) {
            primary.create();
            copy(primaryData, standbyData);
            follow(standbyData, primary.port());
            primary.startWithStandby();
            standby.start();
            failover(primary, standby);
        }
    }

    @Test
    @DisplayName("R40 R41 while an address leads to a standby, commits fail with nothing written, nothing is read"
            + " from the standby, which lags behind, and service resumes when the address leads to the primary")
    void standbyForAMoment() throws Exception {
        Path primaryData = folder.resolve("primary");
        Path standbyData = folder.resolve("standby");
        try (RestartablePostgres primary = new RestartablePostgres(primaryData);
                RestartablePostgres standby = new RestartablePostgres(standbyData)) {
            primary.start();
            try (SignalKeyDatabase database = SignalKeyDatabase.open(primary.url())) {
                database.forContext("alice").put(KeyTypes.SESSION, "a", new byte[] {1});
            }
            primary.stop();
            copy(primaryData, standbyData);
            standby.makeStandby();
            primary.start();
            standby.start();
            try (FaultProxy proxy = new FaultProxy(primary.port());
                    SignalKeyDatabase database = SignalKeyDatabase.builder()
                            .url("jdbc:postgresql://localhost:" + proxy.port() + "/postgres?user=postgres")
                            .retry(3, Duration.ofMillis(20))
                            .commitTimeout(Duration.ofSeconds(10))
                            .open()) {
                standbyForAMoment(primary, standby, proxy, database.forContext("alice"));
            }
        }
    }

    private static void standbyForAMoment(
            RestartablePostgres primary, RestartablePostgres standby, FaultProxy proxy, SignalKeyStore alice) {
        alice.put(KeyTypes.SESSION, "b", new byte[] {2});
        proxy.leadTo(standby.port());

        assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "b", new byte[] {3}))
                .isInstanceOf(CommitOutcomeUnknownException.class);
        assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "a"))
                .isInstanceOf(LoadFailedException.class)
                .hasMessageContaining("the server is a standby");
        proxy.leadNewTo(primary.port());

        PostgresFixture.untilItSucceeds(() -> alice.put(KeyTypes.SESSION, "b", new byte[] {4}));
        PostgresFixture.untilItSucceeds(
                () -> assertThat(alice.find(KeyTypes.SESSION, "a")).hasValue(new byte[] {1}));
        assertThat(alice.find(KeyTypes.SESSION, "b")).hasValue(new byte[] {4});
    }

    private static void failover(RestartablePostgres primary, RestartablePostgres standby) throws Exception {
        String url = "jdbc:postgresql://localhost:" + primary.port() + ",localhost:" + standby.port()
                + "/postgres?user=postgres&targetServerType=primary&socketTimeout=5";
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                        .url(url)
                        .retry(1_000, Duration.ofMillis(20))
                        .open();
                CommitLoad load = new CommitLoad(database)) {
            load.awaitAcknowledged(COMMITS);
            primary.kill();
            promote(standby);
            load.awaitAcknowledged(COMMITS);
            load.stop();
            load.check(() -> PostgresFixture.open(url));
        }
    }

    /** Copies the stopped primary's folder for a standby. */
    private static void follow(Path standbyData, int primaryPort) throws IOException {
        Files.createFile(standbyData.resolve("standby.signal"));
        Files.writeString(
                standbyData.resolve("postgresql.auto.conf"),
                "primary_conninfo = 'host=localhost port=" + primaryPort + " user=postgres'\n",
                StandardOpenOption.APPEND);
    }

    private static void promote(RestartablePostgres standby) throws Exception {
        try (Connection connection = DriverManager.getConnection(standby.url());
                Statement statement = connection.createStatement()) {
            statement.execute("SELECT pg_promote()");
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
