package dev.keystore.bench.read;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jol.info.GraphLayout;

/** Measures the heap of a cached entry and of an idle context. Time does not matter. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class HeapBenchmark {

    private static final int COUNT = 10_000;
    private static final int BATCHES = 3;

    /** The result. */
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class HeapBytes {

        /** Bytes per entry or context. */
        public double bytes;
    }

    /**
     * Measures a cached entry, including its key and id, without its value. The least of several batches does not count
     * what cache and JVM allocate once.
     */
    @Benchmark
    public void entry(HeapBytes heap) {
        try (SignalKeyDatabase database = open()) {
            SignalKeyStore alice = database.forContext("alice");
            heap.bytes = Double.MAX_VALUE;
            for (int batch = 0; batch < BATCHES; batch++) {
                double bytes = bytesPer(database, batch, n -> {
                    String id = "1555%08d.1".formatted(n);
                    alice.put(KeyTypes.SESSION, id, HotEntries.value(id));
                });
                heap.bytes = Math.min(heap.bytes, bytes - HotEntries.VALUE_BYTES);
            }
        }
    }

    /**
     * Measures an open context, including its name and its share of the table of contexts. A batch beforehand takes
     * what the JVM allocates at first use.
     */
    @Benchmark
    public void context(HeapBytes heap) {
        try (SignalKeyDatabase database = open()) {
            IntConsumer add = n -> database.forContext("account-" + n);
            bytesPer(database, 0, add);
            heap.bytes = bytesPer(database, 1, add);
        }
    }

    private static SignalKeyDatabase open() {
        return SignalKeyDatabase.builder().backend(new ForgetfulBackend()).open();
    }

    private static double bytesPer(SignalKeyDatabase database, int batch, IntConsumer add) {
        long before = bytes(database);
        for (int n = 0; n < COUNT; n++) {
            add.accept(batch * COUNT + n);
        }
        return (double) (bytes(database) - before) / COUNT;
    }

    /** Requests the statistics first, which makes the cache finish deferred work. */
    private static long bytes(SignalKeyDatabase database) {
        if (database.stats().cachedBytes() > database.options().maximumCacheBytes()) {
            throw new IllegalStateException("the cache exceeds its maximum size");
        }
        return GraphLayout.parseInstance(database).totalSize();
    }
}
