package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bytes that a commit allocates on the committing thread. */
class CommitAllocationTest {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int VALUE_BYTES = 1_024;
    private static final int COPY = 16 + VALUE_BYTES;
    private static final int TRIES = 20;

    /**
     * What a transaction allocates besides the copies of its values: 7,816 bytes were measured, of which some 1,500 are
     * for the attributes of the folder, before and after the commit. The rest, which is less than one copy, is for
     * longer paths.
     */
    private static final int TRANSACTION = 8_800;

    /**
     * What the statement of a commit on PostgreSQL allocates besides the copies of its values: 5,984 bytes were
     * measured, and 20,778 with Jdbi.
     */
    private static final int STATEMENT = 8_000;

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
        assertThat(moreBytes(() -> put(large), () -> put(small))).isEqualTo(2 * VALUE_BYTES);
    }

    @Test
    void transaction_ofOneReadAndOneWrite_copiesOnceMoreAndAllocatesLittleElse() throws Exception {
        byte[] value = new byte[VALUE_BYTES];
        Thread.sleep(300); // since the files were created, so that commits look at the folder only
        put(value);
        long allocated = allocatedBytes(() -> alice.transaction("session:bob.1", tx -> {
            tx.find(KeyTypes.SESSION, "bob.1");
            tx.put(KeyTypes.SESSION, "bob.1", value);
            return tx;
        }));
        assertThat(allocated).isGreaterThan(3 * COPY).isLessThanOrEqualTo(3 * COPY + TRANSACTION);
    }

    @Test
    void commitOnPostgres_copiesEachValueOnceAndAllocatesLittleElse() {
        try (JdbcBackend postgres = PostgresFixture.open(PostgresFixture.url(PostgresFixture.newSchema()))) {
            long epoch = postgres.takeOver("alice");
            AtomicLong sequence = new AtomicLong();
            IntFunction<Runnable> commitOf = bytes -> {
                List<Mutation> puts = List.of(
                        new Mutation.Put("session", "bob.1", new byte[bytes]),
                        new Mutation.Put("sender-key", "bob.1", new byte[bytes]));
                return () -> postgres.commit(List.of(new Batch("alice", epoch, sequence.incrementAndGet(), puts)));
            };
            Runnable small = commitOf.apply(VALUE_BYTES);
            assertThat(allocatedBytes(small)).isLessThanOrEqualTo(2 * COPY + STATEMENT);
            assertThat(moreBytes(commitOf.apply(2 * VALUE_BYTES), small)).isEqualTo(2 * VALUE_BYTES);
        }
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

    /** Makes both commits in turn: code that the JVM compiles meanwhile may allocate less. */
    private static long moreBytes(Runnable large, Runnable small) {
        long ofLarge = Long.MAX_VALUE;
        long ofSmall = Long.MAX_VALUE;
        for (int n = 0; n < TRIES; n++) {
            ofLarge = Math.min(ofLarge, allocatedOnce(large));
            ofSmall = Math.min(ofSmall, allocatedOnce(small));
        }
        return ofLarge - ofSmall;
    }

    private static long allocatedOnce(Runnable call) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        call.run();
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
