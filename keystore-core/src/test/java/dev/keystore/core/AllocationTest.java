package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.keystore.KeyTypes;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.KeyStoreListener;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The bytes that a cached read and a commit allocate on the calling thread: exactly these when it is interpreted, fewer
 * once the compiler eliminates the objects that do not escape. A read allocates no more with a listener than without
 * (R100).
 */
@ParameterizedClass(name = "listener: {0}")
@ValueSource(booleans = {false, true})
class AllocationTest {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int VALUE_BYTES = 1_024;
    private static final int TRIES = 10;

    private static final int COPY = 16 + VALUE_BYTES;
    private static final int KEY = 24;
    private static final int OPTIONAL = 16;
    private static final int LIST_OF_FIVE = 24 + 40;
    private static final int ITERATOR = 32;
    private static final int MAP = Runtime.version().feature() < 21 ? 56 : 64;
    private static final int MAP_OF_FIVE = MAP + 80 + 5 * 40;

    /**
     * What a transaction allocates besides the copies of its values: 6,120 bytes were measured, and 6,712 with a
     * listener. The rest is less than one copy.
     */
    private static final int TRANSACTION = 6_900;

    private static final int MEASUREMENT = 600;

    private final List<String> ids =
            new ArrayList<>(IntStream.range(0, 5).mapToObj(n -> "bob." + n).toList());
    private final Fixture fixture;
    private final boolean listens;

    AllocationTest(boolean listens) {
        this.listens = listens;
        fixture = Fixture.of(Kind.COMPLETE, options -> listens ? options.listener(new KeyStoreListener() {}) : options);
    }

    @BeforeEach
    void fill() {
        ids.forEach(id -> fixture.alice.put(KeyTypes.SESSION, id, new byte[VALUE_BYTES]));
        fixture.alice.put(KeyTypes.LID_MAPPING, "bob", "1234");
    }

    @AfterEach
    void close() {
        fixture.close();
    }

    @Test
    void find_cached_allocatesKeyCopyAndOptional() {
        assertThat(allocatedBytes(() -> fixture.alice.find(KeyTypes.SESSION, "bob.1")))
                .isPositive()
                .isLessThanOrEqualTo(KEY + COPY + OPTIONAL);
    }

    @Test
    void find_cachedImmutableValue_allocatesKeyAndOptional() {
        assertThat(allocatedBytes(() -> fixture.alice.find(KeyTypes.LID_MAPPING, "bob")))
                .isPositive()
                .isLessThanOrEqualTo(KEY + OPTIONAL);
    }

    @Test
    void get_fiveCached_allocatesKeysCopiesTwoListsAndTheMap() {
        assertThat(allocatedBytes(() -> fixture.alice.get(KeyTypes.SESSION, ids)))
                .isPositive()
                .isLessThanOrEqualTo(5 * (KEY + COPY) + 2 * LIST_OF_FIVE + 2 * ITERATOR + MAP_OF_FIVE);
    }

    @Test
    void put_copiesTheValueForCacheRecordAndBackend() {
        byte[] small = new byte[VALUE_BYTES];
        byte[] large = new byte[2 * VALUE_BYTES];
        long ofLarge = Long.MAX_VALUE;
        long ofSmall = Long.MAX_VALUE;
        for (int n = 0; n < TRIES; n++) { // in turn: code that the JVM compiles meanwhile may allocate less
            ofLarge = Math.min(ofLarge, allocatedOnce(() -> put(large)));
            ofSmall = Math.min(ofSmall, allocatedOnce(() -> put(small)));
        }
        assertThat(ofLarge - ofSmall).isEqualTo(3 * VALUE_BYTES);
    }

    @Test
    void transaction_ofOneReadAndOneWrite_copiesOnceMoreAndAllocatesLittleElse() {
        byte[] value = new byte[VALUE_BYTES];
        assertThat(allocatedBytes(() -> fixture.alice.transaction("session:bob.1", tx -> {
                    tx.find(KeyTypes.SESSION, "bob.1");
                    tx.put(KeyTypes.SESSION, "bob.1", value);
                    return tx;
                })))
                .isGreaterThan(4 * COPY)
                .isLessThanOrEqualTo(4 * COPY + TRANSACTION + (listens ? MEASUREMENT : 0));
    }

    private void put(byte[] value) {
        fixture.alice.put(KeyTypes.SESSION, "bob.1", value);
    }

    /** The minimum of several attempts, since the first one loads classes. */
    private static long allocatedBytes(Runnable read) {
        long least = Long.MAX_VALUE;
        for (int n = 0; n < TRIES; n++) {
            least = Math.min(least, allocatedOnce(read));
        }
        return least;
    }

    private static long allocatedOnce(Runnable call) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        call.run();
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
