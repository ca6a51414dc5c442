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

/** What is on the heap for each entry that is cached, and for each context that does nothing; not a matter of time. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class HeapBenchmark {

    private static final int COUNT = 10_000;

    /** What is counted. */
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Heap {

        /** The bytes of one. */
        public double bytes;
    }

    /** A cached entry, its key and its id included, less its value. */
    @Benchmark
    public void entry(Heap heap) {
        try (SignalKeyDatabase database = open()) {
            SignalKeyStore alice = database.forContext("alice");
            heap.bytes = bytesPer(database, n -> {
                String id = "1555%08d.1".formatted(n);
                alice.put(KeyTypes.SESSION, id, Hot.value(id));
            });
            heap.bytes -= Hot.VALUE_BYTES;
        }
    }

    /** A context that was opened, its name included. */
    @Benchmark
    public void context(Heap heap) {
        try (SignalKeyDatabase database = open()) {
            heap.bytes = bytesPer(database, n -> database.forContext("account-" + n));
        }
    }

    private static SignalKeyDatabase open() {
        return SignalKeyDatabase.builder().backend(new ForgetfulBackend()).open();
    }

    /** Adds some first, since what a cache makes once it is used, and what the JVM does, is nobody's own. */
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

    /** Asks for the statistics first, which lets the cache do what it has put off. */
    private static long bytes(SignalKeyDatabase database) {
        if (database.stats().cachedBytes() > database.options().maximumCacheBytes()) {
            throw new IllegalStateException("the cache is over its bound");
        }
        return GraphLayout.parseInstance(database).totalSize();
    }
}
