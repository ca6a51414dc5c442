package dev.keystore.bench.commit;

import dev.keystore.bench.FsyncProbe;
import dev.keystore.bench.OperationCounters;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.ThreadParams;

/**
 * Transactions that read one session, and write it and one other entry, 1 KiB each. They are durable when they return.
 * Threads never use the same id.
 *
 * <p>Run it with {@code mvn -q compile -Pbench -Dbench.options="--only=^COMMIT"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@State(Scope.Benchmark)
@SuppressWarnings("NullAway.Init") // JMH fills in the parameters, and calls the setup
public class CommitBenchmark {

    /** The store that is committed to. */
    @Param
    public CommitPeers peer;

    /** The number of stored entries. */
    @Param("10000")
    public int entries;

    /** The number of contexts that hold the entries. */
    @Param("1")
    public int contexts;

    /** The folder of the peers' folders. A peer that an earlier variant filled is used again. */
    @Param("bench-data")
    public String folder;

    /** The delay of each fsync in microseconds that the JVM was started with; 0 if there is none. */
    @Param("0")
    public int fsyncDelayMicros;

    private Dataset stored;
    private CommitPeer store;
    private double delayedFsyncRate;

    /** Opens and fills the peer. */
    @Setup
    public void open(BenchmarkParams params) throws Exception {
        delayedFsyncRate = fsyncDelayMicros == 0 ? 0 : delayedFsyncRate();
        stored = Dataset.of(entries, contexts, params.getThreads());
        store = stored.open(peer, Path.of(folder));
    }

    private double delayedFsyncRate() throws IOException {
        double rate = new FsyncProbe(Path.of(folder)).rate();
        if (rate * fsyncDelayMicros > TimeUnit.SECONDS.toMicros(1)) {
            throw new IllegalStateException("fsyncs are not delayed: the library was not preloaded");
        }
        return rate;
    }

    /** Closes the peer. */
    @TearDown
    public void close() throws Exception {
        store.close();
    }

    /** The ids of a thread. */
    @State(Scope.Thread)
    public static class CommitIds {

        private Dataset stored;
        private SplittableRandom random;
        private int thread;
        private int threads;

        /** Assigns every n-th id to this thread, where n is the number of threads. */
        @Setup
        public void prepare(CommitBenchmark benchmark, ThreadParams parameters) {
            stored = benchmark.stored;
            thread = parameters.getThreadIndex();
            threads = parameters.getThreadCount();
            random = new SplittableRandom(thread);
        }

        private int next() {
            return stored.randomNumber(random, thread, threads);
        }
    }

    /** The fsyncs of a peer, counted by the first thread. */
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Fsyncs {

        /** The number of fsyncs; 0 if the peer does not count them. */
        public double fsyncs;

        /** The sum of the probed fsync rates; 0 if fsyncs are not delayed. */
        public double probedFsyncRate;

        /** The number of probed rates; 0 if fsyncs are not delayed. */
        public double probes;

        private long before;

        /** Starts counting. */
        @Setup(Level.Iteration)
        public void begin(CommitBenchmark benchmark) {
            before = benchmark.store.fsyncs().orElse(0);
        }

        /** Stops counting. */
        @TearDown(Level.Iteration)
        public void end(CommitBenchmark benchmark, ThreadParams thread) {
            boolean reports = thread.getThreadIndex() == 0;
            fsyncs = reports ? benchmark.store.fsyncs().orElse(0) - before : 0;
            probes = reports && benchmark.fsyncDelayMicros > 0 ? 1 : 0;
            probedFsyncRate = probes * benchmark.delayedFsyncRate;
        }
    }

    /** Commits once. */
    @Benchmark
    public void commit(CommitIds ids, OperationCounters counted, Fsyncs fsyncs) throws Exception {
        int number = ids.next();
        store.commit(stored.context(number), Dataset.id(number));
        counted.count();
    }
}
