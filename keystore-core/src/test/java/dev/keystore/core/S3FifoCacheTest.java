package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.keystore.KeyTypes;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class S3FifoCacheTest {

    private final S3FifoCache<TestNode<String>> cache = new S3FifoCache<>(10);

    private static final Context CONTEXT = new Context("alice", 0, new Envelope("alice"));

    private static EntryKey key(int number) {
        return new EntryKey(CONTEXT, KeyTypes.SESSION, Integer.toString(number));
    }

    /** Returns what is cached. Must be called last, since it reads all of it. */
    private String keys() {
        StringBuilder found = new StringBuilder();
        for (int key = 0; key < 10; key++) {
            if (cache.get(key(key)) != null) {
                found.append(key);
            }
        }
        return found.toString();
    }

    private void read(int... keys) {
        for (int key : keys) {
            assertThat(valueOf(cache.get(key(key)))).isEqualTo("ab");
        }
    }

    private void put(int... keys) {
        for (int key : keys) {
            put(key, "ab");
        }
    }

    private void put(int key, String value) {
        cache.put(new TestNode<>(key(key), value, value.length()));
    }

    private static <T> @Nullable T valueOf(@Nullable TestNode<T> node) {
        return node == null ? null : node.value;
    }

    @Test
    void put_full_evictsTheOldest() {
        put(1, 2, 3, 4, 5, 6, 7);
        assertThat(cache.weight()).isEqualTo(10);
        assertThat(keys()).isEqualTo("34567");
    }

    @Test
    void put_full_sparesWhatWasRead() {
        put(1, 2, 3, 4, 5);
        read(1, 3);
        put(6, 7, 8);
        assertThat(keys()).isEqualTo("13678");
    }

    @Test
    void put_allRead_evictsOneAllTheSame() {
        put(1, 2, 3, 4, 5);
        read(1, 2, 3, 4, 5);
        put(6);
        assertThat(keys()).hasSize(5).contains("6");
    }

    @Test
    void put_manyNeverRead_leaveWhatIsReadAlone() {
        put(1, 2, 3);
        read(1, 2, 3);
        put(4, 5, 6, 7, 8);
        assertThat(keys()).isEqualTo("12378");
    }

    @Test
    void put_backSoonAfterItsEviction_stays() {
        S3FifoCache<TestNode<Integer>> large = new S3FifoCache<>(100 * 1_024);
        for (int key = 0; key <= 100; key++) {
            large.put(new TestNode<>(key(key), key, 1_024));
        }
        large.put(new TestNode<>(key(0), 0, 1_024));
        for (int key = 1_000; key < 1_200; key++) {
            large.put(new TestNode<>(key(key), key, 1_024));
        }
        assertThat(valueOf(large.get(key(0)))).isZero();
        assertThat(large.get(key(1))).isNull();
    }

    @Test
    void put_knownKey_countsTheNewWeight() {
        put(1, 2, 3);
        put(2, "abcdef");
        assertThat(cache.weight()).isEqualTo(10);
        put(2, "abcdefgh");
        assertThat(cache.weight()).isEqualTo(10);
        put(2, "");
        assertThat(cache.weight()).isEqualTo(2);
        assertThat(keys()).isEqualTo("23");
    }

    @Test
    void put_heavierThanAll_keepsTheOthersAndNotTheOldValue() {
        put(1, 2, 3);
        put(2, "abcdefghijk");
        assertThat(cache.weight()).isEqualTo(4);
        assertThat(keys()).isEqualTo("13");
        put(3, "abcdefghij");
        assertThat(keys()).isEqualTo("3");
    }

    @Test
    void get_idsOfOneHash_areDistinct() {
        S3FifoCache<TestNode<String>> large = new S3FifoCache<>(100 * 1_024);
        String narrow = "bob.12";
        String wide = "\u0162\u056f\u0a62\u0a2e\u0531\u0132";
        assertThat(wide).hasSameHashCodeAs(narrow);
        List<String> ids = List.of(narrow, wide, "bob.1", "é", "");
        ids.forEach(id -> {
            assertThat(large.get(new EntryKey(CONTEXT, KeyTypes.SESSION, id))).isNull();
            large.put(new TestNode<>(new EntryKey(CONTEXT, KeyTypes.SESSION, id), id, 1));
        });
        List.of(narrow, wide)
                .forEach(id -> large.put(new TestNode<>(new EntryKey(CONTEXT, KeyTypes.SESSION, id), id, 1)));
        assertThat(ids).allSatisfy(id -> {
            assertThat(valueOf(large.get(new EntryKey(CONTEXT, KeyTypes.SESSION, id))))
                    .isEqualTo(id);
            assertThat(large.get(new EntryKey(CONTEXT, KeyTypes.SENDER_KEY, id)))
                    .isNull();
        });
    }

    @Test
    void put_sameNodeAgain_staysOnce() {
        put(1);
        TestNode<String> node = new TestNode<>(key(2), "ab", 2);
        cache.put(node);
        cache.put(node);
        assertThat(cache.weight()).isEqualTo(4);
        cache.remove(key(2));
        put(3, 4, 5, 6, 7);
        assertThat(keys()).isEqualTo("34567");
        cache.put(node);
        assertThat(cache.get(key(2))).isSameAs(node);
        assertThat(cache.weight()).isEqualTo(10);
    }

    @Test
    @DisplayName("R31 a put that ends with an error at any call leaves a cache that holds what is put afterwards")
    void put_endsWithAnError_isRepaired() {
        for (int key : new int[] {2, 4}) {
            int failures = 0;
            while (failsAt(failures + 1, key)) {
                failures++;
            }
            assertThat(failures).isGreaterThan(1);
        }
    }

    /** Puts a node whose weight fails at a call, and others afterwards; returns whether it failed. */
    private boolean failsAt(int call, int key) {
        cache.clear();
        TestNode<String> first = new TestNode<>(key(1), "ab", 2);
        cache.put(first);
        put(2, 3);
        FailingNode node = new FailingNode(key(key), call);
        boolean failed = false;
        try {
            cache.put(node);
        } catch (StackOverflowError e) {
            failed = true;
        }
        node.callsUntilFailure = 0;
        cache.put(node);
        put(5, 6);
        assertThat(cache.weight()).isEqualTo(failed ? 6 : 10);
        assertThat(cache.get(key(key))).isSameAs(node);
        put(7, 8, 9, 0);
        assertThat(cache.weight()).isEqualTo(10);
        if (failed) {
            assertThat(first.older == null && first.newer == null).isTrue();
        }
        return failed;
    }

    @Test
    @DisplayName(
            "R31 an eviction or a removal that ends with an error leaves a cache that holds what is put afterwards")
    void evictOrRemove_endsWithAnError_isRepaired() {
        List<Runnable> removals = List.of(() -> put(6), () -> cache.remove(key(1)));
        for (Runnable removal : removals) {
            cache.clear();
            FailingNode oldest = new FailingNode(key(1), 0);
            cache.put(oldest);
            put(2, 3, 4, 5);
            oldest.callsUntilFailure = 1;
            assertThatExceptionOfType(StackOverflowError.class).isThrownBy(removal::run);
            put(6);
            assertThat(cache.weight()).isEqualTo(2);
            put(7, 8, 9, 0);
            assertThat(cache.weight()).isEqualTo(10);
            assertThat(keys()).isEqualTo("06789");
        }
    }

    /** A node whose weight cannot be computed at one call. */
    private static final class FailingNode extends TestNode<String> {

        private int callsUntilFailure;

        FailingNode(EntryKey key, int callsUntilFailure) {
            super(key, "ab", 2);
            this.callsUntilFailure = callsUntilFailure;
        }

        @Override
        int weight() {
            if (--callsUntilFailure == 0) {
                throw new StackOverflowError();
            }
            return super.weight();
        }
    }

    @Test
    void put_knownKey_takesThePlaceOfItsNode() {
        put(1, 2, 3, 4, 5);
        put(2, "cd"); // counts as a read
        put(6, 7, 8);
        assertThat(valueOf(cache.get(key(2)))).isEqualTo("cd");
        assertThat(keys()).isEqualTo("25678");
    }

    @Test
    void remove_any_leavesTheOthers() {
        put(1, 2, 3, 4, 5);
        for (int key : new int[] {3, 1, 5, 9}) {
            cache.remove(key(key));
        }
        assertThat(cache.weight()).isEqualTo(4);
        put(6, 7, 8, 9);
        assertThat(keys()).isEqualTo("46789");
        for (int key = 0; key < 10; key++) {
            cache.remove(key(key));
        }
        assertThat(cache.weight()).isZero();
        put(1);
        assertThat(keys()).isEqualTo("1");
    }

    @Test
    @DisplayName("R6 under concurrent use, the cache never exceeds its bound and returns the value put last")
    void manyThreads_anyOrder_staysBoundedAndRight() throws Exception {
        long seed = System.nanoTime();
        System.out.println("S3FifoCacheTest: seed " + seed);
        S3FifoCache<TestNode<int[]>> shared = new S3FifoCache<>(500);
        Threads.together(4, thread -> {
            Random random = new Random(seed + thread);
            Map<Integer, int[]> mine = new HashMap<>();
            for (int i = 0; i < 100_000; i++) {
                int key = 4 * random.nextInt(100) + thread;
                int[] value = {key, random.nextInt(20)};
                switch (random.nextInt(4)) {
                    case 0 -> {
                        shared.put(new TestNode<>(key(key), value, value[1]));
                        mine.put(key, value);
                    }
                    case 1 -> {
                        shared.remove(key(key));
                        mine.remove(key);
                    }
                    default -> {
                        int[] found = valueOf(shared.get(key(key)));
                        assertThat(found == null || Arrays.equals(found, mine.get(key)))
                                .isTrue();
                    }
                }
                assertThat(shared.weight()).isLessThanOrEqualTo(500);
            }
            return true;
        });
        int sum = 0;
        for (int key = 0; key < 400; key++) {
            int[] left = valueOf(shared.get(key(key)));
            sum += left == null ? 0 : left[1];
        }
        assertThat(shared.weight()).isEqualTo(sum).isPositive();
    }

    @Test
    void hitRatio_zipf_isNotBelowCaffeines() {
        for (double exponent : new double[] {0.8, 1.0, 1.2}) {
            Zipf zipf = new Zipf(100_000, exponent);
            compare("zipf " + exponent, i -> zipf.next());
        }
    }

    @Test
    void hitRatio_zipfThatShifts_isNotBelowCaffeines() {
        Zipf zipf = new Zipf(100_000, 1.0);
        compare("a zipf that shifts", i -> (zipf.next() + i / 50) % 100_000);
    }

    @Test
    void hitRatio_zipfWithEntriesReadOnce_isNotBelowCaffeines() {
        Zipf zipf = new Zipf(100_000, 1.0);
        compare("a zipf, every third read one of an entry read once", i -> i % 3 == 0 ? 100_000 + i : zipf.next());
    }

    /** Runs both caches over one trace, with room for 10,000 entries. */
    private static void compare(String trace, IntUnaryOperator next) {
        int reads = 500_000;
        S3FifoCache<TestNode<Integer>> cache = new S3FifoCache<>(10_000 * 1_024);
        Cache<Integer, Integer> caffeine = Caffeine.newBuilder()
                .maximumSize(10_000)
                .executor(Runnable::run)
                .build();
        int hits = 0;
        int caffeinesHits = 0;
        for (int i = 0; i < reads; i++) {
            Integer key = next.applyAsInt(i);
            if (cache.get(key(key)) == null) {
                cache.put(new TestNode<>(key(key), key, 1_024));
            } else {
                hits++;
            }
            if (caffeine.getIfPresent(key) == null) {
                caffeine.put(key, key);
            } else {
                caffeinesHits++;
            }
        }
        double ratio = (double) hits / reads;
        double caffeines = (double) caffeinesHits / reads;
        System.out.printf("S3FifoCacheTest: %s, hit ratio %.4f, Caffeine's %.4f%n", trace, ratio, caffeines);
        assertThat(ratio).isGreaterThan(caffeines - 0.002);
    }

    /** A Zipf distribution: the n-th key is read 1/n^s as often as the first, in an order given by a fixed seed. */
    private static final class Zipf {

        private final double[] cumulative;
        private final Random random = new Random(42);

        Zipf(int keys, double exponent) {
            cumulative = new double[keys];
            double sum = 0;
            for (int i = 0; i < keys; i++) {
                sum += 1 / Math.pow(i + 1, exponent);
                cumulative[i] = sum;
            }
        }

        int next() {
            double at = random.nextDouble() * cumulative[cumulative.length - 1];
            int found = Arrays.binarySearch(cumulative, at);
            return found < 0 ? -found - 1 : found;
        }
    }
}
