package dev.keystore.async;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Runs each task on a new virtual thread, which needs JDK 21 or later. */
final class VirtualExecutor implements Executor {

    private static final @Nullable MethodHandle START = start();

    private final MethodHandle start;

    private VirtualExecutor(MethodHandle start) {
        this.start = start;
    }

    private static @Nullable MethodHandle start() {
        try {
            return MethodHandles.publicLookup()
                    .findStatic(
                            Thread.class, "startVirtualThread", MethodType.methodType(Thread.class, Runnable.class));
        } catch (NoSuchMethodException | IllegalAccessException e) {
            return null;
        }
    }

    /**
     * Creates an executor.
     *
     * @throws UnsupportedOperationException if the JVM has no virtual threads
     */
    static Executor create() {
        if (START == null) {
            throw new UnsupportedOperationException(
                    "This JVM has no virtual threads, which need JDK 21: pass an executor");
        }
        return new VirtualExecutor(START);
    }

    @Override
    public void execute(Runnable task) {
        try {
            Thread unused = (Thread) start.invokeExact(task);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
