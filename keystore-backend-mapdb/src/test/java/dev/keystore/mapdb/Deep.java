package dev.keystore.mapdb;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Runs work where the stack is about to overflow. */
final class Deep {

    private static final long STACK_BYTES = 512 << 10;
    private static final int TIMES = 400;

    private Deep() {}

    /**
     * Runs work 400 times: first where a thread has so little stack left that the call itself overflows it, and then
     * each time with a little more. So each call that the work makes overflows in turn, and so do the calls that handle
     * that. Some overflows within the JVM reach the work as an {@link InternalError}.
     *
     * @param work has run before: a class that is initialized where no stack is left can't be used again
     */
    static void run(Runnable work) throws InterruptedException, ExecutionException {
        FutureTask<Boolean> task = new FutureTask<>(() -> {
            int[] left = {TIMES};
            down(work, left);
            return true;
        });
        Thread thread = new Thread(null, task, "deep", STACK_BYTES);
        thread.setDaemon(true);
        thread.start();
        task.get();
    }

    @SuppressWarnings("InfiniteRecursion")
    private static void down(Runnable work, int[] left) {
        try {
            down(work, left);
        } catch (StackOverflowError | InternalError e) {
            if (left[0] == 0) {
                return;
            }
            left[0]--;
            work.run();
            throw e;
        }
    }
}
