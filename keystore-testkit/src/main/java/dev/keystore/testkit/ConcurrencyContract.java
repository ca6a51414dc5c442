package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.ContextAwareBackend;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Any number of threads load concurrently, while one thread at a time writes to each context. */
abstract class ConcurrencyContract extends WritingContract {

    ConcurrencyContract(BackendFixture fixture, Way way) {
        super(fixture, way);
    }

    @Test
    @DisplayName("R4 a load sees the completed writes of other threads")
    void load_onOtherThreads_isUpToDate() throws Exception {
        Together.Turn writer = number -> {
            save("permanent", "value " + number);
            if (number % 2 == 1) {
                save("temporary", "value " + number);
            } else {
                remove("temporary");
            }
        };
        Together.Turn reader = number -> {
            assertHolds("permanent", "value " + number);
            if (number % 2 == 1) {
                assertHolds("temporary", "value " + number);
            } else {
                assertAbsent("temporary");
            }
        };
        Together.inStep(20, writer, List.of(reader, reader, reader));
    }

    @Test
    @DisplayName("R4 a load during a save returns the complete old or new value, never an older one")
    void load_duringSaves_isNeitherStaleNorTorn() throws Exception {
        AtomicInteger acknowledged = new AtomicInteger();
        Together.Turn writer = number -> {
            save(CONTEXT, TYPE, "id", numbered(number));
            acknowledged.set(number);
        };
        Together.Task reader = () -> {
            int expected = acknowledged.get();
            assertThat(number(entries().load(CONTEXT, TYPE, "id")))
                    .as("number loaded after %s was acknowledged", expected)
                    .isGreaterThanOrEqualTo(expected);
        };
        Together.race(200, writer, reader, reader, reader);
    }

    @Test
    @DisplayName("R50 concurrent writes to different contexts are all kept")
    void save_toContextsConcurrently_keepsAll() throws Exception {
        backend().require(ContextAwareBackend.class);
        List<Together.Task> writers = new ArrayList<>();
        for (int thread = 0; thread < 4; thread++) {
            String context = "context " + thread;
            writers.add(() -> {
                for (int i = 0; i < 50; i++) {
                    save(context, TYPE, "id " + i, bytes(context + " " + i));
                    save(context, TYPE, "removed", bytes("value"));
                    assertHolds(context, TYPE, "id " + i, bytes(context + " " + i));
                    remove(context, TYPE, "removed");
                }
            });
        }
        Together.run(writers);
        for (int thread = 0; thread < 4; thread++) {
            for (int i = 0; i < 50; i++) {
                assertHolds("context " + thread, TYPE, "id " + i, bytes("context " + thread + " " + i));
            }
            assertAbsent("context " + thread, TYPE, "removed");
        }
    }

    /** Returns several pages filled with one number, which show if they are a mix of two values. */
    private static byte[] numbered(int number) {
        ByteBuffer value = ByteBuffer.allocate(3 * 4096);
        while (value.hasRemaining()) {
            value.putInt(number);
        }
        return value.array();
    }

    private static int number(Optional<byte[]> value) {
        if (value.isEmpty()) {
            return 0;
        }
        int number = ByteBuffer.wrap(value.get()).getInt();
        assertThat(value.get()).as("value, which consists of one number").isEqualTo(numbered(number));
        return number;
    }
}
