package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.core.Fixture.Kind;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The lines that {@link SlowTransactionLog} logs, through the logging of the engine. */
class SlowTransactionLogTest {

    private final LoggedTransactions logged = new LoggedTransactions();

    @AfterEach
    void close() {
        logged.close();
    }

    private static void end(SlowTransactionLog log, long waitMillis, boolean succeeded) {
        log.onTransaction(
                Set.of("session:{}", "session:alice.1"),
                TimeUnit.MILLISECONDS.toNanos(waitMillis),
                TimeUnit.MILLISECONDS.toNanos(20),
                TimeUnit.MILLISECONDS.toNanos(3),
                succeeded);
    }

    @Test
    @DisplayName("R101 a transaction over the threshold is logged with its times and without its lock keys")
    void onTransaction_slow_logsTheTimes() {
        SlowTransactionLog log = SlowTransactionLog.over(Duration.ofSeconds(1));

        end(log, 977, true);
        end(log, 1_977, true);
        end(log, 1_977, false);

        assertThat(logged.lines())
                .containsExactly(
                        "WARN A transaction was slow: it waited 1977 ms for its locks, worked 20 ms and"
                                + " committed 3 ms",
                        "WARN A transaction was slow and failed: it waited 1977 ms for its locks, worked 20 ms and"
                                + " committed 3 ms");
    }

    @Test
    @DisplayName("a threshold that no long can hold in nanoseconds is never reached")
    void over_hugeThreshold_logsNothing() {
        end(SlowTransactionLog.over(Duration.ofDays(365L * 1_000)), Long.MAX_VALUE / 2_000_000, true);

        assertThat(logged.lines()).isEmpty();
    }

    @Test
    @DisplayName("lock keys are logged on request, and may contain braces")
    void onTransaction_withLockKeys_namesThem() {
        end(SlowTransactionLog.over(Duration.ZERO).withLockKeys(), 1, true);

        assertThat(logged.lines())
                .singleElement()
                .asString()
                .startsWith("WARN A transaction with lock keys [session:alice.1, session:{}] was slow: ");
    }

    @Test
    @DisplayName("as a listener of a database, it logs each transaction that is slow")
    void listener_transaction_isLogged() {
        try (Fixture fixture =
                Fixture.of(Kind.COMPLETE, options -> options.listener(SlowTransactionLog.over(Duration.ZERO)))) {
            fixture.alice.useTransaction("k", tx -> tx.put(KeyTypes.SESSION, "a", bytes("1")));
        }

        assertThat(logged.lines()).hasSize(1);
    }

    @Test
    void over_negativeThreshold_isRefused() {
        assertThatThrownBy(() -> SlowTransactionLog.over(Duration.ofNanos(-1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("threshold must not be negative, was PT-0.000000001S");
        assertThatThrownBy(() -> SlowTransactionLog.over(null))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("threshold");
    }
}
