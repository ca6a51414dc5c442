package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server that is killed under load, and restarted on its folder. */
@Timeout(300)
final class PostgresRestartTest {

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"stopped at once", "killed"})
    @DisplayName("R40 R41 R54 while the server is restarted under load, cached reads continue, commits wait or fail"
            + " truthfully, service resumes, and each acknowledged commit exists once, and no other except"
            + " unknown ones")
    void restart(String how) throws Exception {
        try (RestartablePostgres server = new RestartablePostgres(folder.resolve("data"))) {
            server.start();
            try (SignalKeyDatabase hasty = open(server, Duration.ofSeconds(1));
                    SignalKeyDatabase patient = open(server, Duration.ofMinutes(2));
                    CommitLoad load = new CommitLoad(hasty)) {
                SignalKeyStore bob = patient.forContext("bob");
                load.awaitAcknowledged(200);
                PostgresFixture.untilItSucceeds(() -> hasty.forContext("alice"));
                SignalKeyStore alice = hasty.forContext("alice");
                PostgresFixture.untilItSucceeds(() -> alice.put(KeyTypes.SESSION, "cached", new byte[] {1}));

                crash(server, how);
                CompletableFuture<Void> waiting =
                        CompletableFuture.runAsync(() -> bob.put(KeyTypes.SESSION, "waited", new byte[] {2}));
                load.awaitFailures();
                assertServesFromCacheAlone(alice);
                assertThat(waiting).isNotDone();

                server.start();
                load.awaitAcknowledged(200);
                waiting.get(2, TimeUnit.MINUTES);
                load.stop();
                load.check(() -> PostgresFixture.open(server.url()));
            }
            assertHolds(server, "alice", "cached", 1);
            assertHolds(server, "bob", "waited", 2);
        }
    }

    private static void crash(RestartablePostgres server, String how) throws Exception {
        if (how.equals("killed")) {
            server.kill();
        } else {
            server.stopAtOnce();
        }
    }

    private static void assertServesFromCacheAlone(SignalKeyStore store) {
        assertThat(store.find(KeyTypes.SESSION, "cached")).hasValue(new byte[] {1});
        assertThatThrownBy(() -> store.find(KeyTypes.SESSION, "uncached")).isInstanceOf(LoadFailedException.class);
    }

    private static void assertHolds(RestartablePostgres server, String context, String id, int value) {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(server.url())) {
            assertThat(database.forContext(context).find(KeyTypes.SESSION, id)).hasValue(new byte[] {(byte) value});
        }
    }

    private static SignalKeyDatabase open(RestartablePostgres server, Duration commitTimeout) {
        return SignalKeyDatabase.builder()
                .url(server.url())
                .commitTimeout(commitTimeout)
                .loadTimeout(commitTimeout)
                .retry(1_000, Duration.ofMillis(20))
                .open();
    }
}
