package dev.keystore.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.ThreadParams;

/**
 * What the threads did in an iteration, its edges included, and the CPU time that their process took for it: with that of
 * the collector, the compiler, and whatever a cache does in the background.
 */
@AuxCounters(AuxCounters.Type.EVENTS)
@State(Scope.Thread)
public class Counted {

    private static final double NANOS_PER_MICRO = 1_000;

    /** How often a thread did its work. */
    public double operations;

    /** The CPU time of the process; counted by one thread, 0 for the others. */
    public double cpuMicros;

    /** The CPU time of a thread that did the work. */
    public double ownCpuMicros;

    private long done;
    private double cpuMicrosBefore;
    private double ownCpuMicrosBefore;

    /** Begins to count. */
    @Setup(Level.Iteration)
    public void begin() {
        done = 0;
        cpuMicrosBefore = processCpuMicros();
        ownCpuMicrosBefore = ownCpuMicros();
    }

    /** Ends counting. */
    @TearDown(Level.Iteration)
    public void end(ThreadParams thread) {
        operations = done;
        ownCpuMicros = ownCpuMicros() - ownCpuMicrosBefore;
        cpuMicros = thread.getThreadIndex() == 0 ? processCpuMicros() - cpuMicrosBefore : 0;
    }

    /** Counts one operation. */
    public final void count() {
        done++;
    }

    private static double ownCpuMicros() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / NANOS_PER_MICRO;
    }

    private static double processCpuMicros() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime()
                / NANOS_PER_MICRO;
    }
}
