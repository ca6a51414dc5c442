package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.ContextAwareBackend;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Loads come from any number of threads at once, beside one write at a time for each context. */
abstract class ConcurrencyContract extends WritingContract {

    private static final int WRITES = 200;

    ConcurrencyContract(BackendContractTest test, Way way) {
        super(test, way);
    }

    @Test
    @DisplayName("R4 a load on any thread sees what was acknowledged before it began, whole")
    void load_besideWriter_isNeitherStaleNorTorn() throws Exception {
        AtomicInteger acknowledged = new AtomicInteger();
        AtomicInteger looks = new AtomicInteger();
        AtomicBoolean done = new AtomicBoolean();
        Together.Task writer = () -> {
            try {
                for (int i = 1; i <= WRITES || (looks.get() < 500 && i < 100_000); i++) {
                    save(CONTEXT, TYPE, "id", numbered(i));
                    acknowledged.set(i);
                }
            } finally {
                done.set(true);
            }
        };
        Together.Task reader = () -> {
            while (!done.get()) {
                int expected = acknowledged.get();
                assertThat(number(entries().load(CONTEXT, TYPE, "id")))
                        .as("number loaded after %s was acknowledged", expected)
                        .isGreaterThanOrEqualTo(expected);
                looks.incrementAndGet();
            }
        };
        Together.run(List.of(writer, reader, reader, reader));
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
