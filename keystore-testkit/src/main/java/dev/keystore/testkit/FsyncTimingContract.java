package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.FsyncTiming;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The receiver of the times of fsyncs gets those that a writing thread has waited for. */
abstract class FsyncTimingContract extends Contract {

    private static final int WRITES = 3;

    /** The times in nanoseconds that the thread of this test received. */
    private final List<Long> own = new ArrayList<>();

    private final List<String> otherThreads = Collections.synchronizedList(new ArrayList<>());

    FsyncTimingContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void reportFsyncs() {
        Thread test = Thread.currentThread();
        backend().require(FsyncTiming.class).reportFsyncs(nanos -> {
            if (Thread.currentThread() == test) {
                own.add(nanos);
            } else {
                otherThreads.add(Thread.currentThread().getName());
            }
        });
    }

    private void write(String id) {
        backend().putAll(CONTEXT, List.of(put(id, "value")));
    }

    @Test
    @DisplayName("R100 each write reports its fsync before it returns, on its thread, and no more time than it took")
    void write_reportsItsFsync() {
        write("0");
        for (int n = 1; n <= WRITES; n++) {
            own.clear();
            long start = System.nanoTime();
            write(Integer.toString(n));
            long elapsed = System.nanoTime() - start;

            assertThat(own).as("times of write %d", n).isNotEmpty().allMatch(nanos -> nanos >= 0);
            assertThat(own.stream().mapToLong(Long::longValue).sum()).isLessThanOrEqualTo(elapsed);
        }
        assertThat(otherThreads).isEmpty();
    }

    @Test
    @DisplayName("R100 reads report no fsync")
    void read_reportsNothing() {
        write("1");
        own.clear();

        assertHolds("1", "value");
        assertAbsent("2");

        assertThat(own).isEmpty();
    }
}
