package dev.keystore.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

/**
 * Ends a command properly when the user presses Ctrl-C or the system ends the process: its thread is interrupted,
 * closes the stores, and the process exits with the code that the command returns then.
 */
final class Interruption {

    /**
     * How long the command has to end. Afterwards the process exits as it is, which loses nothing that was committed.
     */
    private static final int SECONDS_TO_END = 60;

    private static volatile boolean prompting;

    private Interruption() {}

    /** Runs a command on this thread, and returns its exit code. */
    static int run(IntSupplier command) {
        Thread thread = Thread.currentThread();
        CountDownLatch ended = new CountDownLatch(1);
        int[] code = {ExitCodes.INTERRUPTED}; // if the command throws
        Thread hook = new Thread(() -> end(thread, ended, code), "keystore-interruption");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            code[0] = command.getAsInt();
        } finally {
            ended.countDown();
        }
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            return code[0]; // the process is exiting, and the hook sets its exit code
        }
        return code[0];
    }

    private static void end(Thread command, CountDownLatch ended, int[] code) {
        if (prompting) {
            return; // nothing has begun; the console restores itself
        }
        command.interrupt();
        try {
            if (ended.await(SECONDS_TO_END, TimeUnit.SECONDS)) {
                System.out.flush();
                Runtime.getRuntime().halt(code[0]);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(ExitCodes.INTERRUPTED);
    }

    /** Says whether the command waits for the user, when an interrupt of its thread would have no effect. */
    static void setPrompting(boolean waits) {
        prompting = waits;
    }
}
