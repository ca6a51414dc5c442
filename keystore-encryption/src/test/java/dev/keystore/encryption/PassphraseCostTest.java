package dev.keystore.encryption;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Measures what the root key of a passphrase costs when a store is opened. */
@Tag("long")
class PassphraseCostTest {

    private static final int OPENINGS = 15;
    private static final long MIB = 1 << 20;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    @DisplayName("R73 a passphrase costs 64 MiB for each opening, and the time that is printed")
    void unwrap_takesTimeAndMemory() {
        Passphrase passphrase = Passphrase.from("correct horse battery staple"::toCharArray);
        byte[] wrapped = passphrase.wrap(new byte[32], new byte[0]);
        double[] millis = new double[OPENINGS];
        double[] cpuMillis = new double[OPENINGS];
        long allocated = 0;
        for (int i = 0; i < OPENINGS; i++) {
            long bytesBefore = threads.getCurrentThreadAllocatedBytes();
            long cpuBefore = threads.getCurrentThreadCpuTime();
            long before = System.nanoTime();
            assertThat(passphrase.unwrap(wrapped, new byte[0])).hasSize(32);
            millis[i] = (System.nanoTime() - before) / 1e6;
            cpuMillis[i] = (threads.getCurrentThreadCpuTime() - cpuBefore) / 1e6;
            allocated = threads.getCurrentThreadAllocatedBytes() - bytesBefore;
        }
        System.out.printf(
                "PassphraseCostTest: the first opening took %.0f ms, %.0f of them CPU; of %d, the median took %.0f ms,"
                        + " %.0f of them CPU; each allocated %.1f MiB%n",
                millis[0], cpuMillis[0], OPENINGS, median(millis), median(cpuMillis), (double) allocated / MIB);
        assertThat(allocated).as("bytes allocated by an opening").isBetween(64 * MIB, 80 * MIB);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
