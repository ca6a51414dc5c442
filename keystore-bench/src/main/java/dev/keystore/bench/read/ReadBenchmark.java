package dev.keystore.bench.read;

import dev.keystore.bench.OperationCounters;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.ThreadParams;

/**
 * Reads of one id, and of five ids as a map, from 10,000 cached entries of 1 KiB in one context.
 *
 * <p>Run it with {@code mvn -q compile -Pbench -Dbench.options="--only=READ_ONE"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Benchmark)
@SuppressWarnings("NullAway.Init") // JMH fills in the parameters, and calls the setup
public class ReadBenchmark {

    /** The cache that is read. */
    @Param
    public ReadPeers peer;

    /** The cache's capacity. */
    @Param
    public Room room;

    /** How the reads are distributed. */
    @Param
    public Distribution distribution;

    private ReadPeer values;

    /** Fills the peer. */
    @Setup
    public void open() {
        values = peer.open(room.bytes());
        values.fill(HotEntries.ids());
    }

    /** Closes the peer. */
    @TearDown
    public void close() throws Exception {
        values.close();
    }

    /** The ids that a thread reads. */
    @State(Scope.Thread)
    public static class ReadIds {

        private String[] single;
        private List<List<String>> several;
        private int next;

        /** Prepares the ids; a second thread starts in the middle. */
        @Setup
        public void prepare(ReadBenchmark benchmark, ThreadParams thread) {
            single = benchmark.distribution.single();
            several = benchmark.distribution.several();
            next = thread.getThreadIndex() * (single.length / thread.getThreadCount());
        }

        private String id() {
            return single[next++ & (single.length - 1)];
        }

        private List<String> ids() {
            int n = next++;
            return several.get(n % several.size());
        }
    }

    /** Reads one id. */
    @Benchmark
    public Object one(ReadIds ids, OperationCounters counted) {
        counted.count();
        return Objects.requireNonNull(values.one(ids.id()));
    }

    /** Reads five ids. */
    @Benchmark
    public Map<String, ?> five(ReadIds ids, OperationCounters counted) {
        counted.count();
        return values.several(ids.ids());
    }
}
