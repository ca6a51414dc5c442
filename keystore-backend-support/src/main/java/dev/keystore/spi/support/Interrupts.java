package dev.keystore.spi.support;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import org.jspecify.annotations.Nullable;

/** Completes file access in spite of interrupts, which close a {@link java.nio.channels.FileChannel} that is in use. */
public final class Interrupts {

    private Interrupts() {}

    /**
     * Reads or writes files through channels that it opens itself, and can be repeated from the beginning.
     *
     * @param <T> the type of the result
     */
    @FunctionalInterface
    public interface FileAccess<T extends @Nullable Object> {

        /**
         * Accesses the files.
         *
         * @return the result
         * @throws IOException if that fails
         */
        T run() throws IOException;
    }

    /**
     * Runs file access to completion, and repeats it when an interrupt closes its channel. The thread's interrupt flag
     * is cleared meanwhile, and restored afterwards.
     *
     * @param access may run several times
     * @param <T> the type of the result
     * @return the result
     * @throws IOException if the access fails for a reason other than an interrupt
     */
    public static <T extends @Nullable Object> T uninterrupted(FileAccess<T> access) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                try {
                    return access.run();
                } catch (ClosedByInterruptException e) {
                    interrupted |= Thread.interrupted();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
