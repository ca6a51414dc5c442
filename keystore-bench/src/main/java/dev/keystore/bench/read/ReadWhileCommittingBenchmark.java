package dev.keystore.bench.read;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.core.SignalKeyDatabase;
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

/** Measures the latency of cached reads while another thread writes the same entries in commits of 100 ms. */
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@SuppressWarnings("NullAway.Init") // JMH fills in the parameters, and calls the setup
public class ReadWhileCommittingBenchmark {

    private static final long COMMIT_MILLIS = 100;

    /** Whether the other thread commits. */
    @Param({"false", "true"})
    public volatile boolean committing;

    private String[] ids;
    private int next;
    private SignalKeyDatabase database;
    private SignalKeyStore alice;
    private Thread other;

    /** Fills the store, and starts the other thread. */
    @Setup
    public void open() {
        ids = Distribution.ZIPF.single();
        ForgetfulBackend backend = new ForgetfulBackend();
        database = SignalKeyDatabase.builder().backend(backend).open();
        alice = database.forContext("alice");
        HotEntries.ids().forEach(id -> alice.put(KeyTypes.SESSION, id, HotEntries.value(id)));
        backend.setCommitNanos(TimeUnit.MILLISECONDS.toNanos(COMMIT_MILLIS));
        other = new Thread(this::commit);
        if (committing) {
            other.start();
        }
    }

    private void commit() {
        for (int n = 0; committing; n++) {
            String id = ids[n % ids.length];
            alice.put(KeyTypes.SESSION, id, HotEntries.value(id));
        }
    }

    /** Stops the other thread, which ends after at most one more commit. */
    @TearDown
    public void close() throws InterruptedException {
        committing = false;
        other.join();
        database.close();
    }

    /** Reads one id. */
    @Benchmark
    public byte[] read() {
        return alice.find(KeyTypes.SESSION, ids[next++ & (ids.length - 1)]).orElseThrow();
    }
}
