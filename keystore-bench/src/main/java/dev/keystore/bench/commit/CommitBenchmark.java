package dev.keystore.bench.commit;

import dev.keystore.bench.Counted;
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
 * A transaction that reads one session and writes it and one other entry, 1 KiB each, durable when it returns. Threads
 * never meet on an id.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@State(Scope.Benchmark)
@SuppressWarnings("NullAway.Init") // JMH fills in the parameters, and calls the setup
public class CommitBenchmark {

    /** What is committed to. */
    @Param
    public CommitPeers peer;

    /** How many entries are stored. */
    @Param("10000")
    public int entries;

    /** Over how many contexts they are spread. */
    @Param("1")
    public int contexts;

    /** The folder of the peers' folders. What is there when a run begins is what the one before left. */
    @Param("bench-data")
    public String folder;

    private Stored stored;
    private CommitPeer store;

    /** Opens and fills the peer. */
    @Setup
    public void open(BenchmarkParams params) throws Exception {
        stored = Stored.of(entries, contexts, params.getThreads());
        store = stored.open(peer, Path.of(folder));
    }

    /** Closes the peer. */
    @TearDown
    public void close() throws Exception {
        store.close();
    }

    /** The ids of a thread. */
    @State(Scope.Thread)
    public static class Ids {

        private SplittableRandom random;
        private int first;
        private int step;
        private int count;

        /** Gives each thread every n-th id. */
        @Setup
        public void prepare(CommitBenchmark benchmark, ThreadParams thread) {
            first = thread.getThreadIndex();
            step = thread.getThreadCount();
            count = (benchmark.stored.ids() - first + step - 1) / step;
            random = new SplittableRandom(first);
        }

        private int next() {
            return first + step * random.nextInt(count);
        }
    }

    /** How often a peer waited for the medium, counted by the first thread. */
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Fsyncs {

        /** 0 where the peer does not count them. */
        public double fsyncs;

        private long before;

        /** Begins to count. */
        @Setup(Level.Iteration)
        public void begin(CommitBenchmark benchmark) {
            before = benchmark.store.fsyncs().orElse(0);
        }

        /** Ends counting. */
        @TearDown(Level.Iteration)
        public void end(CommitBenchmark benchmark, ThreadParams thread) {
            fsyncs = thread.getThreadIndex() == 0 ? benchmark.store.fsyncs().orElse(0) - before : 0;
        }
    }

    /** Commits once. */
    @Benchmark
    public void commit(Ids ids, Counted counted, Fsyncs fsyncs) throws Exception {
        int number = ids.next();
        store.commit(stored.context(number), Stored.id(number));
        counted.count();
    }
}
