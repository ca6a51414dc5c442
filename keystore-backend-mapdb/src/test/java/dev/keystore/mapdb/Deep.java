package dev.keystore.mapdb;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Does work where the stack is about to overflow. */
final class Deep {

    private static final long STACK_BYTES = 512 << 10;
    private static final int TIMES = 400;

    private Deep() {}

    /**
     * Does work at the bottom of a thread's stack, where calling it already overflows, and then 400 times, each with a
     * little more stack left. So it overflows at one after the other of the calls that the work makes, and again at
     * those that handle that. Some overflows within the JVM reach the work as an {@link InternalError}.
     *
     * @param work has been done before: what is initialized where no stack is left can't be used again
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
