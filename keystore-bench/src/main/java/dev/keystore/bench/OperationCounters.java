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
 * Counts the operations of an iteration, including its start and end, and the CPU time that they took. The CPU time of
 * the process includes the garbage collector, the compiler and a cache's background work.
 */
@AuxCounters(AuxCounters.Type.EVENTS)
@State(Scope.Thread)
public class OperationCounters {

    private static final double NANOS_PER_MICRO = 1_000;

    /** The operations of a thread. */
    public double operations;

    /** The CPU time of the process; reported by one thread, 0 in the others. */
    public double processCpuMicros;

    /** The CPU time of the thread. */
    public double threadCpuMicros;

    private long done;
    private double processCpuMicrosBefore;
    private double threadCpuMicrosBefore;

    /** Starts counting, when this JVM has its turn. */
    @Setup(Level.Iteration)
    public void begin() {
        Turn.begin();
        done = 0;
        processCpuMicrosBefore = currentProcessCpuMicros();
        threadCpuMicrosBefore = currentThreadCpuMicros();
    }

    /** Stops counting. */
    @TearDown(Level.Iteration)
    public void end(ThreadParams thread) {
        operations = done;
        threadCpuMicros = currentThreadCpuMicros() - threadCpuMicrosBefore;
        processCpuMicros = thread.getThreadIndex() == 0 ? currentProcessCpuMicros() - processCpuMicrosBefore : 0;
        Turn.end();
    }

    /** Counts one operation. */
    public final void count() {
        done++;
    }

    private static double currentThreadCpuMicros() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / NANOS_PER_MICRO;
    }

    private static double currentProcessCpuMicros() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime()
                / NANOS_PER_MICRO;
    }
}
