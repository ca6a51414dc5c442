package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Gate;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class KeyStoreOptionsTest extends OpenedDatabase {

    private static final Duration LONGEST = Duration.ofDays(365);

    @Test
    @DisplayName("R27 with the longest durations, commits, reads and locks that wait for each other continue")
    void waits_ofAYear_endWhenTheyCan() throws Exception {
        open(builder -> builder.commitTimeout(LONGEST).loadTimeout(LONGEST).lockTimeout(LONGEST));
        QueuedCommits line = QueuedCommits.behind(faults, () -> put("a", "1"));
        Threads.Running<Boolean> writer = line.add(() -> put("b", "1"));
        Threads.Running<String> reader = Threads.start(() -> session("a")).awaitWaiting();
        Threads.Running<Boolean> holder =
                line.add(() -> alice.useTransaction("k", tx -> tx.put(KeyTypes.SESSION, "c", new byte[1])));
        Threads.Running<Boolean> locker =
                Threads.run(() -> alice.useTransaction("k", tx -> {})).awaitWaiting();
        line.advance();

        assertThat(writer.result()).isTrue();
        assertThat(reader.result()).isEqualTo("1");
        assertThat(holder.result()).isTrue();
        assertThat(locker.result()).isTrue();

        open(builder -> builder.loadTimeout(LONGEST));
        Gate gate = faults.on(Operation.LOAD).hold(Moment.BEFORE);
        Threads.Running<String> loader = Threads.start(() -> session("a"));
        gate.awaitReached();
        Threads.Running<Optional<byte[]>> waiter =
                Threads.start(() -> alice.find(KeyTypes.SESSION, "a")).awaitWaiting();
        gate.open();
        assertThat(loader.result()).isEqualTo("1");
        assertThat(waiter.result()).isPresent();
    }

    @Test
    @DisplayName("R27 a duration that is zero, negative or longer than a year is refused with the option's name")
    void durations_outOfRange_areRefused() {
        Map<String, BiConsumer<SignalKeyDatabase.Builder, Duration>> options = Map.of(
                "lockTimeout", SignalKeyDatabase.Builder::lockTimeout,
                "loadTimeout", SignalKeyDatabase.Builder::loadTimeout,
                "commitTimeout", SignalKeyDatabase.Builder::commitTimeout,
                "retryDelay", (builder, delay) -> builder.retry(5, delay));
        options.forEach((name, option) -> {
            option.accept(SignalKeyDatabase.builder(), Duration.ofNanos(1));
            option.accept(SignalKeyDatabase.builder(), LONGEST);
            for (Duration refused : new Duration[] {
                Duration.ZERO, Duration.ofNanos(-1), LONGEST.plusNanos(1), Duration.ofSeconds(Long.MAX_VALUE)
            }) {
                assertThatThrownBy(() -> option.accept(SignalKeyDatabase.builder(), refused))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining(name)
                        .hasMessageContaining(refused.toString());
            }
        });
    }

    @Test
    @DisplayName("R6 R27 R40 the options in force can be read, and default to the documented values")
    void options_inForce_areReadable() {
        KeyStoreOptions defaults = KeyStoreOptions.builder().build();
        assertThat(defaults.maximumCacheBytes()).isEqualTo(64L << 20);
        assertThat(defaults.lockTimeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(defaults.loadTimeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(defaults.commitTimeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(defaults.commitAttempts()).isEqualTo(5);
        assertThat(defaults.retryDelay()).isEqualTo(Duration.ofMillis(20));
        assertThat(defaults.maximumGroupSize()).isEqualTo(1_024);

        open(builder -> builder.options(defaults)
                .maximumCacheBytes(1)
                .lockTimeout(Duration.ofSeconds(2))
                .loadTimeout(Duration.ofSeconds(3))
                .commitTimeout(Duration.ofSeconds(4))
                .retry(6, Duration.ofMillis(7))
                .maximumGroupSize(8));
        KeyStoreOptions changed = KeyStoreOptions.builder()
                .maximumCacheBytes(1)
                .lockTimeout(Duration.ofSeconds(2))
                .loadTimeout(Duration.ofSeconds(3))
                .commitTimeout(Duration.ofSeconds(4))
                .commitAttempts(6)
                .retryDelay(Duration.ofMillis(7))
                .maximumGroupSize(8)
                .build();
        assertThat(database.options())
                .isEqualTo(changed)
                .hasSameHashCodeAs(changed)
                .hasToString(changed.toString())
                .isEqualTo(changed.toBuilder().build())
                .isNotEqualTo(defaults);
    }
}
