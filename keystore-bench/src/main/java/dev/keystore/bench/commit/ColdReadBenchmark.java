package dev.keystore.bench.commit;

import dev.keystore.bench.OperationCounters;
import dev.keystore.bench.commit.CommitPeer.EntryKind;
import java.nio.file.Path;
import java.util.Objects;
import java.util.SplittableRandom;
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

/**
 * Reads of single sessions of 1 KiB, chosen at random, by one thread. No peer caches an entry; its file is in the
 * operating system's page cache.
 *
 * <p>Run it with {@code mvn -q compile -Pbench -Dbench.options="--whole --only=READ_COLD"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@SuppressWarnings("NullAway.Init") // JMH fills in the parameters, and calls the setup
public class ColdReadBenchmark {

    /** The store that is read. */
    @Param
    public CommitPeers peer;

    /** The number of stored entries. */
    @Param("100000")
    public int entries;

    /** The folder of the peers' folders. A peer that an earlier variant filled is used again. */
    @Param("bench-data")
    public String folder;

    private final SplittableRandom random = new SplittableRandom(1);
    private Dataset stored;
    private CommitPeer store;

    /** Opens and fills the peer. */
    @Setup
    public void open() throws Exception {
        stored = Dataset.of(entries, 1, 1);
        store = stored.open(peer, Path.of(folder), false);
    }

    /** Closes the peer. */
    @TearDown
    public void close() throws Exception {
        store.close();
    }

    /** Reads one entry. */
    @Benchmark
    public byte[] one(OperationCounters counted) throws Exception {
        int number = random.nextInt(stored.ids());
        byte[] value = store.find(EntryKind.SESSION, stored.context(number), Dataset.id(number));
        counted.count();
        return Objects.requireNonNull(value);
    }
}
