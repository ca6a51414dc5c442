package dev.keystore.testkit;

import dev.keystore.spi.Batch;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Backends that report wrong times of fsyncs fail exactly the test that names the fault (R64). */
class BrokenFsyncTimesTest {

    private static final String EACH_WRITE =
            "R100 each write reports its fsync before it returns, on its thread, and no more time than it took";
    private static final String READS = "R100 reads report no fsync";

    @Test
    @DisplayName("R64 a backend that reports its fsyncs correctly passes")
    void correct() {
        Verdict.assertFails(Delegating.Timed::new);
    }

    @Test
    @DisplayName("R64 a backend that reports only its first fsync is detected")
    void reportsOnce() {
        Verdict.assertFails(
                () -> new Delegating.Timed() {
                    @Override
                    public void commit(List<Batch> group) {
                        super.commit(group);
                        fsyncTimes = nanos -> {};
                    }
                },
                EACH_WRITE);
    }

    @Test
    @DisplayName("R64 a backend that reports a wrong time is detected")
    void reportsWrongTime() {
        Verdict.assertFails(
                () -> new Delegating.Timed() {
                    @Override
                    public void commit(List<Batch> group) {
                        super.commit(group);
                        fsyncTimes.accept(Duration.ofDays(1).toNanos());
                    }
                },
                EACH_WRITE);
    }

    @Test
    @DisplayName("R64 a backend that reports its fsyncs on another thread is detected")
    void reportsOnAnotherThread() {
        Verdict.assertFails(
                () -> new Delegating.Timed() {
                    @Override
                    public void commit(List<Batch> group) {
                        memory.commit(group);
                        CompletableFuture.runAsync(() -> fsyncTimes.accept(0)).join();
                    }
                },
                EACH_WRITE);
    }

    @Test
    @DisplayName("R64 a backend that reports a read as an fsync is detected")
    void reportsReads() {
        Verdict.assertFails(
                () -> new Delegating.Timed() {
                    @Override
                    public Optional<byte[]> load(String context, String type, String id) {
                        fsyncTimes.accept(0);
                        return super.load(context, type, id);
                    }
                },
                READS);
    }
}
