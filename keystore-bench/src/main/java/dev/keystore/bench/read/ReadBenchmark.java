package dev.keystore.bench.read;

import dev.keystore.bench.Counted;
import dev.keystore.bench.read.Hot.Frequency;
import dev.keystore.bench.read.Hot.Room;
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

/** 10,000 entries of 1 KiB in one context, all in memory: one id, or five ids as a map. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Benchmark)
@SuppressWarnings("NullAway.Init") // JMH fills in the parameters, and calls the setup
public class ReadBenchmark {

    /** What is read from. */
    @Param
    public ReadPeers peer;

    /** How much it may hold. */
    @Param
    public Room room;

    /** How often each id is read. */
    @Param
    public Frequency frequency;

    private ReadPeer values;

    /** Fills the peer. */
    @Setup
    public void open() {
        values = peer.open(room.bytes());
        values.fill(Hot.ids());
    }

    /** Closes the peer. */
    @TearDown
    public void close() throws Exception {
        values.close();
    }

    /** The ids that a thread reads. */
    @State(Scope.Thread)
    public static class Ids {

        private String[] single;
        private List<List<String>> several;
        private int next;

        /** Prepares the ids; the second thread begins in the middle. */
        @Setup
        public void prepare(ReadBenchmark benchmark, ThreadParams thread) {
            single = benchmark.frequency.single();
            several = benchmark.frequency.several();
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
    public Object one(Ids ids, Counted counted) {
        counted.count();
        return Objects.requireNonNull(values.one(ids.id()));
    }

    /** Reads five ids. */
    @Benchmark
    public Map<String, ?> five(Ids ids, Counted counted) {
        counted.count();
        return values.several(ids.ids());
    }
}
