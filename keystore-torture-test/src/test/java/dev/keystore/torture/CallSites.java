package dev.keystore.torture;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Supplier;

/** The method that instrumented classes call before each of their calls, where errors are thrown. */
public final class CallSites {

    /** An action at call sites. */
    private interface SiteAction {

        void before(int site) throws Throwable;
    }

    private static volatile SiteAction action = site -> {};

    private CallSites() {}

    /** Runs the current action before a call. */
    public static void before(int site) throws Throwable {
        action.before(site);
    }

    /** Runs code and returns the call sites that this thread reached, in the order of the first time. */
    static Set<Integer> record(ThrowingRunnable code) throws Throwable {
        Thread self = Thread.currentThread();
        Set<Integer> sites = new LinkedHashSet<>();
        action = site -> {
            if (Thread.currentThread() == self) {
                sites.add(site);
            }
        };
        try {
            code.run();
        } finally {
            disarm();
        }
        return sites;
    }

    /**
     * Makes a call fail on this thread, the first time it is reached.
     *
     * @param lasting whether all later calls fail, too, like on an exhausted stack
     */
    static void arm(int armed, boolean lasting, Supplier<Error> error) {
        Thread self = Thread.currentThread();
        boolean[] failed = {false};
        action = site -> {
            if (Thread.currentThread() == self && (failed[0] ? lasting : site == armed)) {
                failed[0] = true;
                throw error.get();
            }
        };
    }

    static void disarm() {
        action = site -> {};
    }

    @FunctionalInterface
    interface ThrowingRunnable {
        void run() throws Throwable;
    }
}
