package dev.keystore.bench.transfer;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** A process that runs one {@link Transfer}, and prints its duration, processor time and number of entries. */
final class TransferChild {

    private TransferChild() {}

    /** Runs with the name of the transfer, and the URLs of source and target. */
    public static void main(String[] arguments) throws Exception {
        long begin = System.nanoTime();
        long entries = Transfer.valueOf(arguments[0]).run(arguments[1], arguments[2]);
        long took = System.nanoTime() - begin;
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.println(took + " " + system.getProcessCpuTime() + " " + entries);
    }
}
