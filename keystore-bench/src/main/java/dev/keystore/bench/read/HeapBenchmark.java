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

    /** The result. */
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class HeapBytes {

        /** Bytes per entry or context. */
        public double bytes;
    }

    /** Measures a cached entry, including its key and id, without its value. */
    @Benchmark
    public void entry(HeapBytes heap) {
        try (SignalKeyDatabase database = open()) {
            SignalKeyStore alice = database.forContext("alice");
            heap.bytes = bytesPer(database, n -> {
                String id = "1555%08d.1".formatted(n);
                alice.put(KeyTypes.SESSION, id, HotEntries.value(id));
            });
            heap.bytes -= HotEntries.VALUE_BYTES;
        }
    }

    /** Measures an open context, including its name. */
    @Benchmark
    public void context(HeapBytes heap) {
        try (SignalKeyDatabase database = open()) {
            heap.bytes = bytesPer(database, n -> database.forContext("account-" + n));
        }
    }

    private static SignalKeyDatabase open() {
        return SignalKeyDatabase.builder().backend(new ForgetfulBackend()).open();
    }

    /** Adds as many beforehand, so that what cache and JVM allocate at first use is not counted. */
    private static double bytesPer(SignalKeyDatabase database, IntConsumer add) {
        for (int n = 0; n < COUNT; n++) {
            add.accept(n);
        }
        long before = bytes(database);
        for (int n = COUNT; n < 2 * COUNT; n++) {
            add.accept(n);
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
