package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bytes that a commit on SQLite allocates on the committing thread. */
class CommitAllocationTest {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int VALUE_BYTES = 1_024;
    private static final int COPY = 16 + VALUE_BYTES;
    private static final int TRIES = 20;

    /**
     * What a transaction allocates besides the copies of its values: 6,320 bytes were measured. The rest, which is less
     * than one copy, is for longer paths: each commit checks that they lead to the open files.
     */
    private static final int TRANSACTION = 7_000;

    private SignalKeyDatabase database;
    private SignalKeyStore alice;

    @BeforeEach
    void open(@TempDir Path folder) {
        database = SignalKeyDatabase.builder()
                .backend(SqliteFixture.open(folder.resolve("keys.db")))
                .open();
        alice = database.forContext("alice");
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void put_copiesTheValueForTheCacheAndTheRecord() {
        byte[] small = new byte[VALUE_BYTES];
        byte[] large = new byte[2 * VALUE_BYTES];
        long ofLarge = Long.MAX_VALUE;
        long ofSmall = Long.MAX_VALUE;
        for (int n = 0; n < TRIES; n++) { // in turn: code that the JVM compiles meanwhile may allocate less
            ofLarge = Math.min(ofLarge, allocatedOnce(() -> put(large)));
            ofSmall = Math.min(ofSmall, allocatedOnce(() -> put(small)));
        }
        assertThat(ofLarge - ofSmall).isEqualTo(2 * VALUE_BYTES);
    }

    @Test
    void transaction_ofOneReadAndOneWrite_copiesOnceMoreAndAllocatesLittleElse() {
        byte[] value = new byte[VALUE_BYTES];
        put(value);
        assertThat(allocatedBytes(() -> alice.transaction("session:bob.1", tx -> {
                    tx.find(KeyTypes.SESSION, "bob.1");
                    tx.put(KeyTypes.SESSION, "bob.1", value);
                    return tx;
                })))
                .isGreaterThan(3 * COPY)
                .isLessThanOrEqualTo(3 * COPY + TRANSACTION);
    }

    private void put(byte[] value) {
        value[0]++;
        alice.put(KeyTypes.SESSION, "bob.1", value);
    }

    /** The minimum of several attempts, since the first one loads classes. */
    private static long allocatedBytes(Runnable commit) {
        long least = Long.MAX_VALUE;
        for (int n = 0; n < TRIES; n++) {
            least = Math.min(least, allocatedOnce(commit));
        }
        return least;
    }

    private static long allocatedOnce(Runnable call) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        call.run();
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
