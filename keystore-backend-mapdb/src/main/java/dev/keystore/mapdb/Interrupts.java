package dev.keystore.mapdb;

import dev.keystore.KeyStoreException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.StoreOpenException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.Path;

/** Keeps interrupts away from channels, which they close. */
final class Interrupts {

    private Interrupts() {}

    /** What uses a channel that it opens itself, and may be done again from its beginning. */
    interface Work {
        void run() throws IOException;
    }

    /** Returns what an opening that failed throws; if an interrupt ended it, the thread's flag is set. */
    static KeyStoreException openFailure(Path path, String message, Exception failure) {
        if (!isInterrupt(failure)) {
            return new StoreOpenException(message, failure);
        }
        Thread.currentThread().interrupt();
        KeyStoreException interrupted = new OperationInterruptedException("the store at " + path + " to open");
        interrupted.addSuppressed(failure);
        return interrupted;
    }

    private static boolean isInterrupt(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ClosedByInterruptException
                    || cause instanceof FileLockInterruptionException
                    || cause instanceof InterruptedIOException
                    || cause instanceof InterruptedException) {
                return true;
            }
        }
        return false;
    }

    /** Does work to its end whatever interrupts come; the thread's flag is set again afterwards. */
    static void outlast(Work work) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                try {
                    work.run();
                    return;
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
