package dev.keystore.torture;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Supplier;

/** What the instrumented classes call before each of their own calls: the place where an error is thrown. */
public final class CallSites {

    /** What happens at call sites on the threads that it watches. */
    private interface Plan {

        void before(int site) throws Throwable;
    }

    private static volatile Plan plan = site -> {};

    private CallSites() {}

    /** Called before a call. */
    public static void before(int site) throws Throwable {
        plan.before(site);
    }

    /** Runs work and returns the call sites that this thread came by, in the order of their first time. */
    static Set<Integer> record(Work work) throws Throwable {
        Thread self = Thread.currentThread();
        Set<Integer> sites = new LinkedHashSet<>();
        plan = site -> {
            if (Thread.currentThread() == self) {
                sites.add(site);
            }
        };
        try {
            work.run();
        } finally {
            disarm();
        }
        return sites;
    }

    /**
     * Makes a call fail on this thread, the first time that it comes to it.
     *
     * @param lasting whether all later calls fail as well, as they do for a thread that has no stack left
     */
    static void arm(int armed, boolean lasting, Supplier<Error> error) {
        Thread self = Thread.currentThread();
        boolean[] failed = {false};
        plan = site -> {
            if (Thread.currentThread() == self && (failed[0] ? lasting : site == armed)) {
                failed[0] = true;
                throw error.get();
            }
        };
    }

    static void disarm() {
        plan = site -> {};
    }

    @FunctionalInterface
    interface Work {
        void run() throws Throwable;
    }
}
