package dev.keystore.mapdb;

import dev.keystore.KeyStoreException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.StoreOpenException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.Path;

/** Creates the exception for a store that could not be opened: interrupted, or failed. */
final class OpenFailure {

    private OpenFailure() {}

    /**
     * Returns the exception to throw when an opening has failed. If an interrupt caused that, the thread's flag is set.
     *
     * @param failure what the opening threw
     */
    static KeyStoreException of(Path path, Exception failure) {
        if (!isInterrupt(failure)) {
            return new StoreOpenException(path + ": could not open: " + Remedy.explain(failure), failure);
        }
        Thread.currentThread().interrupt();
        KeyStoreException interrupted = new OperationInterruptedException("the store " + path + " to be opened");
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
}
