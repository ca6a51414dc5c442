package dev.keystore.spi.support;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs network I/O of virtual threads on platform threads.
 *
 * <p>The JDK wakes a virtual thread that waits for a socket from another virtual thread, which needs a carrier. Where
 * native frames pin all carriers, for example because libsignal calls back into the store, none is left, and the read
 * waits until its timeout although the answer is there (R27). A platform thread waits for its socket itself.
 */
public final class PlatformThreads {

    private static final @Nullable MethodHandle IS_VIRTUAL = isVirtual();

    private final String threadName;

    /**
     * Creates one, which starts no thread. A backend creates it when it is opened: that initializes this class, which
     * could not be used any more if its initialization failed at the end of some thread's stack (R31).
     *
     * @param threadName the name of the threads
     */
    public PlatformThreads(String threadName) {
        this.threadName = threadName;
    }

    /**
     * Runs work on this thread, or, if this is a virtual thread, on a new platform thread, and waits for it. An
     * interrupt does not end the wait; the interrupt flag stays set. The work must bound its own waits, and callers
     * bound how many run at a time.
     *
     * @param work runs once
     * @param <T> the type of the result
     * @return what the work returned
     */
    public <T> T run(Supplier<T> work) {
        return isVirtual(Thread.currentThread()) ? runOnNewThread(work) : work.get();
    }

    private <T> T runOnNewThread(Supplier<T> work) {
        FutureTask<T> task = new FutureTask<>(work::get);
        Thread thread = new Thread(task, threadName);
        thread.setDaemon(true);
        thread.start();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) e.getCause();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** {@code Thread.isVirtual} exists since JDK 21. */
    private static @Nullable MethodHandle isVirtual() {
        try {
            return MethodHandles.publicLookup()
                    .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
        } catch (NoSuchMethodException | IllegalAccessException e) {
            return null;
        }
    }

    private static boolean isVirtual(Thread thread) {
        try {
            return IS_VIRTUAL != null && (boolean) IS_VIRTUAL.invokeExact(thread);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
