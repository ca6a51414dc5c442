package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.keystore.spi.Batch;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bytes that a group of commits allocates on the thread that writes it. */
class JournalAllocationTest {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int VALUE_BYTES = 1_024;
    private static final int COMMITS = 12;
    private static final int VALUES = 2 * COMMITS;
    /** The least of several attempts counts, since the first one loads classes. */
    private static final int TRIES = 20;

    /** The copy in the journal's record, and the one to be applied to the map after the caller may change its array. */
    private static final int COPIES = 2;

    /** What a group allocates besides the copies of its values: 18,720 bytes were measured. */
    private static final int REST = 21_000;

    private MapdbBackend backend;

    @BeforeEach
    void open(@TempDir Path folder) {
        backend = Mapdb.open(folder.resolve("store"));
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    void group_copiesEachValueTwiceAndAllocatesLittleElse() {
        List<Batch> small = group(VALUE_BYTES);
        List<Batch> large = group(2 * VALUE_BYTES);
        long ofSmall = Long.MAX_VALUE;
        long ofLarge = Long.MAX_VALUE;
        for (int n = 0; n < TRIES; n++) {
            ofSmall = Math.min(ofSmall, allocatedBytes(small));
            ofLarge = Math.min(ofLarge, allocatedBytes(large));
        }
        assertThat(ofSmall).isLessThanOrEqualTo((long) COPIES * VALUES * VALUE_BYTES + REST);
        assertThat(ofLarge - ofSmall).isEqualTo((long) COPIES * VALUES * VALUE_BYTES);
    }

    private static List<Batch> group(int bytes) {
        return IntStream.range(0, COMMITS)
                .mapToObj(n -> Mapdb.pair("account-" + n, 0, new byte[bytes]))
                .toList();
    }

    private long allocatedBytes(List<Batch> group) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        backend.commit(group);
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
