package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.Fixture.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CacheTest {

    private static final long BOUND_BYTES = 128 * 1024;

    @Test
    @DisplayName("R6 the cache is bounded in bytes over all contexts together, including negative entries")
    void cache_manyContexts_staysWithinItsBound() {
        long seed = System.nanoTime();
        System.out.println("CacheTest: seed " + seed);
        Random random = new Random(seed);
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.maximumCacheBytes(BOUND_BYTES))) {
            List<SignalKeyStore> contexts = IntStream.range(0, 8)
                    .mapToObj(i -> fixture.database.forContext("context " + i))
                    .toList();
            long most = 0;
            for (int i = 0; i < 6_000; i++) {
                SignalKeyStore store = contexts.get(random.nextInt(contexts.size()));
                String id = "x".repeat(random.nextInt(1, 900)) + random.nextInt(500);
                switch (random.nextInt(4)) {
                    case 0 -> store.put(KeyTypes.SESSION, id, new byte[random.nextInt(4_000)]);
                    case 1 -> store.put(KeyTypes.LID_MAPPING, id, "y".repeat(random.nextInt(2_000)));
                    case 2 -> store.get(KeyTypes.SESSION, List.of(id, id + "a", id + "b"));
                    default -> store.find(KeyTypes.SESSION, "never written " + i);
                }
                if (i % 50 == 0) {
                    long cached = fixture.database.stats().cachedBytes();
                    assertThat(cached).isLessThanOrEqualTo(BOUND_BYTES);
                    most = Math.max(most, cached);
                }
            }
            assertThat(most).isGreaterThan(BOUND_BYTES / 2);
        }
    }

    @Test
    @DisplayName("R6 values, decoded values, long ids and the entries of absent ids count towards the cache's bound")
    void cachedBytes_eachPart_counts() {
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.find("absent");
            long absent = grown(fixture, 0);
            assertThat(absent).isBetween(100L, 1_000L);

            fixture.find("a".repeat(1_024));
            long longId = grown(fixture, absent);
            assertThat(longId).isGreaterThanOrEqualTo(absent + 1_000);

            fixture.alice.put(KeyTypes.SESSION, "x", new byte[10_000]);
            long before = absent + longId;
            long session = grown(fixture, before);
            assertThat(session).isBetween(10_000L, 12_000L);

            fixture.alice.put(KeyTypes.LID_MAPPING, "x", "y".repeat(10_000));
            assertThat(grown(fixture, before + session)).isGreaterThanOrEqualTo(20_000);

            fixture.alice.delete(KeyTypes.SESSION, "x");
            fixture.alice.delete(KeyTypes.LID_MAPPING, "x");
            assertThat(grown(fixture, before)).isBetween(100L, 1_000L);
        }
    }

    private static long grown(Fixture fixture, long before) {
        return fixture.database.stats().cachedBytes() - before;
    }

    @Test
    @DisplayName("R6 the cache counts at least as many bytes as it takes on the heap")
    void cachedBytes_ofSmallEntries_coverTheHeapTheyTake() {
        long bound = 32L << 20;
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.maximumCacheBytes(bound))) {
            List<SignalKeyStore> contexts = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                contexts.add(fixture.database.forContext("context " + i));
            }
            contexts.forEach(store -> store.find(KeyTypes.SESSION, "warm"));
            fixture.faults.forgetCalls();
            long heapBefore = Heap.retainedBytes();
            for (int i = 0; i < 40_000; i++) {
                contexts.get(i % 20).find(KeyTypes.SESSION, "remote." + i);
                if (i % 1_000 == 0) {
                    fixture.faults.forgetCalls();
                }
            }
            fixture.faults.forgetCalls();
            long counted = fixture.database.stats().cachedBytes();
            long retained = Heap.retainedBytes() - heapBefore;
            System.out.println("CacheTest: " + retained + " bytes retained, " + counted + " counted");
            assertThat(fixture.database.stats().loads()).isEqualTo(40_020);
            assertThat(counted).isLessThan(bound);
            assertThat(retained).isLessThan(counted + (counted >> 2));
        }
    }

    @Test
    @DisplayName("R6 what does not fit into the cache is read from the backend each time, correctly")
    void find_cacheTooSmall_readsBackend() {
        KeyType<byte[]> big = KeyType.ofBytes("big");
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.maximumCacheBytes(10_000))) {
            byte[] value = new byte[20_000];
            value[19_999] = 1;
            fixture.alice.put(big, "x", value);
            fixture.put("small", "1");
            for (int i = 0; i < 3; i++) {
                fixture.evict();
                assertThat(fixture.alice.find(big, "x")).hasValue(value);
                assertThat(fixture.find("small")).isEqualTo("1");
            }
            assertThat(fixture.faults.loads("big", "x")).isEqualTo(3);
            assertThat(fixture.faults.loads("session", "small")).isZero();
        }
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.maximumCacheBytes(0))) {
            for (int i = 0; i < 100; i++) {
                fixture.put("id" + i, "value " + i);
            }
            for (int i = 0; i < 100; i++) {
                assertThat(fixture.find("id" + i)).isEqualTo("value " + i);
                assertThat(fixture.find("absent" + i)).isEqualTo("absent");
            }
            assertThat(fixture.database.stats().cachedBytes()).isZero();
            assertThat(fixture.alice.find(KeyTypes.SESSION, "id7")).hasValue(bytes("value 7"));
        }
    }
}
