package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server that is unreachable for a while. */
@Timeout(120)
final class PostgresOutageTest {

    private final String schema = PostgresFixture.newSchema();
    private FaultProxy proxy;
    private SignalKeyDatabase database;
    private SignalKeyStore alice;

    @BeforeEach
    void open() {
        proxy = new FaultProxy(PostgresFixture.port());
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder()
                .url(PostgresFixture.url(proxy.port(), schema) + "&socketTimeout=1&loginTimeout=1")
                .retry(3, Duration.ofMillis(20))
                .commitTimeout(Duration.ofSeconds(3));
        PostgresFixture.untilItSucceeds(() -> database = builder.open());
        PostgresFixture.untilItSucceeds(() -> alice = database.forContext("alice"));
        PostgresFixture.untilItSucceeds(() -> put("cached", 1));
    }

    @AfterEach
    void close() throws IOException {
        proxy.heal();
        database.close();
        proxy.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"refuses", "hangs"})
    @DisplayName(
            "R40 R41 while a server refuses or hangs, cached reads continue, a sent commit is unknown, one that was not"
                    + " sent is not written, and service resumes")
    void outage(String how) {
        outage(how.equals("hangs") ? proxy::hang : proxy::refuse);
    }

    @Test
    @Tag("long")
    @DisplayName(
            "R27 R40 R41 when answers are delayed for longer than socketTimeout and commitTimeout, while the server"
                    + " gets the statements, the same holds")
    void outage_ofAnswers() {
        outage(proxy::holdAnswers);
    }

    private void outage(Runnable beginning) {
        beginning.run();
        assertThatThrownBy(() -> put("a", 1)).isInstanceOf(CommitOutcomeUnknownException.class);
        assertThatThrownBy(() -> put("c", 1))
                .isInstanceOf(CommitFailedException.class)
                .hasMessageContaining("nothing was written");
        assertThat(alice.find(KeyTypes.SESSION, "cached")).hasValue(new byte[] {1});
        assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "b")).isInstanceOf(LoadFailedException.class);
        proxy.heal();

        PostgresFixture.untilItSucceeds(() -> put("a", 2));
        PostgresFixture.untilItSucceeds(
                () -> assertThat(alice.find(KeyTypes.SESSION, "b")).isEmpty());
        assertThat(alice.find(KeyTypes.SESSION, "a")).hasValue(new byte[] {2});
    }

    @Test
    @DisplayName("R40 a commit after the server ended all connections is retried, and succeeds")
    void connectionsEnded() {
        PostgresFixture.terminateAll(schema);
        put("a", 1);
        PostgresFixture.terminateAll(schema);
        put("b", 1);
        assertThat(database.stats().retries()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @DisplayName(
            "R27 R54 a connection that is closed in one direction is replaced: the commit is written once, and what"
                    + " was acknowledged before is not lost")
    void halfClosed(boolean toServer) {
        try (SignalKeyDatabase patient = SignalKeyDatabase.builder()
                .url(PostgresFixture.url(proxy.port(), schema))
                .retry(1_000, Duration.ofMillis(5))
                .open()) {
            SignalKeyStore counting = patient.forContext(Counting.CONTEXT + toServer);
            for (int i = 1; i <= 5; i++) {
                String uncached = "uncached-" + i;
                assertThat(Counting.count(counting, i)).isEqualTo(i);
                PostgresFixture.untilItSucceeds(() ->
                        assertThat(counting.find(KeyTypes.SESSION, uncached)).isEmpty());
                proxy.halfClose(toServer);
            }
        }
        assertThat(Counting.counted(PostgresFixture.open(PostgresFixture.url(schema)), Counting.CONTEXT + toServer))
                .isEqualTo(Map.of(1, 1, 2, 2, 3, 3, 4, 4, 5, 5));
    }

    @Test
    @Tag("long")
    @DisplayName(
            "R27 under load, no wait exceeds its deadline however the connection fails, and no acknowledged commit is"
                    + " lost")
    void outages_underLoad() throws Exception {
        List<Runnable> outages = List.of(
                proxy::hang,
                proxy::holdAnswers,
                proxy::refuse,
                () -> proxy.halfClose(true),
                () -> proxy.halfClose(false),
                () -> PostgresFixture.terminateAll(schema));
        try (CommitLoad load = new CommitLoad(database)) {
            for (Runnable outage : outages) {
                load.awaitAcknowledged(50);
                outage.run();
                assertThat(secondsOf(() -> put("b", 1))).isLessThan(20);
                assertThat(secondsOf(() -> alice.find(KeyTypes.SESSION, "uncached")))
                        .isLessThan(20);
                proxy.heal();
            }
            load.awaitAcknowledged(50);
            load.stop();
            load.check(() -> PostgresFixture.open(PostgresFixture.url(schema)));
        }
    }

    private static long secondsOf(Runnable work) {
        long startNanos = System.nanoTime();
        try {
            work.run();
        } catch (KeyStoreException e) {
            // Reported in time.
        }
        return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startNanos);
    }

    private void put(String id, int value) {
        alice.put(KeyTypes.SESSION, id, new byte[] {(byte) value});
    }
}
