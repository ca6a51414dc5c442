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

/** Loads come from any number of threads at once, beside one write at a time for each context. */
abstract class ConcurrencyContract extends WritingContract {

    ConcurrencyContract(BackendContractTest test, Way way) {
        super(test, way);
    }

    @Test
    @DisplayName("R4 a load on any thread sees what another thread has written")
    void load_onOtherThreads_isUpToDate() throws Exception {
        Together.Turn writer = number -> {
            save("lasting", "value " + number);
            if (number % 2 == 1) {
                save("coming and going", "value " + number);
            } else {
                remove("coming and going");
            }
        };
        Together.Turn reader = number -> {
            assertHolds("lasting", "value " + number);
            if (number % 2 == 1) {
                assertHolds("coming and going", "value " + number);
            } else {
                assertAbsent("coming and going");
            }
        };
        Together.inStep(20, writer, List.of(reader, reader, reader));
    }

    @Test
    @DisplayName("R4 a load beside a save sees the value before or the one after, whole, and none that is older")
    void load_besideWriter_isNeitherStaleNorTorn() throws Exception {
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
    @DisplayName("R50 threads that write at the same time, each to a context of its own, lose nothing")
    void save_toContextsAtTheSameTime_keepsAll() throws Exception {
        backend().claimed(ContextAwareBackend.class);
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

    /** A value that tells if it is made of two: some pages of one number. */
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
        assertThat(value.get()).as("value of one number").isEqualTo(numbered(number));
        return number;
    }
}
