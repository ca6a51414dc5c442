package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.Codec;
import dev.keystore.CorruptEntryException;
import dev.keystore.KeyType;
import dev.keystore.LoadFailedException;
import dev.keystore.Updates;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Loads of several entries in one round trip, if the backend supports it. */
@Timeout(60)
class BulkLoadTest extends OpenedDatabase {

    private ContextAwareBackend backend(boolean bulk) {
        return bulk ? FaultyBackend.complete(memory.reopen(), faults) : FaultyBackend.plain(memory.reopen(), faults);
    }

    private static KeyType<String> decodingBad(boolean error) {
        return KeyType.of("fragile", new Codec<>() {
            @Override
            public byte[] encode(String value) {
                return value.getBytes(UTF_8);
            }

            @Override
            public String decode(byte[] bytes) {
                String value = new String(bytes, UTF_8);
                if (!value.equals("bad")) {
                    return value;
                } else if (error) {
                    throw new StackOverflowError("planted");
                }
                throw new IllegalStateException("planted");
            }
        });
    }

    @ParameterizedTest(name = "bulk {0}, error {1}")
    @CsvSource({"true, true", "true, false", "false, true", "false, false"})
    @DisplayName("R43 an id whose codec throws fails its own readers only; the ids loaded with it are readable")
    void get_oneIdsCodecThrows_othersAreReadable(boolean bulk, boolean error) throws Exception {
        open(backend(bulk), UnaryOperator.identity());
        KeyType<String> type = decodingBad(error);
        for (String id : List.of("1", "2", "4")) {
            alice.put(type, id, "good");
        }
        alice.put(type, "3", "bad");
        open(backend(bulk), UnaryOperator.identity());
        Gate gate = faults.on(Operation.LOAD).of("fragile", "4").hold(Moment.AFTER);
        Threads.Running<Map<String, String>> all = Threads.start(() -> alice.get(type, List.of("1", "2", "3", "4")));
        gate.awaitReached();
        Threads.Running<Optional<String>> concurrent =
                Threads.start(() -> alice.find(type, "2")).awaitWaiting();
        gate.open();

        assertThat(all.failure()).isInstanceOf(error ? LoadFailedException.class : CorruptEntryException.class);
        assertThat(concurrent.result()).hasValue("good");
        for (String id : List.of("1", "2", "4")) {
            assertThat(alice.find(type, id)).hasValue("good");
            assertThat(faults.loads("fragile", id)).isEqualTo(1);
        }
    }

    @ParameterizedTest(name = "bulk {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("R2 an id that another thread is loading during a get is not loaded again")
    void get_idLoadedMeanwhile_isLoadedOnce(boolean bulk) {
        int loads = 0;
        for (boolean loaded = true; loaded; loads++) {
            int meanwhile = loads;
            ComparedCodec codec = new ComparedCodec();
            open(backend(bulk), UnaryOperator.identity());
            Updates both = new Updates();
            both.put(codec.writing, "a", 1);
            both.put(codec.writing, "b", 1);
            alice.set(both);
            open(backend(bulk), UnaryOperator.identity());
            alice.find(codec.writing, "other");
            codec.watch(Thread.currentThread(), comparison -> {
                if (comparison == meanwhile) {
                    load(codec, "a");
                }
            });
            Map<String, Integer> read = alice.get(codec.reading, List.of("a", "b"));
            loaded = codec.unwatch() > meanwhile;

            assertThat(read).isEqualTo(Map.of("a", 1, "b", 1));
            assertThat(faults.loads("compared", "a")).isEqualTo(1);
            assertThat(faults.loads("compared", "b")).isEqualTo(1);
        }
        assertThat(loads).isGreaterThan(2);
    }

    private void load(ComparedCodec codec, String id) {
        try {
            Threads.start(() -> alice.find(codec.writing, id)).result();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
