package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyStores;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server that is away for a while. */
@Timeout(120)
final class PostgresOutageTest {

    private final String schema = Postgres.newSchema();
    private Proxy proxy;
    private SignalKeyStores stores;
    private SignalKeyStore alice;

    @BeforeEach
    void open() {
        proxy = new Proxy(Postgres.port());
        stores = SignalKeyStores.builder()
                .url(Postgres.url(proxy.port(), schema) + "&socketTimeout=1&loginTimeout=1")
                .retry(3, Duration.ofMillis(20))
                .commitTimeout(Duration.ofSeconds(3))
                .open();
        alice = stores.forContext("alice");
        put("cached", 1);
    }

    @AfterEach
    void close() throws IOException {
        proxy.heal();
        stores.close();
        proxy.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"refuses", "hangs"})
    @DisplayName("R40 R41 a server that refuses or hangs: cached reads go on, what was sent is unknown, what was not is"
            + " not written, then all goes on")
    void outage(String how) {
        if (how.equals("hangs")) {
            proxy.hang();
        } else {
            proxy.refuse();
        }

        assertThatThrownBy(() -> put("a", 1)).isInstanceOf(CommitOutcomeUnknownException.class);
        assertThatThrownBy(() -> put("c", 1))
                .isInstanceOf(CommitFailedException.class)
                .hasMessageContaining("nothing was written");
        assertThat(alice.find(KeyTypes.SESSION, "cached")).hasValue(new byte[] {1});
        assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "b")).isInstanceOf(LoadFailedException.class);
        proxy.heal();

        untilItSucceeds(() -> put("a", 2));
        untilItSucceeds(() -> assertThat(alice.find(KeyTypes.SESSION, "b")).isEmpty());
        assertThat(alice.find(KeyTypes.SESSION, "a")).hasValue(new byte[] {2});
    }

    @Test
    @DisplayName("R40 a commit that meets a server that ended all connections is tried again, and succeeds")
    void connectionsEnded() {
        Postgres.terminateAll(schema);
        put("a", 1);
        Postgres.terminateAll(schema);
        put("b", 1);
        assertThat(stores.stats().retries()).isPositive();
    }

    private void put(String id, int value) {
        alice.put(KeyTypes.SESSION, id, new byte[] {(byte) value});
    }

    private static void untilItSucceeds(Runnable work) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                work.run();
                return;
            } catch (KeyStoreException e) {
                assertThat(System.nanoTime()).isLessThan(deadlineNanos);
            }
        }
    }
}
