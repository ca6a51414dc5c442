package dev.keystore.jdbc;

import dev.keystore.core.SignalKeyStores;
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

/** A primary that dies, and its synchronous standby that takes its place. */
@Tag("long")
@Timeout(600)
final class PostgresFailoverTest {

    private static final int COMMITS = 1_000;

    @TempDir
    private Path folder;

    @Test
    @DisplayName(
            "R54 the primary is killed under load and its standby promoted: no acknowledged commit is lost, none is there twice")
    void failover() throws Exception {
        Path primaryData = folder.resolve("primary");
        Path standbyData = folder.resolve("standby");
        try (PostgresServer primary = new PostgresServer(primaryData);
                PostgresServer standby = new PostgresServer(standbyData)) {
            primary.create();
            copy(primaryData, standbyData);
            follow(standbyData, primary.port());
            primary.startWithStandby();
            standby.start();
            failover(primary, standby);
        }
    }

    private static void failover(PostgresServer primary, PostgresServer standby) throws Exception {
        String url = "jdbc:postgresql://localhost:" + primary.port() + ",localhost:" + standby.port()
                + "/postgres?user=postgres&targetServerType=primary&socketTimeout=5";
        try (SignalKeyStores stores = SignalKeyStores.builder()
                        .url(url)
                        .retry(1_000, Duration.ofMillis(20))
                        .open();
                Load load = new Load(stores)) {
            load.awaitAcknowledged(COMMITS);
            primary.kill();
            promote(standby);
            load.awaitAcknowledged(COMMITS);
            load.stop();
            load.check(() -> Postgres.open(url));
        }
    }

    /** Makes a copy of the stopped primary's folder that of its standby. */
    private static void follow(Path standbyData, int primaryPort) throws IOException {
        Files.createFile(standbyData.resolve("standby.signal"));
        Files.writeString(
                standbyData.resolve("postgresql.auto.conf"),
                "primary_conninfo = 'host=localhost port=" + primaryPort + " user=postgres'\n",
                StandardOpenOption.APPEND);
    }

    private static void promote(PostgresServer standby) throws Exception {
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
