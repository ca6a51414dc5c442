package dev.keystore.spi.support;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Recognizes virtual threads, and runs their network I/O on platform threads.
 *
 * <p>A virtual thread that waits for a socket is woken by another virtual thread of the JDK, which needs a carrier. If
 * native frames pin all carriers, for example because libsignal calls back into the store, none is left, and a read
 * waits until its timeout although the answer has arrived (R27). A platform thread does not depend on another thread.
 */
public final class PlatformThreads {

    private static final @Nullable MethodHandle IS_VIRTUAL = findIsVirtual();

    private final String threadName;

    /**
     * Creates an instance. No thread is started. A backend calls this while it is opened, so that this class is
     * initialized early: if its initialization overflowed a thread's stack, the class could not be used again (R31).
     *
     * @param threadName the name of the threads
     */
    public PlatformThreads(String threadName) {
        this.threadName = threadName;
    }

    /**
     * Runs work on this thread, or, if this is a virtual thread, on a new platform thread, and waits for it. An
     * interrupt does not end the wait; the interrupt flag stays set. The work must limit its own waits, and callers
     * must limit how many calls run concurrently.
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

    /** {@code Thread.isVirtual} was added in JDK 21. */
    private static @Nullable MethodHandle findIsVirtual() {
        try {
            return MethodHandles.publicLookup()
                    .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
        } catch (NoSuchMethodException | IllegalAccessException e) {
            return null;
        }
    }

    /**
     * Returns whether a thread is virtual. On a JDK before 21, none is.
     *
     * @param thread the thread
     * @return whether it is virtual
     */
    public static boolean isVirtual(Thread thread) {
        try {
            return IS_VIRTUAL != null && (boolean) IS_VIRTUAL.invokeExact(thread);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
